from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import detectors
from analysis.limits import Limits
from bot.errors import BotError, ConfigError
from bot.training_views import holds_views, media_below, prepare
from detectors.base import View
from detectors.training import view_files
from tests.bot.cli.test_train import write_sound


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for number, name in enumerate(("real", "fake")):
        write_sound(folder / "site" / name / f"{name}.flac", 200, number)
    (folder / "site" / "real" / "notes.txt").write_text("no medium")
    (folder / "site" / "fake" / "broken.flac").write_bytes(b"fLaC rubbish")
    Image.new("RGB", (64, 64)).save(folder / "site" / "fake" / "picture.png")
    return folder


def test_views_are_made_once_and_keep_source_and_class(sounds: Path, tmp_path: Path) -> None:
    record = detectors.record("aasist_l")
    made = prepare(sounds, record, View.WAVEFORM, tmp_path / "cache", Limits())
    assert (made.made, made.passed_over) == (2, 2)
    items = view_files.scan(made.folder, View.WAVEFORM)
    assert [(item.source, item.label) for item in items] == [("site", 1), ("site", 0)]
    samples = view_files.read(items[0], View.WAVEFORM)
    assert samples.shape == (8000,)
    assert 0.25 < float(samples.abs().max()) < 0.4
    times = {path: path.stat().st_mtime_ns for path in made.folder.rglob("*.npy")}
    reasons = [path.read_text() for path in made.folder.rglob("*.none")]
    assert len(reasons) == 2
    assert "judges sound; there is none\n" in reasons
    again = prepare(sounds, record, View.WAVEFORM, tmp_path / "cache", Limits())
    assert again == made
    assert {path: path.stat().st_mtime_ns for path in made.folder.rglob("*.npy")} == times


def test_what_has_left_the_folder_is_not_trained_on(sounds: Path, tmp_path: Path) -> None:
    record = detectors.record("aasist_l")
    prepare(sounds, record, View.WAVEFORM, tmp_path / "cache", Limits())
    write_sound(sounds / "site" / "real" / "other.flac", 300, 5)
    (sounds / "site" / "real" / "real.flac").unlink()
    made = prepare(sounds, record, View.WAVEFORM, tmp_path / "cache", Limits())
    assert made.made == 2
    assert len(list(made.folder.rglob("*.npy"))) == 2


def test_faces_are_what_the_engine_would_show(tmp_path: Path) -> None:
    for name in ("real", "fake"):
        (tmp_path / "data" / name).mkdir(parents=True)
        pixels = np.random.default_rng(len(name)).integers(0, 255, (80, 80, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / name / "noise.png")
    record = detectors.record("genconvit_ed")
    with pytest.raises(BotError, match=r"no medium of .* has faces; what is above says why"):
        prepare(tmp_path / "data", record, View.FACES, tmp_path / "cache", Limits())
    assert len(list((tmp_path / "cache").rglob("*.none"))) == 2


def test_empty_folders_and_ready_views_are_told_apart(sounds: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="has no media in folders called real and fake"):
        prepare(tmp_path / "empty", detectors.record("aasist_l"), View.WAVEFORM, tmp_path, Limits())
    assert not holds_views(sounds)
    assert [path.name for path in media_below(sounds)] == [
        "broken.flac",
        "fake.flac",
        "picture.png",
        "real.flac",
    ]
    made = prepare(sounds, detectors.record("aasist_l"), View.WAVEFORM, tmp_path / "cache", Limits())
    assert holds_views(made.folder)
