"""What a frozen network says of each item, made once and kept in a file that is mapped, never read whole.

Rows are only ever appended: a pass that was stopped goes on, more items cost only their own rows, and a
hundred thousand of them take no more memory than a batch.

    FOLDER/rows      the rows, one after the other
    FOLDER/keys      the items' keys, a line each, in the same order; written after their rows
"""

from __future__ import annotations

import fcntl
import hashlib
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray
from rich.console import Console
from rich.progress import track

from detectors.errors import TrainingError

# Rows of items that are asked for, by their places in the sequence of items.
Compute = Callable[[Sequence[int]], NDArray[np.generic]]


class Features:
    """Rows of one shape by key.

    Args:
        folder: where they lie; made if need be. What made them must be in its name: see `folder_for`.
        shape: of one row.
    """

    def __init__(self, folder: Path, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> None:
        self._folder, self._shape, self._dtype = folder, shape, np.dtype(dtype)
        self._row_bytes = math.prod(shape) * self._dtype.itemsize
        folder.mkdir(parents=True, exist_ok=True)

    def complete(self, keys: Sequence[str], compute: Compute, batch: int, what: str) -> None:
        """Make the rows of those keys that have none, in batches, with a progress bar.

        Raises:
            TrainingError: another process makes rows in the same folder.
        """
        if set(keys) <= set(self._keys()):
            return
        with (self._folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise TrainingError(f"another training is making {self._folder}; wait for it") from error
            known = set(self._mend())
            missing = [place for place, key in enumerate(keys) if key not in known]
            parts = [missing[first : first + batch] for first in range(0, len(missing), batch)]
            console = Console(stderr=True)
            shown = track(
                parts, f"{what} of {len(missing)}", console=console, disable=not console.is_terminal
            )
            for part in shown:
                self._append([keys[place] for place in part], compute(part))

    def rows(self, keys: Sequence[str]) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
        """Return all rows, mapped, and the places in them of these keys, which must be there."""
        places = {key: place for place, key in enumerate(self._keys())}
        mapped = np.memmap(self._folder / "rows", self._dtype, "r", shape=(len(places), *self._shape))
        return mapped, np.array([places[key] for key in keys], dtype=np.int64)

    def _keys(self) -> list[str]:
        """The keys whose lines and rows are whole, whatever a killed process left half written."""
        keys, rows = self._folder / "keys", self._folder / "rows"
        text = keys.read_text("ascii") if keys.is_file() else ""
        written = rows.stat().st_size // self._row_bytes if rows.is_file() else 0
        return text[: text.rfind("\n") + 1].splitlines()[:written]

    def _mend(self) -> list[str]:
        """Cut off what is not whole; return the keys that are."""
        whole = self._keys()
        (self._folder / "keys").write_text("".join(f"{key}\n" for key in whole), "ascii")
        (self._folder / "rows").touch()
        os.truncate(self._folder / "rows", len(whole) * self._row_bytes)
        return whole

    def _append(self, keys: Sequence[str], rows: NDArray[np.generic]) -> None:
        for name, content in (
            ("rows", np.ascontiguousarray(rows, self._dtype).tobytes()),
            ("keys", "".join(f"{key}\n" for key in keys).encode("ascii")),
        ):
            with (self._folder / name).open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())


def folder_for(cache: Path, what: str, *made_by: object) -> Path:
    """Return a folder of the cache for features, another one for whatever else made them."""
    digest = hashlib.sha256(repr(made_by).encode()).hexdigest()[:16]
    return cache / f"{what}-{digest}"
