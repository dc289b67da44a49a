"""Deliveries: how a labelled medium reaches the engine - as it is, or changed in a way that all media share.

A change is ``name:level`` (``jpeg:75``). A delivery is a common centre cut and any changes; its name says all
of it (``crop256+jpeg75``), so that scores can be kept by it. The steps are those of social laundering
(`detectors.generation.laundering`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.errors import ConfigurationError
from analysis.model import Kind
from detectors.generation.base import SAMPLE_RATE, Pixels, Sound
from detectors.generation.laundering.base import Step
from detectors.generation.laundering.pictures import Blur, Crop, Jpeg, Noise, Rescale, WebP
from detectors.generation.laundering.sound import Gain, Hiss, Mp3, Opus
from detectors.generation.laundering.video import FrameGrab

PICTURES = frozenset({Kind.IMAGE, Kind.VIDEO})
_SEED = 0


class NotDelivered(Exception):
    """A medium cannot arrive this way; ``code`` is stable, the message is the reason that people see."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Way:
    """One kind of change: what it applies to, the levels it takes, and the step it is."""

    kinds: frozenset[Kind]
    least: float
    most: float
    what: str
    step: Callable[[float], Step[Any]]
    codec: bool = False


def _keep(share: float) -> Crop:
    edge = (1 - share) / 2
    return Crop(edge, edge, edge, edge)


_STILL, _SOUND = frozenset({Kind.IMAGE}), frozenset({Kind.AUDIO})
WAYS: dict[str, Way] = {
    "jpeg": Way(_STILL, 1, 100, "JPEG quality", lambda level: Jpeg(int(level)), codec=True),
    "webp": Way(_STILL, 1, 100, "WebP quality", lambda level: WebP(int(level)), codec=True),
    # Of a picture: the intra-coded frame. Of a video: the whole stream (`transcoding`).
    "h264": Way(PICTURES, 0, 51, "H.264 rate factor", lambda level: FrameGrab(int(level)), codec=True),
    "mp3": Way(_SOUND, 8, 320, "MP3 kbit/s", lambda level: Mp3(int(level) * 1000), codec=True),
    "opus": Way(_SOUND, 6, 256, "Opus kbit/s", lambda level: Opus(int(level) * 1000), codec=True),
    "scale": Way(PICTURES, 0.05, 4, "scale factor", Rescale),
    "blur": Way(PICTURES, 0, 50, "blur radius in pixels", Blur),
    "noise": Way(PICTURES, 0, 128, "noise in grey levels", lambda level: Noise(level, _SEED)),
    "cut": Way(PICTURES, 0.05, 1, "share of each side kept", _keep),
    "hiss": Way(_SOUND, 0, 96, "noise, dB below full scale", lambda level: Hiss(level, 0.0, _SEED)),
    "gain": Way(_SOUND, -60, 60, "gain in dB", Gain),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One change with its level."""

    way: str
    level: float

    def __str__(self) -> str:
        between = "_" if self.way[-1].isdigit() else ""
        return f"{self.way}{between}{self.level:g}"

    def applies(self, kind: Kind) -> bool:
        """Say whether media of a kind can be changed so."""
        return kind in WAYS[self.way].kinds

    def step(self) -> Step[Any]:
        """The step of a still picture, a frame, or a sound."""
        return WAYS[self.way].step(self.level)


def parse_change(text: str, *, codec: bool = False) -> Change:
    """Read ``name:level``.

    Raises:
        ConfigurationError: no such change (with ``codec``: no such re-encoding), or a level out of its range.
    """
    name, colon, number = text.strip().partition(":")
    known = [way for way, about in WAYS.items() if about.codec or not codec]
    if name not in known or not colon:
        raise ConfigurationError(f"{text!r} is no change; write NAME:LEVEL with one of {', '.join(known)}")
    way = WAYS[name]
    try:
        level = float(number)
    except ValueError:
        level = float("nan")
    if not way.least <= level <= way.most or (way.codec and level != int(level)):
        raise ConfigurationError(f"{text!r}: {way.what} goes from {way.least:g} to {way.most:g}")
    return Change(name, level)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How media arrive. ``crop``: the central square of so many pixels; ``seconds``: the middle of a sound.

    Of ``encodings`` those apply that fit a medium's kind, ``then`` applies to all alike.
    """

    crop: int | None = None
    seconds: float | None = None
    encodings: tuple[Change, ...] = ()
    then: tuple[Change, ...] = field(default=())

    @property
    def name(self) -> str:
        """All of it in one word; ``as_is`` where nothing is done."""
        parts = [f"crop{self.crop}"] if self.crop else []
        parts += [f"middle{self.seconds:g}s"] if self.seconds else []
        return "+".join([*parts, *map(str, (*self.encodings, *self.then))]) or "as_is"

    def changed(self, change: Change) -> Delivery:
        """This delivery, and one more change at the end."""
        return Delivery(self.crop, self.seconds, self.encodings, (*self.then, change))

    def touches(self, kind: Kind) -> bool:
        """Say whether media of a kind arrive otherwise than they are."""
        cut = self.seconds if kind is Kind.AUDIO else self.crop
        return bool(cut or self.encodings or self.then)

    def changes(self, kind: Kind) -> tuple[Change, ...]:
        """The changes for media of a kind.

        Raises:
            NotDelivered: none of the re-encodings, or not every other change, applies to the kind.
        """
        encodings = tuple(change for change in self.encodings if change.applies(kind))
        if self.encodings and not encodings:
            wanted = ", ".join(map(str, self.encodings))
            raise NotDelivered("does_not_apply", f"{wanted}: not a change that {kind} media can take")
        for change in self.then:
            if not change.applies(kind):
                raise NotDelivered("does_not_apply", f"{change}: not a change that {kind} media can take")
        return (*encodings, *self.then)

    def steps(self, kind: Kind) -> list[Step[Any]]:
        """The steps of a still picture or a sound.

        Raises:
            NotDelivered: as `changes` does.
        """
        steps: list[Step[Any]] = []
        if kind is Kind.AUDIO and self.seconds:
            steps.append(Middle(round(self.seconds * SAMPLE_RATE)))
        if kind is not Kind.AUDIO and self.crop:
            steps.append(CentreCrop(self.crop))
        return steps + [change.step() for change in self.changes(kind)]


AS_IS = Delivery()


@dataclass(frozen=True, slots=True)
class CentreCrop(Step[Pixels]):
    """The central square of so many pixels; a smaller picture is refused, as its size would give it away."""

    side: int

    def __call__(self, medium: Pixels) -> Pixels:
        """Cut.

        Raises:
            NotDelivered: a side is shorter.
        """
        height, width = medium.shape[:2]
        if min(height, width) < self.side:
            raise NotDelivered("too_small", f"{width}x{height} pixels, smaller than the crop of {self.side}")
        top, left = (height - self.side) // 2, (width - self.side) // 2
        return np.ascontiguousarray(medium[top : top + self.side, left : left + self.side])


@dataclass(frozen=True, slots=True)
class Middle(Step[Sound]):
    """The middle of a sound; a shorter one is refused, as its length would give it away."""

    samples: int

    def __call__(self, medium: Sound) -> Sound:
        """Cut.

        Raises:
            NotDelivered: it is shorter.
        """
        if len(medium) < self.samples:
            lasts, wanted = len(medium) / SAMPLE_RATE, self.samples / SAMPLE_RATE
            raise NotDelivered("too_short", f"{lasts:.2f} s, shorter than the cut of {wanted:g} s")
        start = (len(medium) - self.samples) // 2
        return medium[start : start + self.samples]


LADDERS: dict[Kind, dict[str, Sequence[float]]] = {
    Kind.IMAGE: {
        "jpeg": (95, 85, 75, 60, 40),
        "webp": (90, 75, 50),
        "h264": (18, 28, 38),
        "scale": (0.75, 0.5, 0.25),
        "blur": (0.5, 1, 2),
        "noise": (2, 5, 10),
        "cut": (0.9, 0.75, 0.5),
    },
    Kind.VIDEO: {"h264": (18, 28, 38), "scale": (0.75, 0.5), "blur": (1, 2), "noise": (5,), "cut": (0.75,)},
    Kind.AUDIO: {"mp3": (128, 64, 32), "opus": (64, 24, 12), "hiss": (60, 50, 40), "gain": (-20, -6, 6)},
}
"""The levels at which robustness is measured, from mild to harsh."""


def ladder(base: Delivery, kind: Kind) -> list[tuple[Change, Delivery]]:
    """Every rung for media of a kind: the base delivery with one more change."""
    rungs = [Change(way, level) for way, levels in LADDERS[kind].items() for level in levels]
    return [(change, base.changed(change)) for change in rungs]
