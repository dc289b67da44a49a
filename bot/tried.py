"""One try as far as it is: what was found, fetched and judged, each step with its time."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.errors import EngineFailed, MediumRefused
from bot.analyses import Judgement, judgement
from bot.judging import Fault
from bot.rows import to_analysis_row
from bot.serve.desk import State
from state.model import AnalysisRow, PostMedium

if TYPE_CHECKING:
    from analysis.model import Analysis
    from bot.evidence import EvidenceRoom
    from bot.resolver import Attempt, MediaStore, Resolution, StoredMedium
    from state.store import Store

_STAGES_BESIDE_DETECTORS = 4  # probe, decode, views, ensemble


@dataclass(frozen=True, slots=True)
class Stage:
    """One step that is done. ``seconds``: how long it took, None where that is nothing to speak of."""

    name: str
    detail: str = ""
    seconds: float | None = None
    ok: bool = True


@dataclass(eq=False)
class TriedMedium:
    """One medium of a try: its file, its stages so far, and its analysis or the ``fault``."""

    number: int
    url: str = ""
    alt_text: str | None = None
    stored: StoredMedium | None = None
    fault: Fault | None = None
    future: Future[Analysis] | None = None
    stages: tuple[Stage, ...] = ()
    analysis: AnalysisRow | None = None
    _last: float = 0.0

    @property
    def is_untouched(self) -> bool:
        """Nobody has tried to fetch it yet."""
        return self.stored is None and self.fault is None

    def note(self, stage: Stage) -> None:
        """Another step is done."""
        self.stages = (*self.stages, stage)
        self._last = time.monotonic()

    def tell(self, stage: str) -> None:
        """The engine is done with a stage; called on its threads."""
        if stage != "total":
            self.note(Stage(stage, seconds=time.monotonic() - self._last))

    def settle(self) -> None:
        """Take the engine's word, once it is done: its result, and its own times."""
        if self.future is None or self.stored is None:
            return
        try:
            found = self.future.result()
        except MediumRefused as refusal:
            self.fault = Fault(refusal.reason.value, str(refusal))
            self.analysis = AnalysisRow(self.stored.sha256, "", reason=refusal.reason, detail=str(refusal))
        except EngineFailed as error:
            self.fault = Fault("engine_failed", str(error), unusable=False)
        except CancelledError:
            self.fault = Fault("cancelled", "the try was given up", unusable=False)
        else:
            self.analysis = to_analysis_row(found)
            timed = [Stage(name, seconds=spent) for name, spent in found.timing.items() if name != "total"]
            self.stages = (*self.stages[:1], *timed)

    def as_row(self) -> PostMedium:
        """As a post's medium is stored."""
        missing = self.analysis is None
        reason = (self.fault.reason if self.fault else "default") if missing else None
        detail = self.fault.message if self.fault and missing else None
        if self.stored is None:
            return PostMedium(self.url, self.alt_text, reason=reason, detail=detail)
        stored = self.stored
        return PostMedium(
            self.url, self.alt_text, stored.sha256, stored.mime, stored.size, reason=reason, detail=detail
        )


@dataclass(eq=False)
class Try:
    """A link or an uploaded file on its way. ``given`` is the link, or what its sender calls the file."""

    given: str
    operator: str
    folder: Path
    files: MediaStore
    room: EvidenceRoom
    is_upload: bool
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    state: State = State.QUEUED
    began: float = field(default_factory=time.time)
    ended: float | None = None
    attempts: list[Attempt] = field(default_factory=list)
    found: Resolution | None = None
    media: tuple[TriedMedium, ...] = ()
    fault: Fault | None = None
    forgotten: bool = False

    @property
    def seconds(self) -> float:
        """How long it took, or takes already."""
        return (self.ended or time.time()) - self.began

    def progress(self, detectors: int) -> float | None:
        """Share of the work that is done, in [0, 1]; None while it is not known how much there is."""
        if self.ended is not None:
            return 1.0
        if not self.media:
            return None
        each = 1 + _STAGES_BESIDE_DETECTORS + detectors
        done = sum(min(len(medium.stages), each) for medium in self.media)
        return min(done / (each * len(self.media)), 0.99)

    def expect(self, count: int) -> Sequence[TriedMedium]:
        """So many media are about to come."""
        self.media = tuple(TriedMedium(number) for number in range(1, count + 1))
        return self.media

    def end(self) -> None:
        """Nothing more comes."""
        judged = any(medium.analysis is not None and medium.analysis.verdict for medium in self.media)
        self.state = State.CANCELLED if self.forgotten else State.DONE if judged else State.FAILED
        self.ended = time.time()

    def give_up(self) -> None:
        """Have the engine begin nothing more of it."""
        for medium in self.media:
            if medium.future is not None:
                medium.future.cancel()

    def judgement(self, store: Store) -> Judgement | None:
        """What a reply would be made from; None where there is no medium to speak of.

        What people have said of these media before counts, as it would for a mention.
        """
        if not self.media:
            return None
        rows = [medium.analysis for medium in self.media]
        judged = [row for row in rows if row is not None and row.verdict is not None]
        return judgement(
            store,
            [medium.as_row() for medium in self.media],
            rows,
            earlier=bool(judged) and all(row.copy_of for row in judged),
            copy=any(row.copy_of for row in judged),
        )
