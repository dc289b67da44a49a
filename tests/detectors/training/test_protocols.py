from __future__ import annotations

from pathlib import Path

from detectors.training.dataset import Item
from detectors.training.protocols import cross_set_folds, every_generator_left_out


def item(source: str, label: int, n: int, generator: str = "") -> Item:
    return Item(Path(f"{n}"), f"{n:016x}", source, generator, label, 300, 300)


ITEMS = [
    *(item("six", 0, n) for n in range(4)),
    *(item("six", 1, 10 + n, "ab"[n % 2]) for n in range(4)),
    *(item("one", 0, 20 + n) for n in range(2)),
    *(item("one", 1, 30 + n, "one") for n in range(2)),
    *(item("phones", 0, 40 + n) for n in range(3)),
    *(item("fakes", 1, 50 + n, "cd"[n]) for n in range(2)),
]


def test_every_generator_of_a_source_with_several_is_left_out_once() -> None:
    folds = {fold.name: fold for fold in every_generator_left_out(ITEMS)}
    assert list(folds) == ["six/a", "six/b"]
    for name, fold in folds.items():
        held = [ITEMS[place] for place in fold.test]
        assert {of.generator for of in held if of.label} == {name[-1]}
        assert sum(not of.label for of in held) == 2
        assert not set(fold.train) & set(fold.test)
        assert len(fold.train) + len(fold.test) == len(ITEMS)
        assert name[-1] not in {ITEMS[place].generator for place in fold.train}


def test_cross_set_trains_on_one_source_and_scores_the_others() -> None:
    folds = {fold.name: fold for fold in cross_set_folds(ITEMS)}
    assert list(folds) == ["one", "six"]
    assert {ITEMS[place].source for place in folds["one"].train} == {"one"}
    assert {ITEMS[place].source for place in folds["one"].test} == {"six", "phones", "fakes"}
    assert cross_set_folds([of for of in ITEMS if of.source == "one"]) == []
