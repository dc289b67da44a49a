from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest

from detectors.errors import TrainingError
from detectors.training.features import Features, folder_for


def row(place: int) -> np.ndarray:
    return np.full(4, place, np.float32)


class Maker:
    def __init__(self, fails_at: int | None = None) -> None:
        self.made: list[int] = []
        self._fails_at = fails_at

    def __call__(self, places: Sequence[int]) -> np.ndarray:
        if self._fails_at in places:
            raise RuntimeError("killed")
        self.made += places
        return np.stack([row(place) for place in places])


def test_rows_are_made_once_and_found_by_key(tmp_path: Path) -> None:
    keys = [f"k{n}" for n in range(10)]
    maker = Maker()
    Features(tmp_path, (4,)).complete(keys, maker, 3, "rows")
    assert maker.made == list(range(10))
    more = [*keys[5:], "new"]
    maker.made.clear()
    features = Features(tmp_path, (4,))
    features.complete(more, maker, 3, "rows")
    assert maker.made == [5]
    rows, places = features.rows(["k7", "k2"])
    assert rows[places].tolist() == [row(7).tolist(), row(2).tolist()]
    assert isinstance(rows, np.memmap)


def test_a_pass_that_broke_off_goes_on(tmp_path: Path) -> None:
    keys = [f"k{n}" for n in range(10)]
    with pytest.raises(RuntimeError):
        Features(tmp_path, (4,)).complete(keys, Maker(fails_at=7), 2, "rows")
    maker = Maker()
    features = Features(tmp_path, (4,))
    features.complete(keys, maker, 2, "rows")
    assert maker.made == [6, 7, 8, 9]
    rows, places = features.rows(keys)
    assert [int(rows[place][0]) for place in places] == list(range(10))


@pytest.mark.parametrize("torn", ["rows", "keys", "both"])
def test_what_was_half_written_is_made_again(tmp_path: Path, torn: str) -> None:
    keys = [f"k{n}" for n in range(6)]
    Features(tmp_path, (4,)).complete(keys, Maker(), 2, "rows")
    if torn in {"rows", "both"}:
        os.truncate(tmp_path / "rows", 5 * 16 + 3)
    if torn in {"keys", "both"}:
        text = (tmp_path / "keys").read_text()
        (tmp_path / "keys").write_text(text[:-2])
    maker = Maker()
    features = Features(tmp_path, (4,))
    features.complete(keys, maker, 2, "rows")
    assert maker.made == [5]
    rows, places = features.rows(keys)
    assert [int(rows[place][0]) for place in places] == list(range(6))


def test_two_trainings_do_not_write_into_each_other(tmp_path: Path) -> None:
    class Nested(Maker):
        def __call__(self, places: Sequence[int]) -> np.ndarray:
            with pytest.raises(TrainingError, match="another training is making"):
                Features(tmp_path, (4,)).complete(["a"], Maker(), 1, "rows")
            return super().__call__(places)

    nested = Nested()
    Features(tmp_path, (4,)).complete(["a"], nested, 1, "rows")
    assert nested.made == [0]


def test_many_rows_do_not_sit_in_memory(tmp_path: Path) -> None:
    """25 000 rows of 768 numbers are 77 MB; what is held is the keys."""
    keys = [f"{n:016x}" for n in range(25_000)]
    block = np.ones((1000, 768), np.float32)
    features = Features(tmp_path, (768,))
    features.complete(keys[:1000], lambda places: block[: len(places)], 1000, "rows")
    before = psutil.Process().memory_full_info().uss
    features.complete(keys, lambda places: block[: len(places)], 1000, "rows")
    grown = psutil.Process().memory_full_info().uss - before
    assert (tmp_path / "rows").stat().st_size == 25_000 * 768 * 4
    assert grown < 30e6


def test_other_makers_have_other_folders(tmp_path: Path) -> None:
    assert folder_for(tmp_path, "x", 1, "a") == folder_for(tmp_path, "x", 1, "a")
    assert folder_for(tmp_path, "x", 1, "a") != folder_for(tmp_path, "x", 2, "a")
