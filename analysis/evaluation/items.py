"""Labelled media: what there is to measure on."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

_PICTURES = "jpg jpeg jfif png webp bmp tif tiff gif avif heic heif"
_VIDEOS = "mp4 mov m4v mkv webm avi mpg mpeg flv wmv ts"
_SOUNDS = "wav flac mp3 m4a aac ogg oga opus amr caf"
SUFFIXES = frozenset(f".{name}" for name in f"{_PICTURES} {_VIDEOS} {_SOUNDS}".split())


@dataclass(frozen=True, slots=True)
class Item:
    """One labelled medium.

    ``name`` is what people are shown: its path below the data folder. ``label`` is 1 for a fake. ``source``
    is the collection it comes from, ``generator`` what made it ("" for a real). Media of one ``group`` (clips
    of one video, one speaker) are alike and drawn together by the bootstrap; "" is a group of its own.
    """

    path: Path
    name: str
    label: int
    source: str
    generator: str = ""
    group: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """What a reader found; ``passed_over`` are names of what it could not use, with the reason."""

    layout: str
    items: tuple[Item, ...]
    passed_over: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """An item whose bytes were read: ``sha256`` in hexadecimal digits."""

    item: Item
    sha256: str


def is_media(path: Path) -> bool:
    """Say whether a file's name is that of a medium; its bytes are looked at later."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def limited(items: Sequence[Item], limit: int | None, seed: int = 0) -> tuple[Item, ...]:
    """Draw at most ``limit`` items, evenly from every class, source and generator, and keep their order.

    The same seed draws the same items of the same collection.
    """
    if limit is None or len(items) <= limit:
        return tuple(items)
    strata: defaultdict[tuple[int, str, str], list[int]] = defaultdict(list)
    for number, item in enumerate(items):
        strata[item.label, item.source, item.generator].append(number)
    random = Random(f"veritag {seed}")
    for members in strata.values():
        random.shuffle(members)
    queues: dict[int, list[list[int]]] = {0: [], 1: []}
    for key in sorted(strata):
        queues[key[0]].append(strata[key])
    drawn: list[int] = []
    turn = 0
    while len(drawn) < limit:
        # Both classes take turns, and within a class its strata, so that none is forgotten.
        label = turn % 2 if queues[turn % 2] else 1 - turn % 2
        members = queues[label].pop(0)
        drawn.append(members.pop())
        if members:
            queues[label].append(members)
        turn += 1
    return tuple(items[number] for number in sorted(drawn))


def identified(
    items: Sequence[Item], workers: int = 2, on_item: Callable[[], None] | None = None
) -> tuple[tuple[Known, ...], tuple[tuple[str, str], ...]]:
    """Hash every file; the same bytes count once, and not at all where their labels differ.

    Returns:
        The items with their hashes, and the names of those that do not count with the reason.
    """
    tick = on_item or (lambda: None)
    known: dict[str, Known] = {}
    dropped: list[tuple[str, str]] = []
    disputed: dict[str, None] = {}
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for item, digest in zip(items, pool.map(_digest, items), strict=True):
            tick()
            if digest is None:
                dropped.append((item.name, "the file cannot be read"))
            elif digest not in known:
                known[digest] = Known(item, digest)
            elif known[digest].item.label != item.label:
                disputed[digest] = None
                dropped.append((item.name, f"the same bytes as {known[digest].item.name}, other label"))
            else:
                dropped.append((item.name, f"the same bytes as {known[digest].item.name}"))
    dropped.extend((known.pop(digest).item.name, "its bytes stand under both labels") for digest in disputed)
    return tuple(known.values()), tuple(dropped)


def _digest(item: Item) -> str | None:
    try:
        with item.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
