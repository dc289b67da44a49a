"""Evidence pictures on demand: drawn beside the loops, a few wait at most, and kept until the file goes.

    DATA_DIR/evidence/SHA256/FINGERPRINT/index.json    [{"name", "title", "alt", "overlay"}]
                                         NAME.png, NAME.overlay.png

A folder appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import queue
import re
import shutil
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

import structlog

from analysis.errors import AnalysisError
from bot.rows import to_score
from state.model import AnalysisRow

if TYPE_CHECKING:
    from analysis.evidence.drawing import EvidencePicture
    from analysis.evidence.explain import Engine
    from analysis.model import Analyzer

log = structlog.get_logger()

MOST_WAITING = 8
REMEMBERED = 200
_NAME = re.compile(r"[\w.-]{1,120}")


class Progress(StrEnum):
    """How far the pictures of one analysis are."""

    NONE = "none"
    WAITING = "waiting"
    DRAWING = "drawing"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Drawn:
    """One picture that is kept: its file's ``name`` without ending; ``overlay`` where it has one, too."""

    name: str
    title: str
    alt: str
    overlay: bool


@dataclass(frozen=True, slots=True)
class Pictures:
    """What there is to show of one analysis. ``problem`` says why there is nothing."""

    progress: Progress
    drawn: tuple[Drawn, ...] = ()
    problem: str | None = None


@runtime_checkable
class Explaining(Protocol):
    """An analyzer that can say where its detectors saw something, such as the embedded one."""

    @property
    def limits(self) -> object:
        """How media are decoded."""

    def call(self, work: Callable[..., object]) -> object:
        """Do something with the loaded detectors."""


Draw = Callable[[Path, AnalysisRow], "list[EvidencePicture]"]


def drawing_by(analyzer: Analyzer) -> Draw | None:
    """How to draw with an analyzer's detectors, None where it cannot say where they saw something."""
    if not isinstance(analyzer, Explaining):
        return None
    engine = cast("Engine", analyzer)

    def draw(path: Path, analysis: AnalysisRow) -> list[EvidencePicture]:
        from analysis.evidence.explain import explain

        return explain(path, analysis.sha256, [to_score(row) for row in analysis.scores], engine)

    return draw


class EvidenceRoom:
    """Draws one analysis at a time, on a thread that is there while there is work."""

    def __init__(self, folder: Path, path_of: Callable[[str], Path], draw: Draw | None) -> None:
        """`draw` is None where the engine cannot say where it saw something."""
        self._folder = folder
        self._path_of = path_of
        self._draw = draw
        self._waiting: queue.Queue[AnalysisRow] = queue.Queue(MOST_WAITING)
        self._progress: dict[Path, Pictures] = {}
        self._lock = threading.Lock()
        self._at_work = False

    def pictures(self, analysis: AnalysisRow) -> Pictures:
        """What there is now."""
        place = self._place(analysis)
        try:
            index = json.loads((place / "index.json").read_text("utf-8"))
        except FileNotFoundError:
            with self._lock:
                return self._progress.get(place, Pictures(Progress.NONE))
        return Pictures(Progress.READY, tuple(Drawn(**entry) for entry in index))

    def request(self, analysis: AnalysisRow) -> Pictures:
        """Have the pictures drawn, unless they are there or on their way."""
        now = self.pictures(analysis)
        if now.progress not in {Progress.NONE, Progress.FAILED}:
            return now
        if self._draw is None:
            return Pictures(Progress.FAILED, problem="this engine draws no evidence; use the embedded one")
        place = self._place(analysis)
        with self._lock:
            try:
                self._waiting.put_nowait(analysis)
            except queue.Full:
                return Pictures(Progress.FAILED, problem="others are being drawn; try again in a while")
            while len(self._progress) >= REMEMBERED:
                self._progress.pop(next(iter(self._progress)))
            self._progress[place] = Pictures(Progress.WAITING)
            if not self._at_work:
                self._at_work = True
                threading.Thread(target=self._work, name="evidence", daemon=True).start()
        return Pictures(Progress.WAITING)

    def file(self, analysis: AnalysisRow, name: str) -> Path | None:
        """The file of a picture or an overlay, without its ending; None where there is none."""
        path = self._place(analysis) / f"{name}.png"
        return path if _NAME.fullmatch(name) and path.is_file() else None

    def _place(self, analysis: AnalysisRow) -> Path:
        # A fingerprint may hold what no file's name may.
        printed = hashlib.sha256(f"{analysis.fingerprint}\n{analysis.finished_at}".encode()).hexdigest()[:16]
        return self._folder / analysis.sha256 / printed

    def _work(self) -> None:
        while True:
            with self._lock:
                try:
                    analysis = self._waiting.get_nowait()
                except queue.Empty:
                    self._at_work = False
                    return
                place = self._place(analysis)
                self._progress[place] = Pictures(Progress.DRAWING)
            problem = self._drawn(analysis, place)
            with self._lock:
                if problem is None:
                    self._progress.pop(place, None)
                else:
                    self._progress[place] = Pictures(Progress.FAILED, problem=problem)

    def _drawn(self, analysis: AnalysisRow, place: Path) -> str | None:
        """Draw and keep; why it could not be done, if it could not."""
        assert self._draw is not None
        try:
            pictures = self._draw(self._path_of(analysis.sha256), analysis)
            self._keep(pictures, place, analysis.sha256)
        except (AnalysisError, OSError) as problem:
            return str(problem)
        except Exception as bug:  # the edge of this thread
            log.error("evidence_failed", sha256=analysis.sha256, exc_info=bug)
            return "the pictures could not be drawn; the log says why"
        return None

    def _keep(self, pictures: list[EvidencePicture], place: Path, sha256: str) -> None:
        partial = place.with_name(f"partial-{uuid.uuid4().hex}")
        partial.mkdir(mode=0o700, parents=True)
        try:
            index = []
            for picture in pictures:
                (partial / f"{picture.name}.png").write_bytes(picture.png)
                if picture.overlay is not None:
                    (partial / f"{picture.name}.overlay.png").write_bytes(picture.overlay)
                has_overlay = picture.overlay is not None
                entry = {"name": picture.name, "title": picture.title, "alt": picture.alt}
                index.append(entry | {"overlay": has_overlay})
            (partial / "index.json").write_text(json.dumps(index), "utf-8")
            if self._path_of(sha256).exists():  # else it was deleted meanwhile, and these go with it
                partial.rename(place)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
