"""From a file and its scores to pictures, through a real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.engine import EmbeddedAnalyzer
from analysis.errors import EngineFailed
from analysis.evidence.drawing import EvidencePicture
from analysis.evidence.explain import explain
from analysis.limits import Limits, Sampling
from analysis.model import Score
from tests.analysis.fakes import Brightness, Loudness, MeanPolicy
from tests.analysis.media import clip, encoded, scene, sound, tone


@pytest.fixture(scope="module")
def engine() -> Iterator[EmbeddedAnalyzer]:
    limits = Limits(sampling=Sampling.LINSPACE)  # whose frames have known times
    made = EmbeddedAnalyzer([Brightness(), Loudness()], MeanPolicy(), limits, torch_threads=1)
    yield made
    made.close()


def explained(path: Path, engine: EmbeddedAnalyzer, *, scan: bool = True) -> list[EvidencePicture]:
    analysis = engine.submit(path).result(timeout=60)
    return explain(path, analysis.sha256, analysis.scores, engine, scan=scan)


def test_a_picture_is_scanned_where_the_detector_gives_no_places(
    engine: EmbeddedAnalyzer, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.fromarray(scene(320, 240)), "PNG"))
    (picture,) = explained(path, engine)
    assert picture.name == "heatmap-brightness"
    assert "each judged alone" in picture.alt
    assert explained(path, engine, scan=False) == []


def test_a_clip_with_sound_has_both(engine: EmbeddedAnalyzer, tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", sound="aac")
    first, second = explained(path, engine)
    assert first.name == "timeline-brightness"
    assert "15 frames score" in first.alt
    assert "at 1.9 s" in first.alt  # the brightest frame is the last of 20, ten a second
    assert second.name == "spectrogram-loudness"


def test_long_sound_is_scanned(engine: EmbeddedAnalyzer, tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav", "pcm_s16le", tone(9, 16000), 16000)
    (picture,) = explained(path, engine)
    assert "2 stretches" in picture.alt


def test_evidence_of_the_detector_comes_before_a_scan(engine: EmbeddedAnalyzer, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.fromarray(scene(320, 240)), "PNG"))
    digest = engine.submit(path).result(timeout=60).sha256
    face = {"frame": 0, "box": [10, 10, 90, 90], "confidence": 1.0}
    scores = [
        Score("brightness", 0.4, True, evidence={"patch_scores": [[0, 0, 64, 64, 0.5]]}),
        Score("faces", 0.6, True, evidence={"faces": [face]}),
        Score("absent", None, False, "no face was found"),
        Score("unknown to the engine", 0.5, True),
    ]
    names = [picture.name for picture in explain(path, digest, scores, engine)]
    assert names == ["heatmap-brightness", "faces-faces"]


def test_another_file_is_refused(engine: EmbeddedAnalyzer, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.fromarray(np.zeros((64, 64, 3), np.uint8)), "PNG"))
    with pytest.raises(EngineFailed, match="not the one that was analysed"):
        explain(path, "0" * 64, [Score("brightness", 0.4, True)], engine)
