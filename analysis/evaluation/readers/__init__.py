"""Readers: one per layout in which labelled media are published; `read` finds the one that fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from analysis.errors import ConfigurationError
from analysis.evaluation.items import Collection
from analysis.evaluation.readers import faces, folders, speech, tables
from analysis.evaluation.readers.base import Found


@dataclass(frozen=True, slots=True)
class Layout:
    """One published layout: whether a folder has it, and the media in one.

    ``read`` takes the folder and the wanted split (None: the published test split where there is one).
    """

    name: str
    title: str
    fits: Callable[[Path], bool]
    read: Callable[[Path, str | None], Found]


# The first that fits is taken: those with a file or folder of their own come before plain pairs of folders.
LAYOUTS: tuple[Layout, ...] = (
    Layout("manifest", "a manifest (CSV or JSON Lines)", tables.is_manifest, tables.read_manifest),
    Layout("deepfake_eval_2024", "Deepfake-Eval-2024", tables.is_deepfake_eval, tables.read_deepfake_eval),
    Layout("ff++", "FaceForensics++", faces.is_faceforensics, faces.read_faceforensics),
    Layout("celeb_df", "Celeb-DF", faces.is_celeb_df, faces.read_celeb_df),
    Layout("dfdc", "DFDC (metadata.json)", faces.is_dfdc, faces.read_dfdc),
    Layout("asvspoof", "ASVspoof 2019 / 2021 protocols", speech.is_asvspoof, speech.read_asvspoof),
    Layout("wildrf", "WildRF", folders.is_wildrf, folders.read_wildrf),
    Layout("genimage", "GenImage", folders.is_genimage, folders.read_genimage),
    Layout("forensynths", "ForenSynths", folders.is_forensynths, folders.read_forensynths),
    Layout(
        "real_fake", "real/ and fake/, or SOURCE/real and SOURCE/fake", folders.is_plain, folders.read_plain
    ),
)


def read(data: Path, layout: str | None = None, split: str | None = None) -> Collection:
    """List the labelled media of a folder (or of a manifest file).

    Args:
        data: the folder, or a manifest.
        layout: the name of one of `LAYOUTS`; None: the first that fits.
        split: the split to take; None: the published test split where there is one; "all": everything.

    Raises:
        ConfigurationError: no such folder or layout, none fits, it is malformed, or it holds no media.
    """
    if not data.exists():
        raise ConfigurationError(f"--data {data} does not exist; name the folder that holds real/ and fake/")
    chosen = _named(layout) if layout else _fitting(data)
    found = chosen.read(data, split)
    if not found.items:
        which = f"split {split!r} of " if split else ""
        raise ConfigurationError(
            f"--data {data}: no labelled media in {which}the layout {chosen.name} ({chosen.title})"
        )
    items = tuple(sorted(found.items, key=lambda item: item.name))
    return Collection(chosen.name, items, tuple(found.passed_over))


def _named(name: str) -> Layout:
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    known = ", ".join(layout.name for layout in LAYOUTS)
    raise ConfigurationError(f"there is no layout {name!r}; known: {known}")


def _fitting(data: Path) -> Layout:
    for layout in LAYOUTS:
        if layout.fits(data):
            return layout
    raise ConfigurationError(
        f"--data {data}: no known layout; it needs real/ and fake/, SOURCE/real and SOURCE/fake, a manifest, "
        f"or one of: {', '.join(layout.name for layout in LAYOUTS)}"
    )
