from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detectors.training import dataset
from detectors.training.dataset import Item


def item(n: int, source: str, label: int, generator: str = "") -> Item:
    return Item(Path(f"{n}.jpg"), f"{n:016x}", source, generator or source * label, label, 300, 300)


def test_scan_finds_sources_labels_and_keys(pictures: Path) -> None:
    items = dataset.scan(pictures)
    assert len(items) == 30
    assert {(i.source, i.label) for i in items} == {
        ("one", 0),
        ("one", 1),
        ("two", 0),
        ("two", 1),
        ("phone", 0),
    }
    assert all(len(i.key) == 16 and i.min_side == 270 for i in items)
    assert {i.generator for i in items if i.label} == {"one", "two"}
    assert items == dataset.scan(pictures)


def test_scan_takes_one_source_alone_and_names_generators(pictures: Path, tmp_path: Path) -> None:
    single = tmp_path / "single"
    shutil.copytree(pictures / "one", single)
    (single / "fake" / "0.png").rename(single / "fake" / "ai_DALLE_3_10.png")
    shutil.copy(single / "real" / "1.png", single / "real" / "copy.png")
    Image.new("RGB", (255, 900)).save(single / "real" / "narrow.png")
    (single / "real" / "notes.txt").write_text("not a picture")
    items = dataset.scan(single)
    assert len(items) == 12
    assert {i.source for i in items} == {"single"}
    assert {i.generator for i in items if i.label} == {"single", "DALLE_3"}


def test_scan_needs_both_classes(pictures: Path, tmp_path: Path) -> None:
    for folder in (pictures / "phone", tmp_path):
        with pytest.raises(ValueError, match="needs pictures of at least 256 px in both real/ and fake/"):
            dataset.scan(folder)


def test_sampling_tells_nothing_of_the_label_from_the_source() -> None:
    items = [item(n, "a", 0) for n in range(9)] + [item(n, "a", 1) for n in range(4)]
    items += [item(n, "cameras", 0) for n in range(16)] + [item(n, "art", 1) for n in range(1)]
    weights = dataset.sampling_weights(items)
    assert weights.sum() == pytest.approx(1)
    mass: dict[tuple[str, int], float] = defaultdict(float)
    for entry, weight in zip(items, weights, strict=True):
        mass[entry.source, entry.label] += weight
    assert mass["a", 0] == pytest.approx(mass["a", 1])
    assert mass["cameras", 0] == pytest.approx(mass["art", 1])
    assert mass["a", 0] / mass["cameras", 0] == pytest.approx(4 / 1)  # pairs


def test_source_folds_score_each_item_once_and_never_train_on_its_source() -> None:
    items = [item(n, source, n % 2) for n, source in enumerate("aabbccdd")]
    folds = dataset.source_folds(items, [("a", "b"), ("absent",)])
    assert [fold.name for fold in folds] == ["a+b", "c", "d"]
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(8))
    for fold in folds:
        assert not {items[i].source for i in fold.train} & {items[i].source for i in fold.test}
        assert len(fold.train) + len(fold.test) == 8


def test_generator_folds_hold_back_a_share_of_the_reals() -> None:
    items = [item(n, "six", 1, generator) for n, generator in enumerate("xxyyzz")]
    items += [item(10 + n, "six", 0) for n in range(6)] + [item(20, "other", 0), item(21, "other", 1)]
    folds = dataset.generator_folds(items, "six")
    assert [fold.name for fold in folds] == ["x", "y", "z"]
    for fold in folds:
        assert {items[i].generator for i in fold.test if items[i].label} == {fold.name}
        assert fold.name not in {items[i].generator for i in fold.train}
        assert sum(not items[i].label for i in fold.test) == 2
    tested = [i for fold in folds for i in fold.test]
    assert len(tested) == len(set(tested)) == 12


def test_damaged_pictures_are_named(pictures: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "set" / "real" / "half.png"
    shutil.copytree(pictures / "one", tmp_path / "set")
    damaged.write_bytes((tmp_path / "set" / "real" / "1.png").read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"half\.png is not a readable picture .*remove it"):
        dataset.read(damaged)
    damaged.write_bytes(b"text")
    with pytest.raises(ValueError, match=r"half\.png is not a readable picture .*remove it"):
        dataset.scan(tmp_path)
