"""How well near copies are told from other pictures and from edited ones (`analysis.perceptual`).

    python -m benchmarks.copies FOLDER [--pictures 400] [--skip 220]

FOLDER holds pictures, at any depth. Three questions: which pairs of different pictures are taken for copies;
how many encoded, scaled and passed-on copies are recognised; how many edited pictures, encoded again, are
taken for copies, by kind and area of the edit. The first ``skip`` pictures of the seeded order are left out
of the last two: the limits were chosen on some of them. Shares come with one-sided 95 % bounds (Clopper and
Pearson, 1934).
"""

from __future__ import annotations

import argparse
import io
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from rich.console import Console
from rich.table import Table
from scipy.stats import beta

from analysis.model import Kind, Likeness, Probe
from analysis.perceptual import Sketch, is_copy, likeness_of
from detectors.errors import Unsuitable
from detectors.generation import patchmatch
from detectors.generation.inpainting import harmonic
from detectors.generation.masks import random_mask

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
AREAS = (0.003, 0.01, 0.03, 0.1)
FAINT = 4.0  # an edit that changes less, of 255, such as a smooth sky filled smoothly, is listed by itself
PROBE = Probe(Kind.IMAGE, "image/jpeg", 0)
Picture = Image.Image
Pixels = NDArray[np.uint8]
Filter = Image.Resampling


def encoded(picture: Picture, form: str, quality: int) -> Picture:
    """A picture after it was written and read again."""
    written = io.BytesIO()
    picture.save(written, form, quality=quality)
    return Image.open(written).convert("RGB")


def scaled(picture: Picture, factor: float, how: Filter = Filter.LANCZOS) -> Picture:
    """A picture in another size."""
    return picture.resize((round(picture.width * factor), round(picture.height * factor)), how)


def passed_on(picture: Picture) -> Picture:
    """A picture after three apps, two of which scaled it."""
    first = scaled(encoded(picture, "JPEG", 70), 0.8, Filter.BILINEAR)
    return encoded(scaled(encoded(first, "WEBP", 80), 0.9), "JPEG", 75)


COPIES: dict[str, Callable[[Picture], Picture]] = {
    "JPEG 30": lambda picture: encoded(picture, "JPEG", 30),
    "JPEG 50": lambda picture: encoded(picture, "JPEG", 50),
    "JPEG 75": lambda picture: encoded(picture, "JPEG", 75),
    "JPEG 90": lambda picture: encoded(picture, "JPEG", 90),
    "WebP 50": lambda picture: encoded(picture, "WEBP", 50),
    "WebP 75": lambda picture: encoded(picture, "WEBP", 75),
    "x 0.75, JPEG 85": lambda picture: encoded(scaled(picture, 0.75, Filter.BICUBIC), "JPEG", 85),
    "x 0.5, JPEG 85": lambda picture: encoded(scaled(picture, 0.5), "JPEG", 85),
    "passed on": passed_on,
    "x 1.5, JPEG 85": lambda picture: encoded(scaled(picture, 1.5, Filter.BICUBIC), "JPEG", 85),
    "crop of 5 %": lambda picture: picture.crop(
        (picture.width // 40, picture.height // 40, picture.width * 39 // 40, picture.height * 39 // 40)
    ),
}


def pasted(real: Pixels, donor: Pixels, area: float, rng: np.random.Generator) -> Pixels:
    """A part of another picture, with a soft edge."""
    mask, _ = random_mask(real, rng, (area, area * 1.01), softness=(1, 3))
    return (mask[..., None] * donor + (1 - mask[..., None]) * real).round().clip(0, 255).astype(np.uint8)


def matched(real: Pixels, donor: Pixels, area: float, rng: np.random.Generator) -> Pixels:
    """A part of another picture in the colours and contrast of what it covers, with a soft edge."""
    mask, _ = random_mask(real, rng, (area, area * 1.01), softness=(1, 3))
    inside = mask > 0.5
    own, lent = real[inside].astype(float), donor[inside].astype(float)
    levelled = (donor - lent.mean(0)) * ((own.std(0) + 1) / (lent.std(0) + 1)).clip(0.5, 2) + own.mean(0)
    return (mask[..., None] * levelled + (1 - mask[..., None]) * real).round().clip(0, 255).astype(np.uint8)


def retouched(real: Pixels, _: Pixels, area: float, rng: np.random.Generator) -> Pixels:
    """Something removed: its place filled smoothly from around it."""
    mask, _drawn = random_mask(real, rng, (area, area * 1.01), softness=(0.7, 2))
    filled = harmonic(real.astype(np.float32), mask > 0)
    return (mask[..., None] * filled + (1 - mask[..., None]) * real).round().clip(0, 255).astype(np.uint8)


def refilled(real: Pixels, _: Pixels, area: float, rng: np.random.Generator) -> Pixels:
    """Something removed: its place filled with patches of the same picture."""
    mask, _drawn = random_mask(real, rng, (area, area * 1.01), softness=(0.7, 2))
    filled = patchmatch.fill(real.astype(np.float32), mask > 0, rng)
    return (mask[..., None] * filled + (1 - mask[..., None]) * real).round().clip(0, 255).astype(np.uint8)


SPOILT: dict[str, Callable[[Picture], Picture]] = {
    "JPEG 10": lambda picture: encoded(picture, "JPEG", 10),
    "JPEG 20": lambda picture: encoded(picture, "JPEG", 20),
    "WebP 20": lambda picture: encoded(picture, "WEBP", 20),
    "x 0.5 x 2": lambda picture: scaled(scaled(picture, 0.5), 2).resize(picture.size),
    "blurred by 1.2 pixels": lambda picture: picture.filter(ImageFilter.GaussianBlur(1.2)),
}
EDITS = {"pasted": pasted, "matched": matched, "retouched": retouched, "refilled": refilled}
_SLOW = {"refilled"}  # made of every eighth picture, and of small areas


def measure(likeness: Likeness, other: Likeness | None) -> tuple[bool, bool]:
    """Whether a look-up finds the picture, and whether it is then confirmed as a copy."""
    if other is None or set(likeness.pieces).isdisjoint(other.pieces):
        return False, False
    return True, is_copy(Sketch.unpack(likeness.sketch), Sketch.unpack(other.sketch))


def likeness(picture: Picture) -> Likeness | None:
    """As the engine has it."""
    return likeness_of([np.asarray(picture)], PROBE)


def edits(
    number: int, real: Picture, donor: Picture, rng: np.random.Generator
) -> Iterator[tuple[str, Picture]]:
    """Edited pictures, encoded again, each with what was done."""
    pixels, lent = np.asarray(real), np.asarray(donor.resize(real.size))
    for name, edit in EDITS.items():
        for area in AREAS:
            if name in _SLOW and (number % 8 or area > 0.03):
                continue
            try:
                fake = Image.fromarray(edit(pixels, lent, area, rng))
            except Unsuitable:
                continue
            faint = ", faint" if change(pixels, np.asarray(fake)) < FAINT else ""
            yield f"{name} {area:.1%}{faint}", encoded(fake, "JPEG", 75)


def change(real: Pixels, fake: Pixels) -> float:
    """Root mean square of the change of brightness where there is one, of 255."""
    difference = fake.astype(np.float64) - real
    changed = difference.any(axis=-1)
    return float(np.sqrt(np.mean(difference.mean(axis=-1)[changed] ** 2))) if changed.any() else 0.0


def bound(hits: int, total: int, *, upper: bool) -> float:
    """The one-sided 95 % bound of a share."""
    if upper:
        return 1.0 if hits == total else float(beta.ppf(0.95, hits + 1, total - hits))
    return 0.0 if hits == 0 else float(beta.ppf(0.05, hits, total - hits + 1))


def show_pairs(console: Console, files: list[Path]) -> None:
    """Count pairs of different files that are taken for copies, and name them."""
    known = []
    different = {file.read_bytes(): file for file in files}.values()
    for file in different:
        found = likeness(Image.open(file).convert("RGB"))
        if found is not None:
            known.append((file, set(found.pieces), Sketch.unpack(found.sketch)))
    pairs = candidates = 0
    taken = []
    for (file, own, sketch), (other, its, second) in combinations(known, 2):
        pairs += 1
        if not own.isdisjoint(its):
            candidates += 1
            if is_copy(sketch, second) or is_copy(second, sketch):
                taken.append((file, other))
    share = bound(len(taken), pairs, upper=True)
    console.print(
        f"{len(known)} of {len(different)} pictures can be recognised; {pairs} pairs, {candidates} share a "
        f"piece, {len(taken)} are taken for copies (upper bound {share:.2g} of all pairs):"
    )
    for file, other in taken:
        console.print(f"  {file}\n  {other}", soft_wrap=True)


def show_table(console: Console, title: str, counts: dict[str, list[int]], *, upper: bool) -> None:
    """Print found and confirmed by row."""
    table = Table("", "pictures", "looked up", "taken for copies", "95 % bound", title=title)
    for name, (total, found, confirmed) in sorted(counts.items()) if upper else counts.items():
        limit = bound(confirmed, total, upper=upper)
        table.add_row(
            name,
            str(total),
            str(found),
            f"{confirmed} ({confirmed / total:.1%})",
            f"{'<' if upper else '>'} {limit:.1%}",
        )
    console.print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--skip", type=int, default=220)
    parser.add_argument("--no-pairs", action="store_true")
    given = parser.parse_args()
    files = sorted(file for file in given.folder.rglob("*") if file.suffix in SUFFIXES)
    random.Random(1).shuffle(files)
    console = Console(width=100)
    if not given.no_pairs:
        show_pairs(console, files)
    rng = np.random.default_rng(2)
    copies: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    edited: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    spoilt: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for number, file in enumerate(files[given.skip : given.skip + given.pictures]):
        picture = Image.open(file).convert("RGB")
        own = likeness(picture)
        if min(picture.size) < 128 or own is None:
            continue
        for name, make in COPIES.items():
            count(copies[name], measure(own, likeness(make(picture))))
        for name, spoil in SPOILT.items():
            poor = likeness(spoil(picture))
            if poor is not None:
                count(spoilt[name], measure(poor, own))
        donor = Image.open(files[number]).convert("RGB")
        for name, fake in edits(number, picture, donor, rng):
            count(edited[name], measure(own, likeness(fake)))
    show_table(console, "Copies", copies, upper=False)
    show_table(console, "Edited pictures, then JPEG 75", edited, upper=True)
    show_table(console, "Originals, where a spoilt copy was judged first", spoilt, upper=True)


def count(row: list[int], outcome: tuple[bool, bool]) -> None:
    """Add one picture to a row."""
    found, confirmed = outcome
    for place, yes in enumerate((True, found, confirmed)):
        row[place] += yes


if __name__ == "__main__":
    main()
