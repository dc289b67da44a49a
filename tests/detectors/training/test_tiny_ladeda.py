from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import detectors
from detectors import weights
from detectors.tiny_ladeda import TinyLaDeDa, TinyLaDeDaNetwork
from detectors.training import cross_validate, dataset
from detectors.training.tiny_ladeda import Settings, level_all, train

ROOT = Path(__file__).parents[3]
SMALL = Settings(gradient="NPR", steps=60, batch=16, crop=64, variants=2, pool_side=96)
SHORT = replace(SMALL, steps=4)


def test_a_short_training_lowers_the_loss_and_repeats(pictures: Path) -> None:
    items = dataset.scan(pictures)
    crops = level_all(items, SMALL, seed=1)
    seen: list[int] = []
    network, losses = train(items, crops, SMALL, 1, lambda step, _loss: seen.append(step))
    assert seen == list(range(1, 61))
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])
    assert not network.training


def test_the_same_seed_gives_the_same_weights(pictures: Path) -> None:
    items = dataset.scan(pictures)
    crops = level_all(items, SHORT, seed=1)
    first, again, other = (train(items, crops, SHORT, seed)[0].state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["fc.weight"], other["fc.weight"])


def test_the_command_writes_a_checkpoint_that_loads(pictures: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "detectors.training.tiny_ladeda", "--threads", "1", "--steps", "3"]
    finished = subprocess.run(
        [*command, "--data", str(pictures), "--out", str(tmp_path)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    path = tmp_path / "tiny_ladeda.safetensors"
    record = detectors.record("tiny_ladeda")
    local = record.model_copy(
        update={"file": record.file.model_copy(update={"bundled": False, "sha256": None})}
    )
    detector = TinyLaDeDa.load(local, weights_dir=tmp_path)
    assert 0 <= detector.detect(torch.zeros(1, 80, 80, 3, dtype=torch.uint8)).score <= 1
    assert weights.verify(local, path) in finished.stdout.replace("\n", "")
    assert load_file(path).keys() == TinyLaDeDaNetwork().state_dict().keys()


def test_left_out_scores_come_from_the_detector_as_it_runs(pictures: Path, tmp_path: Path) -> None:
    items = dataset.scan(pictures)
    folds = dataset.source_folds(items, [("two", "phone")])
    results = cross_validate.cross_validate(items, folds, SHORT, seed=0, workers=1)
    assert [len(result) for result in results] == [18, 12]
    scored = [row for result in results for row in result]
    cross_validate.write_scores(scored, tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    assert {row["delivery"] for row in rows} == {"as_is", "jpeg75"}
    assert all(0 <= float(row["score"]) <= 1 for row in rows)
    assert {row["item"] for row in rows} == {item.key for item in items}
    auc = cross_validate.measurements("p", scored, "2026-01-01")[0]
    assert auc.protocol == "p; as_is"
    assert auc.real == 18


@pytest.mark.parametrize("recipe", ["tiny_ladeda", "cross_validate"])
def test_bad_data_ends_in_one_line(recipe: str, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        f"detectors.training.{recipe}",
        "--data",
        str(tmp_path),
        "--out",
        str(tmp_path),
    ]
    finished = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert finished.returncode == 2
    assert "needs pictures of at least 256 px" in finished.stderr.splitlines()[-1]
