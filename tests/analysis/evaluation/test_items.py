"""Which of the labelled media take part."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from analysis.evaluation.items import Item, identified, limited


def many() -> list[Item]:
    sizes = {("a", 0, ""): 100, ("a", 1, "x"): 60, ("a", 1, "y"): 5, ("b", 0, ""): 4}
    return [
        Item(
            Path(f"{source}{label}{generator}{n}"), f"{source}{label}{generator}{n}", label, source, generator
        )
        for (source, label, generator), size in sizes.items()
        for n in range(size)
    ]


def test_a_limit_draws_evenly_and_repeats_itself() -> None:
    items = many()
    drawn = limited(items, 24)
    assert Counter(item.label for item in drawn) == {0: 12, 1: 12}
    assert Counter((item.source, item.generator) for item in drawn) == {
        ("a", ""): 8,
        ("b", ""): 4,
        ("a", "x"): 7,
        ("a", "y"): 5,
    }
    assert drawn == limited(items, 24)
    assert drawn != limited(items, 24, seed=1)
    assert list(drawn) == [item for item in items if item in drawn]
    assert limited(items, None) == limited(items, 1000) == tuple(items)


def test_a_limit_takes_what_there_is_of_a_small_class() -> None:
    items = [item for item in many() if item.label == 0 or item.generator == "y"]
    assert Counter(item.label for item in limited(items, 40)) == {0: 35, 1: 5}


def test_the_same_bytes_count_once_and_disputed_ones_never(tmp_path: Path) -> None:
    items = []
    for name, label, content in [
        ("a", 0, b"1"),
        ("b", 0, b"1"),
        ("c", 1, b"2"),
        ("d", 0, b"2"),
        ("e", 1, b"3"),
        ("f", 1, None),
    ]:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        items.append(Item(tmp_path / name, name, label, "s"))
    ticks: list[None] = []
    known, dropped = identified(items, on_item=lambda: ticks.append(None))
    assert [of.item.name for of in known] == ["a", "e"]
    assert dropped == (
        ("b", "the same bytes as a"),
        ("d", "the same bytes as c, other label"),
        ("f", "the file cannot be read"),
        ("c", "its bytes stand under both labels"),
    )
    assert len(ticks) == len(items)
    assert known[0].sha256 == "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
