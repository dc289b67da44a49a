"""Making galleries: samples and what is made of them are judged, and the worst mistakes drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from analysis.decoding.decoder import Decoder
from analysis.ensemble.calibrated_reasons import detector_reason
from analysis.ensemble.evidence import evidence_of
from analysis.ensemble.likelihood import sigmoid
from analysis.errors import ConfigurationError, MediumRefused
from analysis.evaluation import readers
from analysis.evidence.local import faces
from analysis.gallery import drawing
from analysis.gallery.choosing import Judgement, Measure, strips, worst
from analysis.gallery.material import Candidate, Material
from analysis.gallery.model import Counted, Gallery, Shown, calibrators
from analysis.limits import Limits
from analysis.model import Analysis, Score
from detectors.record import WeightsRecord

Tick = Callable[[int, int], None]


class Engine(Protocol):
    """As much of the engine as galleries need; `analysis.engine.EmbeddedAnalyzer` is one."""

    @property
    def limits(self) -> Limits:
        """How media are decoded."""

    def submit(self, path: Path) -> Future[Analysis]:
        """See `analysis.model.Analyzer`."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate and what came of it; None where it could not be read."""

    candidate: Candidate
    analysis: Analysis | None


def make_galleries(
    samples: Path,
    folder: Path,
    records: Sequence[WeightsRecord],
    engine: Engine,
    *,
    seed: int = 0,
    tick: Tick | None = None,
) -> list[Path]:
    """Judge samples, and all that is made of them, and write each detector's gallery; replaces earlier ones.

    Args:
        samples: labelled media, in a layout that `veritag evaluate` knows, all of which may be shown.
        folder: where ``NAME.json`` and the pictures ``NAME-N.webp`` go.
        records: of the detectors that the engine runs.
        seed: of what is drawn by chance.
        tick: called with the number of media judged and of all.

    Returns:
        The files written.

    Raises:
        ConfigurationError: there are no labelled media.
        EngineFailed: the engine is at fault.
    """
    items = readers.read(samples, None, None).items
    if not items:
        raise ConfigurationError(
            f"{samples} holds no labelled media; name a folder as veritag evaluate takes it"
        )
    with TemporaryDirectory(prefix="veritag-") as scratch, closing(Decoder(engine.limits)) as decoder:
        candidates = list(Material(items, Path(scratch), seed).candidates())
        judged = list(_judge(candidates, engine, tick or (lambda _done, _all: None)))
        folder.mkdir(parents=True, exist_ok=True)
        return [path for record in records for path in _Writing(record, folder, decoder, seed).write(judged)]


def _judge(candidates: Sequence[Candidate], engine: Engine, tick: Tick) -> Iterator[Judged]:
    running = [(candidate, engine.submit(candidate.path)) for candidate in candidates]
    for place, (candidate, future) in enumerate(running, 1):
        try:
            yield Judged(candidate, future.result())
        except MediumRefused:
            yield Judged(candidate, None)
        tick(place, len(running))


@dataclass(frozen=True, slots=True)
class _Writing:
    """One detector's gallery on its way to disk."""

    record: WeightsRecord
    folder: Path
    decoder: Decoder
    seed: int

    def write(self, judged: Sequence[Judged]) -> list[Path]:
        name = self.record.name
        for old in self.folder.glob(f"{name}-*.webp"):
            old.unlink()
        said, refused = self._said(judged)
        measure = Measure.of(said, narrow=self.record.narrow)
        fakes = [one for one in said if one.candidate.fake]
        written: list[Path] = []
        gallery = Gallery(
            detector=name,
            weights=self.record.digest,
            calibrators=calibrators(self.record),
            seed=self.seed,
            by_score=measure.by_score,
            one_sided=measure.one_sided,
            real=_counted([one for one in said if not one.candidate.fake], measure),
            fake=_counted(fakes, measure),
            makers={
                maker: _counted([one for one in fakes if one.candidate.made_by == maker], measure)
                for maker in sorted({one.candidate.made_by for one in fakes})
            },
            refused=refused,
            false_alarms=tuple(self._show(one, written) for one in worst(said, measure, fake=False)),
            misses=tuple(self._show(one, written) for one in worst(said, measure, fake=True)),
            strips=tuple(
                tuple(self._show(one, written, strip=True) for one in row) for row in strips(said, measure)
            ),
        )
        path = self.folder / f"{name}.json"
        path.write_text(gallery.model_dump_json(indent=1) + "\n", "utf-8")
        return [path, *written]

    def _said(self, judged: Sequence[Judged]) -> tuple[list[Judgement], int]:
        """What it said of media of the kinds that it is calibrated for, and of how many of them nothing."""
        said: list[Judgement] = []
        refused = 0
        for one in judged:
            if one.analysis is None:
                continue
            kind = one.analysis.probe.kind
            score = next(of for of in one.analysis.scores if of.detector == self.record.name)
            if score.score is not None and kind.value in self.record.calibration:
                evidence = evidence_of(kind, self.record.name, score.score, self.record)
                said.append(Judgement(one.candidate, kind, evidence, _focus(score)))
            elif kind.value in self.record.calibration:
                refused += 1
        return said, refused

    def _show(self, one: Judgement, written: list[Path], *, strip: bool = False) -> Shown:
        of = one.candidate
        medium = self.decoder.decode(of.path, provenance=False)
        if strip:
            content = drawing.strip_tile(medium, one.focus, fake=of.fake)
        else:
            content = drawing.tile(medium, fake=of.fake)
        path = self.folder / f"{self.record.name}-{len(written) + 1:02}.webp"
        path.write_bytes(content)
        written.append(path)
        words = detector_reason(one.kind, one.evidence).text
        return Shown(
            picture=path.name,
            sha256=hashlib.sha256(content).hexdigest(),
            medium=of.medium,
            made_by=of.made_by,
            done=of.done,
            fake=of.fake,
            score=round(one.evidence.score, 4),
            evidence=round(one.evidence.llr, 4),
            probability=round(sigmoid(one.evidence.llr), 4),
            words=words,
        )


def _focus(score: Score) -> tuple[float, float] | None:
    """The middle of the first face, for detectors that judge faces."""
    found = faces(score)
    if not found:
        return None
    left, top, right, bottom = found[0].box
    return (left + right) / 2, (top + bottom) / 2


def _counted(said: Sequence[Judgement], measure: Measure) -> Counted:
    return Counted(judged=len(said), wrong=sum(map(measure.wrong, said)))
