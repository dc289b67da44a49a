"""The media that a gallery is chosen from: labelled samples, and everything that is made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from analysis.evaluation.delivery import Change
from analysis.evaluation.items import Item
from detectors.base import Modality
from detectors.errors import NotApplicable, Unsuitable
from detectors.generation import base
from detectors.generation.files import SUFFIXES, Original, read_picture, read_sound
from detectors.generation.laundering import LOSSLESS_PICTURE, LOSSLESS_SOUND, Chain, presets
from detectors.generation.laundering.base import Codec
from detectors.generation.laundering.screens import Screenshot
from detectors.generation.making import drawn_chain, fresh

AS_IT_IS = "as it is"
SCREEN = "screenshot"
DELIVERIES = {
    Modality.IMAGE: (
        Change("jpeg", 75),
        Change("jpeg", 40),
        Change("webp", 50),
        Change("h264", 28),
        Change("scale", 0.5),
    ),
    Modality.AUDIO: (Change("mp3", 64), Change("mp3", 32), Change("opus", 24), Change("hiss", 40)),
}
"""The deliveries of one medium that are shown side by side."""
_DELIVERED = {
    "jpeg": "JPEG, quality {:g}",
    "webp": "WebP, quality {:g}",
    "h264": "frame of H.264, rate {:g}",
    "scale": "scaled by {:g}",
    "mp3": "MP3, {:g} kbit/s",
    "opus": "Opus, {:g} kbit/s",
    "hiss": "noise at −{:g} dB",
}
_SCREENSHOT = Screenshot(720, 86, 130, "light")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file to be judged. ``made_by`` is the generator ("" for a sample), ``delivered`` the way it came.

    ``in_strip``: it is one of the deliveries that are shown side by side.
    """

    path: Path
    medium: str
    group: str
    fake: bool
    made_by: str = ""
    delivered: str = AS_IT_IS
    in_strip: bool = False

    @property
    def done(self) -> str:
        """What was done to the sample, in words."""
        made = [f"{self.made_by} ({base.entry(self.made_by).summary})"] if self.made_by else []
        arrived = [] if made and self.delivered == AS_IT_IS else [self.delivered]
        return ", ".join((*made, *arrived))


class Material:
    """What is made of samples, file by file, into a folder that the caller removes."""

    def __init__(self, items: Sequence[Item], folder: Path, seed: int) -> None:
        """`items` are the labelled samples; the seed draws everything that is random."""
        self._items, self._folder, self._seed = items, folder, seed
        self._written = 0
        self._donors = [
            _original(item) for item in items if not item.label and _modality(item) is Modality.IMAGE
        ]

    def candidates(self) -> Iterator[Candidate]:
        """Every sample as it is; of pictures and sounds all launderings, of real ones all fakes as well.

        Where no sound is real, all sounds are made anew by the generators: those of synthetic ones are
        synthetic, too.
        """
        real_sound = any(not item.label and _modality(item) is Modality.AUDIO for item in self._items)
        for item in self._items:
            modality = _modality(item)
            yield Candidate(
                item.path,
                item.path.name,
                item.group or item.name,
                bool(item.label),
                in_strip=modality is not None,
            )
            if modality is None:
                continue
            yield from self._delivered(item, modality)
            if not item.label or (modality is Modality.AUDIO and not real_sound):
                yield from self._made(item, modality)

    def _delivered(self, item: Item, modality: Modality) -> Iterator[Candidate]:
        """A sample by all ways that platforms take, and by those that are shown side by side."""
        original = _original(item)
        for preset in presets(modality):
            chain = drawn_chain(original, self._seed, preset, modality)
            yield self._send(item, modality, chain, f"laundered: {preset}", in_strip=False)
        for change in DELIVERIES[modality]:
            one: Chain[Any] = Chain("gallery", (change.step(),))
            words = _DELIVERED[change.way].format(change.level)
            yield self._send(item, modality, one, words, in_strip=True)
        if modality is Modality.IMAGE:
            yield self._send(item, modality, Chain("gallery", (_SCREENSHOT,)), SCREEN, in_strip=True)

    def _send(
        self, item: Item, modality: Modality, chain: Chain[Any], words: str, *, in_strip: bool
    ) -> Candidate:
        picture = modality is Modality.IMAGE
        medium: NDArray[Any] = read_picture(item.path)[0] if picture else read_sound(item.path)
        lossless: Codec[Any] = LOSSLESS_PICTURE if picture else LOSSLESS_SOUND
        path = self._write(*chain.deliver(medium, lossless))
        return Candidate(path, item.path.name, item.group or item.name, bool(item.label), "", words, in_strip)

    def _made(self, item: Item, modality: Modality) -> Iterator[Candidate]:
        """Fakes by every generator, aligned and by all ways; what cannot be made is passed over."""
        for name in base.names():
            if base.entry(name).modality is not modality:
                continue
            try:
                pair = fresh(_original(item), name, self._seed, Path(), self._donors)
            except (Unsuitable, NotApplicable):
                continue
            for preset in (None, *presets(modality)):
                try:
                    delivered = pair.delivered(preset)
                except Unsuitable:
                    continue
                words = AS_IT_IS if preset is None else f"laundered: {preset}"
                path = self._write(delivered.fake, delivered.suffix)
                yield Candidate(path, item.path.name, item.group or item.name, True, name, words)

    def _write(self, content: bytes, suffix: str) -> Path:
        path = self._folder / f"{self._written:05}{suffix}"
        self._written += 1
        path.write_bytes(content)
        return path


def _modality(item: Item) -> Modality | None:
    """What generators and launderings take it as; None for videos and animations."""
    suffix = item.path.suffix.lower()
    return next((modality for modality, known in SUFFIXES.items() if suffix in known), None)


def _original(item: Item) -> Original:
    return Original(item.path, hashlib.sha256(item.path.read_bytes()).hexdigest(), "")
