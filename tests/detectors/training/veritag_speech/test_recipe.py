"""The speech recipe from labelled sounds to weights, on a miniature."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import detectors
from detectors import weights
from detectors.generation.base import Sound
from detectors.training import measure as measuring
from detectors.training.veritag_speech import __main__ as command
from detectors.training.veritag_speech import clips, cross_validation, histories, probes, recipe
from detectors.training.veritag_speech.clips import Clip
from detectors.training.veritag_speech.recipe import Rows, Settings
from detectors.veritag_speech import VeritagSpeech
from detectors.veritag_speech.detector import SpeechNetwork
from tests.detectors.sample import unpinned
from tests.detectors.voices import vowel

ROOT = Path(__file__).parents[4]
SMALL = Settings(histories=1, windows=1, rounds=50)


@pytest.fixture(scope="module")
def labelled(sounds: Path) -> list[Clip]:
    return [clip for clip in clips.scan(sounds) if clip.source != "validation"]


@pytest.fixture(scope="module")
def rows(labelled: list[Clip]) -> Rows:
    return recipe.gather(labelled, SMALL, seed=0)


def test_clips_know_their_source_label_and_generator(labelled: list[Clip]) -> None:
    assert len(labelled) == 18
    assert {clip.source for clip in labelled} == {"one", "two", "three"}
    assert {clip.generator for clip in labelled if clip.label} == {"maker"}
    assert {clip.generator for clip in labelled if not clip.label} == {""}
    assert all(len(clip.sound) == pytest.approx(2.4 * 16_000, abs=64) for clip in labelled)


def test_copies_count_once_and_rubbish_is_named(sounds: Path, tmp_path: Path) -> None:
    for label in ("real", "fake"):
        (tmp_path / "page" / label).mkdir(parents=True)
        data = (
            sounds / "pages" / "one" / label / ("0.wav" if label == "real" else "maker__0.wav")
        ).read_bytes()
        for name in ("a.wav", "b.wav"):
            (tmp_path / "page" / label / name).write_bytes(data)
    assert len(clips.scan(tmp_path)) == 2
    (tmp_path / "page" / "real" / "c.mp3").write_bytes(b"no sound at all")
    with pytest.raises(ValueError, match=r"c\.mp3 is not a readable sound .*remove it"):
        clips.scan(tmp_path)
    with pytest.raises(ValueError, match="needs sounds in both real/ and fake/"):
        clips.scan(tmp_path / "page" / "fake")


def test_training_lowers_the_loss_and_repeats(labelled: list[Clip], rows: Rows) -> None:
    everything = range(len(labelled))
    first, again = (recipe.fit(labelled, rows, SMALL, everything) for _ in range(2))
    untrained = SpeechNetwork()
    untrained.mean.copy_(first.mean)
    untrained.deviation.copy_(first.deviation)
    assert recipe.loss(first, labelled, rows) < 0.5 * recipe.loss(untrained, labelled, rows)
    assert not first.training
    assert all(torch.equal(first.state_dict()[name], again.state_dict()[name]) for name in first.state_dict())


def test_what_is_heard_of_a_clip_depends_on_the_seed_and_the_clip_alone(labelled: list[Clip]) -> None:
    clip = labelled[0]
    first = recipe.hear(clip, SMALL, 3)
    assert torch.equal(first, recipe.hear(replace(clip, label=1 - clip.label, source="x"), SMALL, 3))
    assert not torch.equal(first, recipe.hear(clip, SMALL, 4))
    assert len(recipe.hear(replace(clip, sound=torch.zeros(16_000)), SMALL, 3)) == 0


def test_one_class_alone_is_refused(labelled: list[Clip], rows: Rows) -> None:
    reals = [index for index, clip in enumerate(labelled) if not clip.label]
    with pytest.raises(ValueError, match="both classes"):
        recipe.fit(labelled, rows, SMALL, reals)


def test_classes_weigh_the_same_and_big_sources_less_than_their_size(labelled: list[Clip]) -> None:
    many = [replace(labelled[0], source="big", label=0)] * 16 + [
        replace(labelled[0], source="small", label=0)
    ]
    many += [replace(labelled[0], source="big", label=1)] * 5
    owner = np.repeat(np.arange(len(many)), 2)
    weight = recipe.row_weights(many, owner)
    assert weight.mean() == pytest.approx(1)
    assert weight[:34].sum() == pytest.approx(weight[34:].sum())
    assert weight[:32].sum() == pytest.approx(4 * weight[32:34].sum())


@pytest.mark.parametrize("seed", range(12))
def test_histories_keep_length_and_describe_themselves(seed: int) -> None:
    real = vowel(seconds=0.5)
    chain = histories.draw(np.random.default_rng(seed))
    heard: Sound = chain(real)
    assert heard.shape == real.shape
    assert heard.dtype == np.float32
    assert np.isfinite(heard).all()
    assert json.dumps(chain.describe()) == json.dumps(histories.draw(np.random.default_rng(seed)).describe())
    assert np.array_equal(heard, chain(real))


def test_levelling_makes_length_and_loudness_equal() -> None:
    quiet = torch.cat([torch.zeros(8000), 0.01 * torch.from_numpy(vowel(seconds=2.6)), torch.zeros(4000)])
    loud = torch.from_numpy(3 * vowel(seconds=2.2) + 0.1)
    cut = [cross_validation.levelled(sound) for sound in (quiet, loud)]
    for sound in cut:
        assert sound is not None
        assert len(sound) == 32_000
        assert sound.square().mean().sqrt() == pytest.approx(cross_validation.LOUDNESS, rel=1e-3)
    assert cross_validation.levelled(loud[:20_000]) is None
    assert cross_validation.levelled(torch.zeros(40_000)) is None


def test_left_out_sources_are_judged_without_having_been_heard(
    labelled: list[Clip], rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[set[str]] = []
    real_fit = recipe.fit

    def spy(every: list[Clip], of: Rows, settings: Settings, chosen: list[int]) -> SpeechNetwork:
        heard.append({every[index].source for index in chosen})
        return real_fit(every, of, settings, chosen)

    monkeypatch.setattr(cross_validation, "fit", spy)
    short, whole = cross_validation.leave_out(labelled, rows, SMALL)
    assert heard == [{"three", "two"}, {"one", "two"}, {"one", "three"}]
    assert len(short) == len(whole) == len(labelled)
    measured = cross_validation.mean_auc("miniature", short, "2026-01-01")
    assert [entry.protocol for entry in measured] == [f"miniature; {d}" for d in ("as_is", "mp3", "opus")]
    assert all(entry.low <= entry.value <= entry.high for entry in measured)


def test_the_mean_auc_is_that_of_the_sources() -> None:
    source = np.array([0, 0, 0, 0, 1, 1])
    labels = np.array([0, 0, 1, 1, 0, 1])
    scores = np.array([0.1, 0.6, 0.5, 0.9, 0.8, 0.2])
    low, value, high = cross_validation.bootstrap_mean_auc(source, labels, scores)
    assert value == pytest.approx((0.75 + 0.0) / 2)
    assert low <= value <= high


def test_probes_find_a_leak_and_levelling_closes_it(labelled: list[Clip]) -> None:
    leaky = [
        replace(clip, sound=torch.cat([clip.sound, torch.zeros(8000)]) * 0.1) if clip.label else clip
        for clip in labelled
    ]
    found = probes.betrayal(leaky)
    assert found["duration"][0] == 1.0
    assert found["duration"][1] == 0.5
    assert found["loudness"][0] == 1.0
    assert set(found) == set(probes.PROBES)


def test_the_command_writes_weights_that_load(sounds: Path, tmp_path: Path) -> None:
    started = [sys.executable, "-m", "detectors.training.veritag_speech", "--histories", "0"]
    finished = subprocess.run(
        [*started, "--data", str(sounds), "--out", str(tmp_path)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    record = unpinned("veritag_speech")
    local = record.model_copy(update={"file": record.file.model_copy(update={"bundled": False})})
    detector = VeritagSpeech.load(local, weights_dir=tmp_path)
    assert 0 <= detector.detect(torch.from_numpy(vowel(seconds=2.5))).score <= 1
    assert weights.verify(local, tmp_path / "veritag_speech.safetensors") in finished.stdout


def test_measuring_writes_scores_figures_and_probes(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measuring, "interval", partial(measuring.interval, resamples=10))
    monkeypatch.setattr(cross_validation, "RESAMPLES", 10)
    arguments = ["--data", str(sounds), "--out", str(tmp_path), "--histories", "0", "--cross-validate"]
    monkeypatch.setattr(sys, "argv", ["veritag_speech", *arguments])
    command.main()
    with (tmp_path / "veritag_speech.scores.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert {row["label"] for row in table} == {"0", "1"}
    assert {row["source"] for row in table} == {"one", "two", "three"}
    measured = json.loads((tmp_path / "veritag_speech.measured.json").read_text())
    assert any(entry["protocol"].startswith("cross-set validation") for entry in measured)
    assert "loudness" in capsys.readouterr().out


def test_the_command_names_what_is_missing(tmp_path: Path) -> None:
    started = [sys.executable, "-m", "detectors.training.veritag_speech", "--data", str(tmp_path)]
    finished = subprocess.run(
        [*started, "--out", str(tmp_path)], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert finished.returncode == 2
    assert "needs sounds in both real/ and fake/" in finished.stderr


def test_the_bundled_scores_are_out_of_fold_of_both_classes_and_all_deliveries() -> None:
    path = ROOT / "detectors" / "records" / "veritag_speech.scores.csv"
    with path.open(newline="") as file:
        table = list(csv.DictReader(file))
    assert set(table[0]) == set(cross_validation.COLUMNS)
    assert {row["delivery"] for row in table} == set(cross_validation.DELIVERIES)
    assert "validation" not in {row["source"] for row in table}
    named = {entry.name for entry in detectors.record("veritag_speech").trained_on}
    assert {row["source"] for row in table} == named
