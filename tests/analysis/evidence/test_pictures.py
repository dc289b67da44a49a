"""What the pictures are: real PNG files, the same each time, with words for those who cannot see them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from analysis.evidence.drawing import EvidencePicture
from analysis.evidence.heatmap import face_map, heat_map, patch_means, place
from analysis.evidence.local import FaceBox, Patch, Window
from analysis.evidence.spectrogram import levels, spectrogram
from analysis.evidence.timeline import clip_bars, timeline, top_frames
from tests.analysis.media import scene

SCENE = scene(320, 240)
FRAMES = [SCENE] * 4
SOUND = np.sin(2 * np.pi * 1000 * np.arange(16_000 * 5) / 16_000).astype(np.float32)
PATCHES = [Patch(0, 0, 160, 240, 0.1), Patch(160, 120, 160, 120, 0.9)]


def all_kinds() -> list[EvidencePicture]:
    return [
        heat_map("d", SCENE, PATCHES, scanned=False),
        heat_map("d", SCENE, PATCHES, scanned=True),
        face_map("d", SCENE, [FaceBox(0, (10, 10, 90, 90), 0.4), FaceBox(0, (200, 90, 300, 200), None)]),
        timeline(
            "d", {0: 0.1, 1: 0.9, 3: 0.2}, FRAMES, [0.0, 1.0, 2.0, 70.0], [FaceBox(1, (9, 9, 99, 99), 0.9)]
        ),
        timeline("d", {0: 0.1, 1: 0.9}, FRAMES, None),
        clip_bars("d", [0.2, 0.8]),
        spectrogram("d", SOUND, [Window(0, 2, 0.2), Window(2, 4, 0.8)]),
        spectrogram("d", SOUND[:100], []),
    ]


def test_every_kind_is_a_labelled_png_and_the_same_again() -> None:
    for first, second in zip(all_kinds(), all_kinds(), strict=True):
        assert first == second
        image = Image.open(io.BytesIO(first.png))
        image.load()
        assert image.format == "PNG"
        assert image.info["Description"] == first.alt
        assert "Software" not in image.info
        assert 800 <= image.width <= 1200
        assert "neither a probability nor the verdict" in first.alt
        assert "fake" not in (first.title + first.alt).lower()


def test_alt_texts_say_what_is_seen() -> None:
    alts = [picture.alt for picture in all_kinds()]
    assert "2 places that it looked at, score from 0.10 to 0.90" in alts[0]
    assert "at the bottom right" in alts[0]
    assert "each judged alone" in alts[1]
    assert "score 0.40 of 1" in alts[2]
    assert "the highest are 0.90 at 1.0 s; 0.20 at 1 min 10 s; 0.10 at 0.0 s" in alts[3]
    assert "0.90 at frame 2" in alts[4]
    assert "the highest begins at 2.0 s" in alts[6]
    assert "which part led to it is not known" in alts[7]


def test_colours_are_the_scores_and_nothing_is_stretched() -> None:
    heat = patch_means((240, 320), (120, 160), [*PATCHES, Patch(0, 0, 320, 120, 0.5)], 0.5)
    assert heat[30, 30] == pytest.approx(0.3)  # two patches
    assert heat[90, 30] == pytest.approx(0.1)
    assert heat[90, 120] == pytest.approx(0.9)
    assert np.isnan(patch_means((240, 320), (120, 160), PATCHES, 0.5)[10, 150])  # never looked at


def test_places_in_words() -> None:
    assert place(160, 120, SCENE) == "centre"
    assert place(0, 0, SCENE) == "top left"
    assert place(319, 120, SCENE) == "middle right"


def test_highest_frames_first() -> None:
    assert top_frames({5: 0.2, 1: 0.9, 2: 0.9, 8: 0.1}) == [1, 2, 5]


def test_a_tone_is_a_line_at_its_height() -> None:
    spectrum = levels(SOUND)
    loudest = spectrum.mean(axis=1).argmax() * 8000 / (len(spectrum) - 1)
    assert loudest == pytest.approx(1000, abs=32)
    assert spectrum.max() == 0
    assert levels(np.zeros(10, np.float32)).shape[0] == len(spectrum)
