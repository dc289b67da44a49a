"""The embedded engine: files in, analyses out, with decoding and networks overlapping.

    submit ─▶ waiting (bounded) ─▶ decode threads, one child each ─▶ ready (bounded) ─▶ networks ─▶ future

One thread owns the networks; while it judges one medium the children decode the next ones. Detectors that ask
services come last for each medium, on a few threads of their own (`analysis.asking`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.asking import Asking, settle
from analysis.decoding.decoder import Decoded, Decoder
from analysis.ensemble.provenance import with_provenance
from analysis.errors import AnalysisError, ConfigurationError, EngineFailed
from analysis.limits import Limits
from analysis.members import Judging, Member, check_names, fingerprint, load_members
from analysis.model import Analysis, Kind
from analysis.producers import producers_on
from analysis.views import Producer, require
from detectors.backends.base import Choice, Forward
from detectors.base import Detector, View

if TYPE_CHECKING:
    from analysis.ensemble.base import Policy

# Raise it when decoding or scoring changes so that the same medium could get another verdict.
ENGINE_VERSION = "3"
# The limits that decide which part of a medium the detectors get; the others only refuse media.
_WHAT_IS_SEEN = (
    *("frames_per_video", "sampling", "frames_in_a_row", "face_clip_stride"),
    *("max_audio_seconds", "max_view_bytes"),
)
_LAST_ANSWERS = 2.0  # seconds that `close` waits for services
OnStage = Callable[[str], None]
log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    path: Path
    future: Future[Analysis]
    only: frozenset[str] | None = None
    on_stage: OnStage | None = None
    started: float = 0.0
    medium: Decoded | None = None


class EmbeddedAnalyzer:
    """Implements `analysis.model.Analyzer` in this process.

    ``detectors`` are loaded detectors, or names that ``create`` (default: `detectors.create`) loads on the
    networks' thread at the first medium or at `warm_up`. ``queue_size`` media may be in the engine before
    `submit` blocks; ``torch_threads`` is the number of cores for the networks (default: all that this process
    may use). ``choice`` says how networks are run; None: by plain torch in float32.

    An analysis's ``timing`` has "probe", "decode", "provenance", "views", "detector:NAME" for each,
    "ensemble", and "total": from leaving the queue to the verdict, with the wait for the networks. Where
    services were asked, "room" is the wait for a free thread, and a detector's time has the making of its
    view in it.

    Raises:
        ConfigurationError: no detector, one twice, or one whose view cannot be made.
    """

    def __init__(
        self,
        detectors: Sequence[Detector | str],
        policy: Policy,
        limits: Limits | None = None,
        *,
        device: str = "cpu",
        decode_workers: int = 1,
        torch_threads: int | None = None,
        queue_size: int = 32,
        create: Callable[[str], Detector] | None = None,
        producers: Mapping[View, Producer] | None = None,
        choice: Choice | None = None,
    ) -> None:
        if min(decode_workers, queue_size, torch_threads or 1) < 1:
            raise ConfigurationError("decode_workers, torch_threads and queue_size must be at least 1")
        check_names(item if isinstance(item, str) else item.record.name for item in detectors)
        self._limits = limits or Limits()
        self._choice, self._device = choice, device
        self._producers = producers_on(device, self._limits, choice) if producers is None else producers
        require(((d.record.name, d.view) for d in detectors if not isinstance(d, str)), self._producers)
        self._wanted = tuple(detectors)
        self._policy = policy
        self._anchors = _hash_of(self._limits.trust_anchors)
        self._create = create or (lambda name: _create(name, device))
        self._torch_threads = torch_threads or len(os.sched_getaffinity(0))
        self._members: tuple[Member, ...] | None = None
        self._slots = threading.BoundedSemaphore(queue_size)
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._ready: queue.Queue[_Job | Callable[[], None] | None] = queue.Queue(maxsize=decode_workers)
        self._lock = threading.Lock()
        self._closed = False
        self._asking = Asking()
        self._decoders = [Decoder(self._limits) for _ in range(decode_workers)]
        self._decode_threads = [
            threading.Thread(target=self._decode_loop, args=(decoder,), name=f"decode-{number}", daemon=True)
            for number, decoder in enumerate(self._decoders)
        ]
        self._networks = threading.Thread(target=self._network_loop, name="networks", daemon=True)
        for thread in (*self._decode_threads, self._networks):
            thread.start()

    @property
    def fingerprint(self) -> str:
        """See `Analyzer`. Which weights are there is part of it: the detectors are loaded if they were not.

        Raises:
            ConfigurationError, EngineFailed: as `warm_up` does.
        """
        if self._members is None:
            self.warm_up()
        assert self._members is not None
        return self._fingerprint_of(self._members)

    def warm_up(self, on_progress: Callable[[str], None] | None = None) -> None:
        """Load the detectors now; ``on_progress`` hears each step by name, on the networks' thread.

        Raises:
            ConfigurationError: a name that no detector has, or a view that cannot be made.
            EngineFailed: the engine is closed.
        """
        done: Future[None] = Future()

        def load() -> None:
            try:
                self._load(on_progress or log.info)
                done.set_result(None)
            except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
                done.set_exception(error)

        with self._lock:
            self._refuse_if_closed()
        self._ready.put(load)
        while not done.done() and self._networks.is_alive():
            try:
                return done.result(timeout=0.5)
            except TimeoutError:
                continue
        if not done.done():
            raise EngineFailed("the engine was closed before its detectors were loaded")
        return done.result()

    def submit(
        self, path: Path, *, only: Collection[str] | None = None, on_stage: OnStage | None = None
    ) -> Future[Analysis]:
        """See `Analyzer`. A closed engine raises `EngineFailed` here and now.

        Args:
            only: names of the detectors that shall judge; None: all.
            on_stage: hears each stage of ``timing`` by name when it is done, on the engine's threads; it must
                return at once and raise nothing.
        """
        with self._lock:
            self._refuse_if_closed()
        self._slots.acquire()
        future: Future[Analysis] = Future()
        future.add_done_callback(lambda _: self._slots.release())
        with self._lock:
            if self._closed:
                future.cancel()
            self._refuse_if_closed()
            self._waiting.put(_Job(path, future, None if only is None else frozenset(only), on_stage))
        return future

    def health(self) -> dict[str, object]:
        """What operators want to see: who judges and why others do not, isolation, waiting media."""
        members = self._members
        return {
            "loaded": members is not None,
            "detectors": {member.name: member.reason or "ready" for member in members or ()},
            "network_isolated": [decoder.network_isolated for decoder in self._decoders],
            "waiting": self._waiting.qsize(),
            "alive": self._networks.is_alive() and all(thread.is_alive() for thread in self._decode_threads),
        }

    def close(self) -> None:
        """Cancel what waits, kill the children, let only the medium in the networks finish.

        A medium between the two fails with `EngineFailed`, and so does one whose services do not answer at
        once. Safe to call twice.
        """
        with self._lock:
            first, self._closed = not self._closed, True
        if first:
            self._cancel_waiting()
            self._asking.close()
            for decoder in self._decoders:
                decoder.abort()
                self._waiting.put(None)
        for thread in self._decode_threads:
            thread.join()
        if first:
            self._ready.put(None)
        self._networks.join()
        self._asking.drain(_LAST_ANSWERS)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise EngineFailed("the engine is closed")

    def _cancel_waiting(self) -> None:
        while True:
            try:
                job = self._waiting.get_nowait()
            except queue.Empty:
                return
            if job is not None:
                job.future.cancel()

    def _fingerprint_of(self, members: Sequence[Member]) -> str:
        exact = self._choice is not None and self._choice.exact
        seen = json.dumps([*(getattr(self._limits, name) for name in _WHAT_IS_SEEN), self._anchors, exact])
        return fingerprint(members, ENGINE_VERSION, self._policy.name, self._policy.fingerprint, seen)

    def _load(self, on_progress: Callable[[str], None]) -> tuple[Member, ...]:
        if self._members is None:
            import torch

            torch.set_num_threads(self._torch_threads)
            members = load_members(self._wanted, self._create, self._producers, on_progress, self._runner())
            on_progress("ready")
            self._members = members
        return self._members

    def _runner(self) -> Callable[[Detector], Forward] | None:
        if self._choice is None:
            return None
        from detectors.backends import accelerate

        return partial(accelerate, choice=self._choice, device=self._device)

    def _decode_loop(self, decoder: Decoder) -> None:
        try:
            decoder.start()
        except EngineFailed as error:
            if not self._closed:
                log.warning("%s", error)  # the first medium tries again and reports it
        while self._decode_next(decoder):
            pass
        decoder.close()

    def _decode_next(self, decoder: Decoder) -> bool:
        """Serve one waiting job; False at the end. A frame of its own, not to hold a medium while waiting."""
        job = self._waiting.get()
        if job is None:
            return False
        if not job.future.set_running_or_notify_cancel():
            return True
        job.started = time.perf_counter()
        try:
            job.medium = self._decode(decoder, job)
            for stage in job.medium.timing:
                _tell(job, stage)
        except ConfigurationError as error:
            job.future.set_exception(EngineFailed(str(error)))
        except AnalysisError as error:
            job.future.set_exception(error)
        except Exception as error:  # the edge of this thread: no medium may end it
            log.exception("decoding %s failed", job.path)
            job.future.set_exception(EngineFailed(f"decoding failed ({type(error).__name__}: {error})"))
        else:
            self._ready.put(job)
        return True

    def _decode(self, decoder: Decoder, job: _Job) -> Decoded:
        known, path = self._members is not None, job.path
        medium = decoder.decode(path, **self._wanted_tracks(job.only))
        if known or medium.probe.kind is not Kind.VIDEO:
            return medium
        self.warm_up()  # only the loaded detectors can tell whether they watch how things move
        tracks = self._wanted_tracks(job.only)
        return decoder.decode(path, **tracks) if tracks["row"] else medium

    def _wanted_tracks(self, only: frozenset[str] | None) -> dict[str, bool]:
        """Which tracks any detector needs; while that is not known, all but the costly row of frames."""
        members = self._members
        if members is None:
            return {"frames": True, "sound": True, "row": False}
        asked = _asked(members, only)
        producers = [self._producers[member.detector.view] for member in asked if member.detector]
        return {
            "frames": any(p.frames for p in producers),
            "sound": any(p.sound for p in producers),
            "row": any(p.row for p in producers),
        }

    def _network_loop(self) -> None:
        while self._judge_next():
            pass

    def _judge_next(self) -> bool:
        """Serve one ready job or call; False at the end. A frame of its own, as in `_decode_next`."""
        item = self._ready.get()
        if item is None:
            return False
        if not isinstance(item, _Job):
            item()
            return True
        self._step(item, lambda: self._judge_here(item))
        return True

    def _step(self, job: _Job, step: Callable[[], Analysis | None]) -> None:
        """Do a step of a job and settle its future, unless another step is to follow."""
        outcome: Analysis | Exception | None
        try:
            self._refuse_if_closed()
            outcome = step()
        except ConfigurationError as error:
            outcome = EngineFailed(str(error))
        except AnalysisError as error:
            outcome = error
        except Exception as error:  # the edge of these threads: no medium may end one
            log.exception("analysing %s failed", job.path)
            outcome = EngineFailed(f"the analysis failed ({type(error).__name__}: {error})")
        if outcome is not None:
            settle(job.future, outcome)

    def _judge_here(self, job: _Job) -> Analysis | None:
        """The networks' step; None where services are still to be asked, on a thread of their own."""
        import torch

        assert job.medium is not None, "the decode thread put it there"
        judging = Judging(_asked(self._load(log.info), job.only), job.medium, self._producers)
        clock = _Clock(dict(job.medium.timing), lambda stage: _tell(job, stage))
        with torch.inference_mode():
            judging.networks(clock)
        if not judging.more:
            return self._conclude(job, judging, clock)
        self._asking.start(lambda: self._step(job, lambda: self._ask(job, judging, clock)), job.future)
        return None

    def _ask(self, job: _Job, judging: Judging, clock: _Clock) -> Analysis:
        import torch

        clock("room")
        with torch.inference_mode():
            judging.services(clock)
        return self._conclude(job, judging, clock)

    def _conclude(self, job: _Job, judging: Judging, clock: _Clock) -> Analysis:
        medium, members = job.medium, self._members
        assert medium is not None
        assert members is not None
        scores = judging.scores()
        verdict = with_provenance(self._policy.judge(medium.probe.kind, scores), medium.provenance)
        clock("ensemble")
        clock.timing["total"] = time.perf_counter() - job.started
        printed = self._fingerprint_of(_asked(members, job.only))
        origin = medium.provenance
        return Analysis(medium.sha256, medium.probe, scores, verdict, clock.timing, printed, origin)


def _asked(members: Sequence[Member], only: frozenset[str] | None) -> tuple[Member, ...]:
    return tuple(member for member in members if only is None or member.name in only)


def _tell(job: _Job, stage: str) -> None:
    if job.on_stage is not None:
        job.on_stage(stage)


class _Clock:
    """Writes down how long each stage took since the one before, and tells of each."""

    def __init__(self, timing: dict[str, float], on_stage: OnStage) -> None:
        self.timing = timing
        self._on_stage = on_stage
        self._last = time.perf_counter()

    def __call__(self, stage: str) -> None:
        now = time.perf_counter()
        self.timing[stage] = now - self._last
        self._last = now
        self._on_stage(stage)


def _hash_of(file: str | None) -> str | None:
    """The SHA-256 of a file that the configuration names.

    Raises:
        ConfigurationError: it cannot be read.
    """
    if file is None:
        return None
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigurationError(f"the trust anchors {file} cannot be read ({error.strerror})") from error


def _create(name: str, device: str) -> Detector:
    from detectors import create

    return create(name, device=device)
