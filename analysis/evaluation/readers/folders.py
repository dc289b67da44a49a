"""Layouts in which a folder's name is the label.

plain        DIR/{real,fake} or DIR/{0_real,1_fake}; DIR/SOURCE/{real,fake}
WildRF       DIR/test/PLATFORM/{0_real,1_fake}, DIR/{train,val}/{0_real,1_fake}
             (github.com/barcavia/RealTime-DeepfakeDetection-in-the-RealWorld)
ForenSynths  DIR/GENERATOR/[CLASS/]{0_real,1_fake}, maybe below test/ (github.com/peterwang512/CNNDetection)
GenImage     DIR/[GENERATOR/]imagenet_ai_0419_biggan/{train,val}/{nature,ai}
             (github.com/GenImage-Dataset/GenImage)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from analysis.evaluation.items import Item
from analysis.evaluation.readers.base import Found, files, relative
from detectors.training.dataset import GENERATOR_IN_NAME

CLASSES = {"real": 0, "fake": 1, "0_real": 0, "1_fake": 1}
GENIMAGE_CLASSES = {"nature": 0, "ai": 1}
PLATFORMS = ("facebook", "reddit", "twitter")
SPLITS = ("train", "val", "test")
_GENIMAGE_FOLDER = re.compile(r"imagenet_(?:ai_\d+_)?(?P<generator>.+)")

Describe = Callable[[tuple[str, ...], int, str], dict[str, str]]
"""From the folders above the class folder, the label and the file's stem to the item's other fields."""


def _class_folders(folder: Path, classes: dict[str, int]) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.name in classes and path.is_dir():
            yield path


def _read(folder: Path, classes: dict[str, int], describe: Describe, split: str | None) -> Found:
    found = Found()
    for place in _class_folders(folder, classes):
        above, label = place.parent.relative_to(folder).parts, classes[place.name]
        for path in files(place):
            fields = describe(above, label, path.stem)
            if split in (None, "all") or fields.get("split", "") == split:
                found.add(Item(path, relative(path, folder), label, **fields))
    return found


def is_plain(folder: Path) -> bool:
    """Say whether there are folders named real, fake, 0_real or 1_fake."""
    return folder.is_dir() and next(_class_folders(folder, CLASSES), None) is not None


def read_plain(folder: Path, split: str | None) -> Found:
    """The folders above real/ or fake/ name the source; a first one named train, val or test the split."""

    def describe(above: tuple[str, ...], label: int, stem: str) -> dict[str, str]:
        split_name = above[0] if above and above[0] in SPLITS else ""
        rest = above[1:] if split_name else above
        source = "/".join(rest) or folder.resolve().name
        named = GENERATOR_IN_NAME.fullmatch(stem) if label else None
        generator = (named["name"] if named else source) if label else ""
        return {"source": source, "generator": generator, "split": split_name}

    return _read(folder, CLASSES, describe, split)


def is_wildrf(folder: Path) -> bool:
    """Say whether there is a test folder with at least one of the three platforms."""
    return any((folder / "test" / name / "0_real").is_dir() for name in PLATFORMS)


def read_wildrf(folder: Path, split: str | None) -> Found:
    """Each platform is a source; the published test split is `test`. Its fakes' generators are unknown."""

    def describe(above: tuple[str, ...], label: int, _stem: str) -> dict[str, str]:
        source = "/".join(above[1:]) or "reddit"  # the published training and validation sets are from Reddit
        return {"source": source, "generator": "unknown" if label else "", "split": above[0] if above else ""}

    return _read(folder, CLASSES, describe, split or "test")


def is_genimage(folder: Path) -> bool:
    """Say whether there are pairs of folders nature and ai."""
    if not folder.is_dir():
        return False
    return any((place.parent / "ai").is_dir() for place in _class_folders(folder, {"nature": 0}))


def read_genimage(folder: Path, split: str | None) -> Found:
    """Each generator is a source with reals of its own; the published test split is `val`."""

    def describe(above: tuple[str, ...], label: int, _stem: str) -> dict[str, str]:
        split_name = above[-1] if above and above[-1] in SPLITS else ""
        rest = above[:-1] if split_name else above
        named = _GENIMAGE_FOLDER.fullmatch(rest[-1]) if rest else None
        generator = named["generator"] if named else "/".join(rest) or folder.resolve().name
        return {"source": generator, "generator": generator if label else "", "split": split_name}

    chosen = split or ("val" if _has_split(folder, "val") else None)
    return _read(folder, GENIMAGE_CLASSES, describe, chosen)


def _has_split(folder: Path, split: str) -> bool:
    return any(place.parent.name == split for place in _class_folders(folder, GENIMAGE_CLASSES))


def is_forensynths(folder: Path) -> bool:
    """Say whether there are folders 0_real and 1_fake at least one folder deep."""
    if not folder.is_dir():
        return False
    places = _class_folders(folder, {"0_real": 0, "1_fake": 1})
    return any(place.parent != folder for place in places)


def read_forensynths(folder: Path, split: str | None) -> Found:
    """Each generator is a source with reals of its own, whatever the classes of objects below it."""

    def describe(above: tuple[str, ...], label: int, _stem: str) -> dict[str, str]:
        split_name = above[0] if above and above[0] in SPLITS else ""
        rest = above[1:] if split_name else above
        generator = rest[0] if rest else folder.resolve().name
        return {"source": generator, "generator": generator if label else "", "split": split_name}

    tested = split or ("test" if (folder / "test").is_dir() else None)
    return _read(folder, CLASSES, describe, tested)
