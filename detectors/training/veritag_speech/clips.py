"""Labelled speech on disk: ``DIR/.../<source>/{real,fake}/<file>``.

A *source* is one collection with one history, such as the demonstration page of one synthesiser with the
recordings that it was held against; it is never on both sides of a split.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import av
import torch
from torch import Tensor

from detectors.generation.laundering.sound import decode_sound

SUFFIXES = frozenset({".aac", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wav"})


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled sound. ``label`` 1 = fake; ``sha256`` is of the file; ``sound`` float32 mono at 16 kHz."""

    path: Path
    sha256: str
    source: str
    generator: str
    label: int
    sound: Tensor

    @property
    def key(self) -> str:
        """The first 16 digits of the hash: enough to tell clips apart."""
        return self.sha256[:16]


def scan(folder: Path) -> list[Clip]:
    """Read the labelled sounds under a folder, in a fixed order; files whose bytes occur twice count once.

    A fake's generator is read from names such as ``hifigan__7f2c7a6370.flac``; else it is the source's name.

    Raises:
        ValueError: sounds of one class only, or a file that is no sound.
    """
    clips: dict[str, Clip] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.parent.name in {"real", "fake"}:
            clip = _clip(path)
            clips.setdefault(clip.key, clip)
    if {clip.label for clip in clips.values()} != {0, 1}:
        raise ValueError(f"{folder} needs sounds in both real/ and fake/, here or below folders of sources")
    return list(clips.values())


def _clip(path: Path) -> Clip:
    label = int(path.parent.name == "fake")
    source = path.parent.parent.resolve().name
    name, mark, _ = path.stem.partition("__")
    try:
        sound = torch.from_numpy(decode_sound(str(path)))
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(f"{path} is not a readable sound ({error}); remove it") from error
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Clip(path, sha256, source, (name if mark else source) if label else "", label, sound)
