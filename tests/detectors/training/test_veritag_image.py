from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from sklearn.metrics import roc_auc_score

import detectors
from detectors import weights
from detectors.tiny_ladeda import TinyLaDeDaNetwork
from detectors.training import dataset
from detectors.training.dataset import Item
from detectors.training.veritag_image import cross_validation, head, samples
from detectors.training.veritag_image.head import Settings, fit
from detectors.training.veritag_image.samples import Described
from detectors.veritag_image import COUNT, VeritagImage

ROOT = Path(__file__).parents[3]
DATE = "2026-01-01"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("statistics")


@pytest.fixture(scope="module")
def items(pictures: Path) -> list[Item]:
    return dataset.scan(pictures)


@pytest.fixture(scope="module")
def described(items: list[Item], cache: Path) -> list[Described]:
    return samples.describe_all(items, cache, variants=2, seed=1, workers=1)


def logits(own: Sequence[Described], network: torch.nn.Module) -> list[float]:
    with torch.inference_mode():
        return [float(network(torch.from_numpy(row.scored))[0]) for row in own]


def test_laundering_follows_the_generator_alone() -> None:
    image = Image.effect_noise((256, 256), 60).convert("RGB")
    made = [np.array(samples.launder(image, np.random.default_rng(seed))) for seed in (1, 1, 2)]
    assert made[0].shape == (samples.SIDE, samples.SIDE, 3)
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


def test_what_is_described_is_kept(items: list[Item], described: list[Described], cache: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    again = samples.describe_all(items, cache, variants=2, seed=1, workers=1)
    assert {path.name: path.stat().st_mtime_ns for path in cache.iterdir()} == before
    assert len(before) == len(items)
    assert all(own.laundered.shape == (2, COUNT) and own.scored.shape == (2, COUNT) for own in again)
    assert all(np.array_equal(a.laundered, b.laundered) for a, b in zip(described, again, strict=True))


def test_a_damaged_file_in_the_cache_is_named(items: list[Item], tmp_path: Path) -> None:
    broken = tmp_path / f"{items[0].key}-1-2.npz"
    broken.write_bytes(b"PK rubbish")
    with pytest.raises(ValueError, match=rf"{broken.name} is damaged .*remove it and train again"):
        samples.describe_all(items[:1], tmp_path, variants=2, seed=1, workers=1)


def test_fitting_lowers_the_loss_and_repeats(items: list[Item], described: list[Described]) -> None:
    network, again = (fit(items, described, Settings()) for _ in range(2))
    found = np.array(logits(described, network))
    labels = np.array([item.label for item in items])
    loss = np.logaddexp(0, np.where(labels == 1, -found, found)).mean()
    assert loss < 0.5 * math.log(2)
    assert roc_auc_score(labels, found) > 0.95
    assert torch.equal(network.weight, again.weight)
    assert not network.training


def pictures_of(figures: head.Floats, groups: Sequence[head.Group]) -> head._Pictures:
    """Pictures that weigh alike, each fake held against all photographs alike."""
    labels = np.array([group[2] for group in groups])
    likes = np.full((labels.sum(), len(labels) - labels.sum()), 1 / (len(labels) - labels.sum()))
    return head._Pictures(figures, np.full(len(groups), 1 / len(groups)), tuple(groups), likes)


def test_generators_vote_alike_however_many_pictures_they_have() -> None:
    figures = np.zeros((8, 2, 3))
    figures[[0, 1]] = 0, 0, 0  # photographs of source a
    figures[[2, 3, 4, 5]] = 1, 0, 0  # four pictures of one generator
    figures[6] = 0, 1, 0  # one of another
    figures[7] = 0, 0, 1  # one of a source without photographs
    groups = (*[("a", "", 0)] * 2, *[("a", "g", 1)] * 4, ("a", "h", 1), ("b", "b", 1))
    assert head._direction(pictures_of(figures, groups)) == pytest.approx([1 / 3] * 3)


def test_a_family_of_generators_has_the_square_root_of_its_votes() -> None:
    figures = np.zeros((6, 2, 3))
    figures[[1, 2, 3, 4]] = 1, 0, 0  # four of one family
    figures[5] = 0, 1, 0
    family = ("SDXL_2_1", "SDXL_Base", "SDXL_Turbo", "sd15_supagruen")
    groups = (("a", "", 0), *(("a", name, 1) for name in family), ("a", "another", 1))
    assert head._direction(pictures_of(figures, groups)) == pytest.approx([2 / 3, 1 / 3, 0])


def test_a_fake_is_held_against_the_photographs_that_show_the_like() -> None:
    """Faces lie apart along the first axis, the label along the second; most fakes are faces."""
    faces, landscapes = [1.0, 0, 0], [0, 0, 1.0]
    labels = np.array([0, 0, 0, 1, 1, 1])
    content = np.array([faces, landscapes, landscapes, faces, faces, landscapes])
    likes = head._likes(content, labels, 0.05)
    assert likes == pytest.approx(np.array([[1, 0, 0], [1, 0, 0], [0, 0.5, 0.5]]), abs=1e-6)
    figures = np.repeat(np.column_stack([content[:, 0], labels, labels * 0.0])[:, None], 2, axis=1)
    groups = (*[("a", "", 0)] * 3, *[("a", "g", 1)] * 3)
    pictures = pictures_of(figures, groups)
    assert head._direction(replace(pictures, likes=likes)) == pytest.approx([0, 1, 0], abs=1e-6)
    assert head._direction(pictures) == pytest.approx([1 / 3, 1, 0])


def test_what_sources_are_like_as_a_whole_weighs_nothing() -> None:
    """Sources differ along the first axis, the label along the second."""
    figures = np.zeros((8, 2, 3))
    for n, (whole, label) in enumerate(((0, 0), (0, 1), (3, 0), (3, 1))):
        figures[2 * n : 2 * n + 2] = whole, label, 0
    groups = tuple((source, "g" * label, label) for source in "ab" for label in (0, 1) for _ in range(2))
    found = head._between(pictures_of(figures, groups), Settings(sources=1.0, photographs=0.1))
    assert found == pytest.approx(np.diag([1.1 * 4.5, 0, 0]))
    alone = tuple(("a", *group[1:]) for group in groups)
    assert not head._between(pictures_of(figures, alone), Settings()).any()


def test_left_out_sources_are_scored_by_heads_that_never_saw_them(
    items: list[Item], described: list[Described]
) -> None:
    sources, generators = cross_validation.folds(items)
    assert generators == []
    results = cross_validation.left_out(items, described, sources[:2], Settings())
    assert [{row.item.source for row in rows} for rows in results] == [{fold.name} for fold in sources[:2]]
    rest = [i for i, item in enumerate(items) if item.source != sources[0].name]
    network = fit([items[i] for i in rest], [described[i] for i in rest], Settings())
    tested = [described[i] for i in sources[0].test]
    expected = torch.sigmoid(torch.tensor(logits(tested, network), dtype=torch.float64)).tolist()
    assert [row.scores[0] for row in results[0]] == pytest.approx(expected)


def test_the_comparison_is_paired(items: list[Item], described: list[Described], tmp_path: Path) -> None:
    network = fit(items, described, Settings())
    own = cross_validation.score(network, items, described)
    torch.manual_seed(0)
    save_file(TinyLaDeDaNetwork("left_diag").state_dict(), tmp_path / "tiny.safetensors")
    other = cross_validation.tiny_ladeda_scores(items, tmp_path / "tiny.safetensors")
    found = cross_validation.compare("seen", own, other, "another", DATE)
    assert [entry.protocol for entry in found] == ["seen, all pooled; as_is", "seen, all pooled; jpeg75"]
    labels = [item.label for item in items]
    above = roc_auc_score(labels, [row.scores[0] for row in own]) - roc_auc_score(
        labels, [row.scores[0] for row in other]
    )
    assert found[0].value == pytest.approx(above, abs=6e-4)
    same = cross_validation.compare("seen", own, own, "itself", DATE)
    assert all((entry.low, entry.value, entry.high) == (0, 0, 0) for entry in same)


@pytest.mark.training
def test_the_command_writes_all_of_it_and_goes_on_where_it_was(
    pictures: Path, described: list[Described], cache: Path, tmp_path: Path
) -> None:
    assert described
    out = tmp_path / "out"
    out.mkdir()
    (out / "statistics").symlink_to(cache)
    command = [sys.executable, "-m", "detectors.training.veritag_image", "--variants", "2", "--workers", "1"]
    done = subprocess.run(
        [*command, "--data", str(pictures), "--out", str(out), "--cross-validate"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    path = out / "veritag_image.safetensors"
    assert load_file(path).keys() == {"centre", "scale", "weight"}
    record = detectors.record("veritag_image")
    local = record.model_copy(
        update={"file": record.file.model_copy(update={"bundled": False, "sha256": None})}
    )
    detector = VeritagImage.load(local, weights_dir=out)
    assert 0 <= detector.detect(torch.zeros(1, 256, 256, 3, dtype=torch.uint8)).score <= 1
    assert weights.verify(local, path) in done.stdout.replace("\n", "")
    with (out / "veritag_image.scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    measured = json.loads((out / "veritag_image.measured.json").read_text("utf-8"))
    assert {entry["metric"] for entry in measured} >= {"AUC", "mean AUC"}
    assert all(entry["low"] <= entry["value"] <= entry["high"] for entry in measured)


@pytest.mark.parametrize("module", ["veritag_image", "veritag_image.autoencoders"])
def test_bad_data_ends_in_one_line(module: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", f"detectors.training.{module}"]
    finished = subprocess.run(
        [*command, "--data", str(tmp_path), "--out", str(tmp_path)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 2
    assert "needs pictures of at least 256 px" in finished.stderr.splitlines()[-1]
