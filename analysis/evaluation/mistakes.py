"""The worst mistakes of each subject, by name and, if wished, as small pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from analysis.decoding.decoder import Decoder
from analysis.errors import AnalysisError
from analysis.evaluation.items import Known
from analysis.evaluation.table import Column, Table
from analysis.limits import Limits

SIDE = 160
_WORST = 12

Picture = Callable[[Path], str | None]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A real that was flagged or a fake that was not; ``picture`` is a data URL."""

    name: str
    source: str
    score: float
    picture: str | None


def false_alarms(table: Table, column: Column, picture: Picture) -> list[Mistake]:
    """The reals that were flagged, highest score first."""
    scored = _scored(table, column)
    return _worst([(-score, of) for score, alarm, of in scored if alarm and not of.item.label], picture)


def misses(table: Table, column: Column, picture: Picture) -> list[Mistake]:
    """The fakes that were not flagged, lowest score first."""
    scored = _scored(table, column)
    return _worst([(score, of) for score, alarm, of in scored if not alarm and of.item.label], picture)


def _scored(table: Table, column: Column) -> list[tuple[float, bool, Known]]:
    use = column.scored
    media = [known for known, wanted in zip(table.media, use, strict=True) if wanted]
    return list(zip(column.scores[use].tolist(), column.alarms[use].tolist(), media, strict=True))


def _worst(wrong: Iterable[tuple[float, Known]], picture: Picture) -> list[Mistake]:
    chosen = sorted(wrong, key=lambda pair: (pair[0], pair[1].item.name))[:_WORST]
    return [
        Mistake(known.item.name, known.item.source, abs(score), picture(known.item.path))
        for score, known in chosen
    ]


class Thumbnails:
    """Makes small pictures; a decoding child is behind it until `close`."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._decoder = Decoder(limits or Limits())

    def __call__(self, path: Path) -> str | None:
        """A picture, or a video's first frame, as a data URL; None where there is nothing to see."""
        try:
            frames = self._decoder.decode(path, sound=False).frames
        except AnalysisError:
            return None
        if frames is None:
            return None
        image = Image.fromarray(frames[0])
        image.thumbnail((SIDE, SIDE))
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=80)
        return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")

    def close(self) -> None:
        """End the child."""
        self._decoder.close()
