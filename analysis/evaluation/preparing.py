"""Media on their way to the engine: decoded once by the product's own decoder, delivered in several ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np

from analysis.decoding.decoder import Decoded, Decoder
from analysis.errors import AnalysisError, MediumRefused, Refusal
from analysis.evaluation.delivery import AS_IS, Delivery, NotDelivered
from analysis.evaluation.probes import features
from analysis.evaluation.transcoding import transcode
from analysis.limits import Limits
from analysis.model import Kind
from detectors.generation.laundering import LOSSLESS_PICTURE, LOSSLESS_SOUND, Chain, Codec


class Preparing:
    """A decoding child and a folder for what is written. For one thread; a context manager."""

    def __init__(self, limits: Limits, folder: Path) -> None:
        self.limits, self.folder = limits, folder
        self.decoder = Decoder(limits)

    def medium(self, path: Path) -> Medium:
        """A file that is about to be delivered; nothing is read yet."""
        return Medium(path, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.decoder.close()


class Medium:
    """One file; what is decoded or written of it is kept until `forget`."""

    def __init__(self, path: Path, preparing: Preparing) -> None:
        self._path, self._preparing = path, preparing
        self._decoded: Decoded | None = None
        self._written: dict[str, Path] = {}

    @property
    def kind(self) -> Kind | None:
        """What it is, once it has been decoded."""
        return self._decoded.probe.kind if self._decoded else None

    def _decode(self) -> Decoded:
        if self._decoded is None:
            self._decoded = self._preparing.decoder.decode(self._path)
        return self._decoded

    def delivered(self, delivery: Delivery) -> Path:
        """Write it as it is delivered.

        Raises:
            NotDelivered: it cannot be delivered so.
            MediumRefused: it cannot be read.
        """
        if delivery.name not in self._written:
            self._written[delivery.name] = self._write(delivery)
        return self._written[delivery.name]

    def _write(self, delivery: Delivery) -> Path:
        decoded, stem = self._decode(), f"{len(self._written)}"
        kind = decoded.probe.kind
        if not delivery.touches(kind):
            return self._path
        if kind is Kind.VIDEO:
            target = self._preparing.folder / f"{stem}.mkv"
            transcode(self._path, target, delivery, self._preparing.limits)
            return target
        lossless: Codec[Any] = LOSSLESS_SOUND if kind is Kind.AUDIO else LOSSLESS_PICTURE
        medium = decoded.waveform if kind is Kind.AUDIO else _first(decoded)
        if medium is None:
            raise MediumRefused(Refusal.CORRUPT, "nothing of it could be decoded")
        chain: Chain[Any] = Chain("evaluation", tuple(delivery.steps(kind)))
        data, suffix = chain.deliver(np.array(medium), lossless)
        target = self._preparing.folder / f"{stem}{suffix}"
        target.write_bytes(data)
        return target

    def features(self, delivery: Delivery) -> dict[str, float]:
        """Its trivial features as it is delivered; none where it cannot be."""
        try:
            path = self.delivered(delivery) if delivery != AS_IS else self._path
            decoded = self._decode() if path == self._path else self._preparing.decoder.decode(path)
            return features(decoded, path)
        except (NotDelivered, AnalysisError):
            return {}

    def forget(self) -> None:
        """Remove what was written."""
        for path in self._written.values():
            if path != self._path:
                path.unlink(missing_ok=True)
        self._written.clear()
        self._decoded = None


def _first(decoded: Decoded) -> Any:
    return None if decoded.frames is None else decoded.frames[0]
