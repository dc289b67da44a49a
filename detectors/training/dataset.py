"""Labelled pictures on disk, and how they are split so that nothing measured was ever seen.

Layout: ``DIR/<source>/{real,fake}/<file>``, or ``DIR/{real,fake}/<file>`` for a single source. A *source* is
one collection with one history; pictures of one source share scraping, resizing and compression, so they are
never on both sides of a split.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
MIN_SIDE = 256
GENERATOR_IN_NAME = re.compile(r"ai_(?P<name>.+)_\d+")


class Labelled(Protocol):
    """What is known of one item to learn from, whatever it is; see `Item`.

    ``medium`` is the key of the file that it is a part of: such items are on one side of every split.
    """

    @property
    def key(self) -> str:
        """Its own key."""

    @property
    def medium(self) -> str:
        """The key of its file."""

    @property
    def source(self) -> str:
        """The collection that it is from."""

    @property
    def generator(self) -> str:
        """What made it; empty for a real one."""

    @property
    def label(self) -> int:
        """1 = fake."""


L = TypeVar("L", bound=Labelled)


@dataclass(frozen=True, slots=True)
class Item:
    """One labelled picture. ``label`` 1 = fake; ``key`` = first 16 hex digits of the file's SHA-256."""

    path: Path
    key: str
    source: str
    generator: str
    label: int
    width: int
    height: int

    @property
    def medium(self) -> str:
        """The picture itself."""
        return self.key

    @property
    def min_side(self) -> int:
        """The shorter side in pixels."""
        return min(self.width, self.height)


def scan(folder: Path, min_side: int = MIN_SIDE) -> list[Item]:
    """List the labelled pictures under a folder whose sides are at least `min_side` pixels, in a fixed order.

    Files whose bytes occur twice count once. The generator of a fake is read from names such as
    ``ai_DALLE_3_17.jpg``; elsewhere it is the source's name.

    Raises:
        ValueError: no picture there, pictures of one class only, or a file that is no picture.
    """
    items: dict[str, Item] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.parent.name in {"real", "fake"}:
            item = _item(path, folder)
            if item.min_side >= min_side:
                items.setdefault(item.key, item)
    if {item.label for item in items.values()} != {0, 1}:
        raise ValueError(
            f"{folder} needs pictures of at least {min_side} px in both real/ and fake/, "
            "here or below folders of sources"
        )
    return list(items.values())


def _item(path: Path, folder: Path) -> Item:
    label = int(path.parent.name == "fake")
    source = path.parent.parent.name if path.parent.parent != folder else folder.resolve().name
    found = GENERATOR_IN_NAME.fullmatch(path.stem) if label else None
    generator = (found["name"] if found else source) if label else ""
    key = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    try:
        with Image.open(path) as image:
            width, height = image.size
    except OSError as error:
        raise ValueError(f"{path} is not a readable picture ({error}); remove it") from error
    return Item(path, key, source, generator, label, width, height)


def read(path: Path) -> Image.Image:
    """Decode one picture, upright, as RGB.

    Raises:
        ValueError: it is damaged.
    """
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except OSError as error:
        raise ValueError(f"{path} is not a readable picture ({error}); remove it") from error


def sampling_weights(items: Sequence[Labelled]) -> NDArray[np.float64]:
    """Probabilities with which to draw items, so that no source betrays a label.

    Within each source that has both classes, both are drawn equally often; sources of one class form one more
    such stratum together. A stratum weighs as many pairs as it has. Within one class of a stratum, a group
    (source, generator) weighs as the square root of its size.
    """
    labels_of: dict[str, set[int]] = {}
    for item in items:
        labels_of.setdefault(item.source, set()).add(item.label)
    keys = [(item.source if len(labels_of[item.source]) == 2 else "", item.label) for item in items]
    sizes = Counter(keys)
    groups = Counter((item.source, item.generator, item.label) for item in items)
    raw = np.array([groups[item.source, item.generator, item.label] ** -0.5 for item in items])
    mass: dict[tuple[str, int], float] = {}
    for key, weight in zip(keys, raw, strict=True):
        mass[key] = mass.get(key, 0.0) + float(weight)
    pairs = {stratum: min(sizes[stratum, 0], sizes[stratum, 1]) for stratum, _ in keys}
    share = np.array([pairs[key[0]] / mass[key] for key in keys])
    probabilities: NDArray[np.float64] = raw * share / (raw * share).sum()
    return probabilities


def hold_out(items: Sequence[L], share: float, seed: int) -> tuple[list[L], list[L]]:
    """Split items at random, class by class: what is left to train on, and so many of the media held out.

    A class has at least one medium on either side.

    Raises:
        ValueError: a class has but one medium.
    """
    held: set[str] = set()
    for label in (0, 1):
        media = sorted({item.medium for item in items if item.label == label})
        if len(media) < 2:
            raise ValueError("too few media to hold some out; name a validation folder")
        drawn = np.random.default_rng([seed, label]).permutation(len(media))
        count = min(max(1, round(share * len(media))), len(media) - 1)
        held |= {media[n] for n in drawn[:count]}
    return [i for i in items if i.medium not in held], [i for i in items if i.medium in held]


@dataclass(frozen=True, slots=True)
class Fold:
    """One split: indices of the items trained on, and of those that are scored."""

    name: str
    train: tuple[int, ...]
    test: tuple[int, ...]


def source_folds(items: Sequence[Item], groups: Iterable[Iterable[str]]) -> list[Fold]:
    """Leave whole sources out; each fold leaves out one group. A source in no group is a fold of its own."""
    named = [frozenset(group) for group in groups]
    grouped = {source for group in named for source in group}
    named += [frozenset({source}) for source in sorted({item.source for item in items} - grouped)]
    folds = [_fold("+".join(sorted(group)), [item.source in group for item in items]) for group in named]
    return [fold for fold in folds if fold.test and fold.train]


def generator_folds(items: Sequence[Item], source: str) -> list[Fold]:
    """Leave one generator of one source out, with an equal share of that source's reals."""
    inside = [item for item in items if item.source == source]
    generators = sorted({item.generator for item in inside if item.label})
    reals = sorted(item.key for item in inside if not item.label)
    dealt = {key: generators[n % len(generators)] for n, key in enumerate(reals)}

    def held_for(item: Item) -> str:
        if item.source != source:
            return ""
        return item.generator if item.label else dealt[item.key]

    return [_fold(generator, [held_for(item) == generator for item in items]) for generator in generators]


def _fold(name: str, held: Sequence[bool]) -> Fold:
    train = tuple(index for index, out in enumerate(held) if not out)
    return Fold(name, train, tuple(index for index, out in enumerate(held) if out))
