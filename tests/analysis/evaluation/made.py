"""Labelled media, tables and panels that the tests make themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from analysis.evaluation.items import Item, Known
from analysis.evaluation.rows import Role, Row, Subject
from analysis.evaluation.table import Table, table


def pictures(
    folder: Path, count: int = 12, *, sources: Sequence[str] = ("one", "two"), size: int = 40
) -> Path:
    """Noisy pictures; fakes are the brighter ones, so that brightness is a fair detector of them."""
    random = np.random.default_rng(5)
    for source in sources:
        for label, name in enumerate(("real", "fake")):
            place = folder / source / name
            place.mkdir(parents=True, exist_ok=True)
            for n in range(count):
                level = 90 + 40 * label + random.normal(0, 25)
                noise = random.normal(level, 20, (size, size + 8, 3))
                Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(place / f"{n}.png")
    return folder


def known(n: int, label: int, source: str = "s", generator: str = "", group: str = "") -> Known:
    made = generator or (source if label else "")
    item = Item(Path(f"{n}"), f"{source}/{n}.png", label, source, made if label else "", group)
    return Known(item, hashlib.sha256(str(n).encode()).hexdigest())


def of_scores(media: Sequence[Known], **scores: Sequence[float | None]) -> Table:
    """A table of detectors that gave these scores (None: not applicable)."""
    rows = {}
    for name, values in scores.items():
        subject = Subject(Role.DETECTOR, name)
        rows[subject] = [
            Row(
                of.sha256,
                "as_is",
                subject,
                "f",
                "image",
                value,
                None,
                None if value is not None else "no face",
            )
            for of, value in zip(media, values, strict=True)
        ]
    return table("image", "as_is", media, rows)


def of_bands(
    media: Sequence[Known], bands: Sequence[str], probabilities: Sequence[float] | None = None
) -> Table:
    """A table of one policy that gave these verdicts."""
    subject = Subject(Role.POLICY, "judge")
    said = probabilities or [None] * len(media)
    rows = [
        Row(of.sha256, "as_is", subject, "f", "image", score, band)
        for of, band, score in zip(media, bands, said, strict=True)
    ]
    return table("image", "as_is", media, {subject: rows})
