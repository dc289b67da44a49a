"""Media on their way through the engine, and how long each stage of it took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from analysis.batching import MOST_ITEMS, Batches
from analysis.decoding.decoder import Decoded
from analysis.members import Judging, Member
from analysis.model import Analysis, Likeness
from analysis.views import Producer
from detectors.base import View

OnStage = Callable[[str], None]


class Turns:
    """Whose turn it is: ``views`` and ``networks`` go on beside each other; to enter is to hold both."""

    def __init__(self) -> None:
        self.views = threading.Lock()
        self.networks = threading.Lock()

    def __enter__(self) -> None:
        self.networks.acquire()
        self.views.acquire()

    def __exit__(self, *_: object) -> None:
        self.views.release()
        self.networks.release()


class Clock:
    """Writes down how long each stage took since the one before, and tells of each."""

    def __init__(self, timing: dict[str, float], on_stage: OnStage) -> None:
        self.timing = timing
        self._on_stage = on_stage
        self._last = time.perf_counter()

    def note(self, stage: str, seconds: float) -> None:
        """Write down a stage that was timed elsewhere; the first figure stays."""
        if stage not in self.timing:
            self.timing[stage] = seconds
            self._on_stage(stage)

    def go_on(self) -> None:
        """Begin the next stage now."""
        self._last = time.perf_counter()

    def __call__(self, stage: str) -> None:
        now = time.perf_counter()
        self.timing[stage] = now - self._last
        self._last = now
        self._on_stage(stage)


@dataclass(slots=True, eq=False)
class Job:
    """One medium on its way through the engine."""

    path: Path
    future: Future[Analysis]
    only: frozenset[str] | None = None
    on_stage: OnStage | None = None
    started: float = 0.0
    medium: Decoded | None = None
    judging: Judging | None = None
    clock: Clock | None = None
    likeness: Likeness | None = None

    def tell(self, stage: str) -> None:
        """Say that a stage is done."""
        if self.on_stage is not None:
            self.on_stage(stage)

    def let_go(self) -> None:
        """Drop the medium and all that was made of it: what refers to a settled job must not hold them."""
        self.medium = self.judging = self.clock = None

    @property
    def held_bytes(self) -> int:
        """What the decoded medium and the networks' inputs take."""
        medium, judging = self.medium, self.judging
        tracks = (medium.frames, medium.waveform, medium.row) if medium else ()
        decoded = sum(track.nbytes for track in tracks if track is not None)
        return decoded + (judging.held_bytes if judging else 0)


def asked(members: Sequence[Member], only: frozenset[str] | None) -> tuple[Member, ...]:
    """The members that shall judge; None: all."""
    return tuple(member for member in members if only is None or member.name in only)


def wanted_tracks(
    members: Sequence[Member] | None, only: frozenset[str] | None, producers: Mapping[View, Producer]
) -> dict[str, bool]:
    """Which tracks any detector needs; while that is not known, all but the costly row of frames."""
    if members is None:
        return {"frames": True, "sound": True, "row": False}
    needed = [producers[member.detector.view] for member in asked(members, only) if member.detector]
    return {
        "frames": any(p.frames for p in needed),
        "sound": any(p.sound for p in needed),
        "row": any(p.row for p in needed),
    }


def judge_together(jobs: Sequence[Job], members: Sequence[Member], batches: Batches) -> None:
    """Score several prepared media by every network; each medium's share of the time is by its inputs."""
    import torch

    for member in members:
        waiting = [
            (job.judging, job.clock, job.judging.inputs[member.name])
            for job in jobs
            if job.judging and job.clock and member.name in job.judging.inputs
        ]
        if not waiting:
            continue
        start = time.perf_counter()
        with torch.inference_mode():
            outcomes = batches.forward(member.name, member.run, [batch for _, _, batch in waiting])
            for (judging, _, _), outcome in zip(waiting, outcomes, strict=True):
                judging.judge(member, outcome)
        seconds = time.perf_counter() - start
        items = sum(len(batch) for _, _, batch in waiting)
        for judging, clock, batch in waiting:
            own = judging.spent[member.name] + seconds * len(batch) / max(1, items)
            clock.note(f"detector:{member.name}", own)


def loop(serve_next: Callable[[], bool]) -> None:
    """Serve one after another until there is no next one."""
    while serve_next():
        pass


def is_enough(group: Sequence[Job | Callable[[], None] | None], running: int) -> bool:
    """Whether no more media are waited for, of so many that are on their way."""
    items = 0
    for job in group:
        if not isinstance(job, Job) or job.judging is None:
            return True  # a call, or the end
        items += max((len(batch) for batch in job.judging.inputs.values()), default=0)
    return items >= MOST_ITEMS or running <= len(group)
