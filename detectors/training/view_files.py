"""Views on disk: what detectors of faces, clips and sound learn from, one array per medium.

Layout as in `dataset`, with ``.npy`` files. FACES: uint8 ``(N, S, S, 3)``, or pictures, one crop each.
FACE_CLIPS: uint8 ``(C, T, S, S, 3)``. WAVEFORM: float32 ``(samples,)`` at 16 kHz. The files are mapped, not
read: one item is what of it comes into memory.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from detectors.base import View
from detectors.training import dataset

SUFFIX = ".npy"
_DIGEST = re.compile("[0-9a-f]{16}")
_SHAPES: dict[View, tuple[int, str]] = {
    View.FACES: (4, "uint8 (N, S, S, 3)"),
    View.FACE_CLIPS: (5, "uint8 (C, T, S, S, 3)"),
    View.WAVEFORM: (1, "float32 (samples,)"),
}


@dataclass(frozen=True, slots=True)
class ViewItem:
    """One labelled face, clip or sound; ``row`` is its place in the file of its medium.

    ``label``, ``source`` and ``generator`` as in `dataset.Item`; ``medium`` is the file's key, ``key`` the
    item's own.
    """

    path: Path
    row: int
    medium: str
    source: str
    generator: str
    label: int

    @property
    def key(self) -> str:
        """The item's own key."""
        return f"{self.medium}-{self.row}"


def scan(folder: Path, view: View) -> list[ViewItem]:
    """List the labelled items of a view below a folder, in a fixed order; a medium that is there twice once.

    Raises:
        ValueError: no item there, items of one class only, or a file that is not what it should be.
    """
    media: dict[str, list[ViewItem]] = {}
    for path in sorted(folder.rglob("*")):
        is_picture = view is View.FACES and path.suffix.lower() in dataset.SUFFIXES
        if path.parent.name in {"real", "fake"} and (is_picture or path.suffix == SUFFIX):
            label = int(path.parent.name == "fake")
            source = path.parent.parent.name if path.parent.parent != folder else folder.resolve().name
            rows = 1 if is_picture or view is View.WAVEFORM else len(_mapped(path, view))
            key = _key(path)
            generator = source if label else ""
            media.setdefault(key, [ViewItem(path, row, key, source, generator, label) for row in range(rows)])
    items = [item for of_medium in media.values() for item in of_medium]
    if {item.label for item in items} != {0, 1}:
        raise ValueError(
            f"{folder} needs {view.value.replace('_', ' ')} in both real/ and fake/, "
            "here or below folders of sources"
        )
    return items


def read(item: ViewItem, view: View) -> Tensor:
    """Return one item's tensor: uint8 ``(S, S, 3)`` or ``(T, S, S, 3)``, or float32 ``(samples,)``.

    Raises:
        ValueError: the file is damaged.
    """
    if item.path.suffix != SUFFIX:
        return torch.from_numpy(np.array(dataset.read(item.path)))
    mapped = _mapped(item.path, view)
    return torch.from_numpy(np.array(mapped if view is View.WAVEFORM else mapped[item.row]))


def _mapped(path: Path, view: View) -> np.ndarray:
    dimensions, shape = _SHAPES[view]
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not a readable array ({error}); remove it") from error
    dtype = np.float32 if view is View.WAVEFORM else np.uint8
    if array.ndim != dimensions or array.dtype != dtype or not array.size:
        raise ValueError(f"{path} holds {array.dtype} {array.shape}, not {shape}; remove it")
    mapped: np.ndarray = array
    return mapped


def _key(path: Path) -> str:
    if _DIGEST.fullmatch(path.stem):
        return path.stem  # named by the digest of the medium that it was made of
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
