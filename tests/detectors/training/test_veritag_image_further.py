from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detectors.training import dataset
from detectors.training.cross_validate import Scored, write_scores
from detectors.training.dataset import Item
from detectors.training.veritag_image import cross_validation, further
from detectors.training.veritag_image.head import Settings, fit
from detectors.training.veritag_image.samples import Described
from detectors.veritag_image import COUNT


def item(key: str, source: str, label: int) -> Item:
    return Item(Path(f"{key}.png"), key, source, source if label else "", label, 256, 256)


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return [item(f"{s}{n}", f"s{s}", n % 2) for s in range(3) for n in range(6)]


@pytest.fixture(scope="module")
def described(items: list[Item]) -> list[Described]:
    rng = np.random.default_rng(0)
    return [
        Described(
            (rng.normal(size=(2, COUNT)) + own.label).astype(np.float32),
            (rng.normal(size=(2, COUNT)) + own.label).astype(np.float32),
        )
        for own in items
    ]


def test_a_picture_is_judged_by_a_head_without_its_source(
    items: list[Item], described: list[Described]
) -> None:
    more, figures = [item("made", "s1", 1), item("new", "elsewhere", 0)], described[:2]
    found = {row.item.key: row.scores for row in further.score(items, described, more, figures)}
    without = [n for n, own in enumerate(items) if own.source != "s1"]
    for wanted, rest in ((0, without), (1, range(len(items)))):
        network = fit([items[n] for n in rest], [described[n] for n in rest], Settings())
        alone = cross_validation.score(network, more[wanted : wanted + 1], figures[wanted : wanted + 1])
        assert found[more[wanted].key] == alone[0].scores


def test_rows_take_the_place_of_earlier_ones(tmp_path: Path) -> None:
    table = tmp_path / "scores.csv"
    write_scores([Scored(item("a", "s", 0), (0.1, 0.2)), Scored(item("b", "s", 1), (0.3, 0.4))], table)
    further.add_scores([Scored(item("b", "s", 1), (0.5, 0.6)), Scored(item("c", "s", 1), (0.7, 0.8))], table)
    with table.open(newline="") as file:
        rows = [(row["item"], float(row["score"])) for row in csv.DictReader(file)]
    assert sorted(rows) == [("a", 0.1), ("a", 0.2), ("b", 0.5), ("b", 0.6), ("c", 0.7), ("c", 0.8)]


def test_pictures_that_are_learned_from_are_refused(pictures: Path) -> None:
    known = dataset.scan(pictures)
    with pytest.raises(ValueError, match="among the pictures that are learned from"):
        further.collect([pictures], [], known)
    fresh = [replace(own, key=f"x{own.key}") for own in known]
    assert len(further.collect([pictures], [], fresh)) == len(known)
    made = further.collect([], [pictures], fresh)
    assert {(own.label, own.generator) for own in made} == {(1, pictures.resolve().name)}
