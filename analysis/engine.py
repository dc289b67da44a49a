"""The embedded engine: files in, analyses out, with decoding and networks overlapping.

    submit ─▶ waiting (bounded) ─▶ decode threads, one child each ─▶ decoded (bounded) ─▶ views ─▶ networks
                                          └─ a near copy of what was judged before ─▶ future

One thread owns the networks, and joins the media that are ready into batches (`analysis.batching`). While it
works, another makes the views and inputs of the next media, and the children decode those behind. Detectors
that ask services come last for each medium, on a few threads of their own (`analysis.asking`).
"""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from analysis.asking import Asking, settle
from analysis.batching import Batches, gather
from analysis.copies import recall_copy, verdict_of_copy
from analysis.deciding import Deciding
from analysis.decoding.decoder import Decoded, Decoder
from analysis.errors import AnalysisError, ConfigurationError, EngineFailed
from analysis.job import Clock, Job, OnStage, Turns, asked, is_enough, judge_together, loop, wanted_tracks
from analysis.limits import Limits
from analysis.members import (
    Judging,
    Member,
    check_names,
    create_member,
    fingerprint,
    load_members,
    score_fingerprint,
)
from analysis.memory import Heap
from analysis.model import Analysis, Earlier, Kind, Recall, Score, Verdict
from analysis.producers import producers_on
from analysis.views import Producer, require
from detectors.backends import Choice, accelerate
from detectors.base import Detector, View

if TYPE_CHECKING:
    from analysis.ensemble.base import Policy
    from detectors.record import WeightsRecord

# Raise it when decoding or scoring changes so that the same medium could get another verdict.
ENGINE_VERSION = "4"
# The limits that decide which part of a medium the detectors get; the others only refuse media.
WHAT_IS_SEEN = (
    *("frames_per_video", "sampling", "frames_in_a_row", "face_clip_stride"),
    *("max_audio_seconds", "max_view_bytes"),
)
_MOST_HELD = 2  # times the limit of one medium: no more are prepared while others hold so much
_LAST_ANSWERS = 2.0  # seconds that `close` waits for services
T = TypeVar("T")
log = logging.getLogger(__name__)


class EmbeddedAnalyzer:
    """Implements `analysis.model.Analyzer` in this process.

    ``detectors`` are loaded detectors, or names that ``create`` (default: `detectors.create`) loads on the
    networks' thread at the first medium or at `warm_up`. ``queue_size`` media may be in the engine before
    `submit` blocks; ``torch_threads`` is the number of cores for the networks (default: all that this process
    may use). ``choice`` says how networks are run; None: by plain torch in float32. ``redelivery``: judge
    copies, too, before anything is called `high` or `low`.

    An analysis's ``timing`` has "probe", "decode", "provenance", "views", "detector:NAME" for each,
    "quality", "ensemble", "redelivery" where copies were judged, too, and "total": from leaving the queue to
    the verdict, with the wait for the networks. Where services were asked, "room" is the wait for a free
    thread, and a detector's time has the making of its view in it. "recall" is the time to recognise a near
    copy, where there is a ``recall`` to ask.

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
        redelivery: bool = True,
        recall: Recall | None = None,
    ) -> None:
        if min(decode_workers, queue_size, torch_threads or 1) < 1:
            raise ConfigurationError("decode_workers, torch_threads and queue_size must be at least 1")
        check_names(item if isinstance(item, str) else item.record.name for item in detectors)
        self._limits = limits or Limits()
        self._exact = choice is not None and choice.exact
        self._run = None if choice is None else partial(accelerate, choice=choice, device=device)
        self._producers = producers_on(device, self._limits, choice) if producers is None else producers
        require(((d.record.name, d.view) for d in detectors if not isinstance(d, str)), self._producers)
        self._wanted = tuple(detectors)
        self._turn = Turns()
        self._deciding = Deciding(policy, self._producers, self._turn, copies=redelivery)
        self._anchors = self._limits.anchors_hash()
        self._recall = recall
        self._create = create or partial(create_member, device=device)
        self._torch_threads = torch_threads or len(os.sched_getaffinity(0))
        self._members: tuple[Member, ...] | None = None
        self._slots = threading.BoundedSemaphore(queue_size)
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._decoded: queue.Queue[Job | None] = queue.Queue(maxsize=decode_workers)
        # No more media are on their way than ``queue_size``, so that this one is bounded too.
        self._ready: queue.SimpleQueue[Job | Callable[[], None] | None] = queue.SimpleQueue()
        self._batches = Batches()
        self._heap = Heap()
        self._running: dict[int, Job] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._asking = Asking()
        self._decoders = [Decoder(self._limits) for _ in range(decode_workers)]
        self._decode_threads = [
            threading.Thread(target=self._decode_loop, args=(decoder,), name=f"decode-{number}", daemon=True)
            for number, decoder in enumerate(self._decoders)
        ]
        self._views = threading.Thread(target=loop, args=(self._prepare_next,), name="views", daemon=True)
        self._networks = threading.Thread(target=loop, args=(self._judge_next,), name="networks", daemon=True)
        for thread in (*self._decode_threads, self._views, self._networks):
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

    @property
    def limits(self) -> Limits:
        """What one medium may cost, and which part of it is looked at."""
        return self._limits

    def score_fingerprints(self) -> dict[str, str]:
        """By detector what changes whenever its score of the same medium could; loads the detectors.

        Raises:
            ConfigurationError, EngineFailed: as `warm_up` does.
        """
        if self._members is None:
            self.warm_up()
        return {
            member.name: score_fingerprint(member, ENGINE_VERSION, self._seen())
            for member in self._members or ()
        }

    def warm_up(self, on_progress: Callable[[str], None] | None = None) -> None:
        """Load the detectors now; ``on_progress`` hears each step by name, on the networks' thread.

        Raises:
            ConfigurationError: a name that no detector has, or a view that cannot be made.
            EngineFailed: the engine is closed.
        """
        self._on_networks(lambda: self._load(on_progress or log.info))

    def call(self, work: Callable[[Sequence[Member]], T]) -> T:
        """Return what ``work`` makes of the loaded detectors, on the networks' thread: media wait meanwhile.

        Raises:
            ConfigurationError, EngineFailed: as `warm_up` does; and whatever ``work`` raises.
        """
        import torch

        def run() -> T:
            members = self._load(log.info)
            with torch.inference_mode(), self._turn:
                return work(members)

        return self._on_networks(run)

    def _on_networks(self, step: Callable[[], T]) -> T:
        """Run a step on the networks' thread and wait for it, unless the engine is closed before."""
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(step())
            except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
                done.set_exception(error)

        with self._lock:
            self._refuse_if_closed()
        self._ready.put(run)
        while not done.done() and self._networks.is_alive():
            try:
                return done.result(timeout=0.5)
            except TimeoutError:
                continue
        if not done.done():
            raise EngineFailed("the engine was closed before this was done")
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
            self._waiting.put(Job(path, future, None if only is None else frozenset(only), on_stage))
        return future

    def records(self) -> dict[str, WeightsRecord]:
        """By detector that can judge what is known of its weights; none before they are loaded."""
        return {member.name: member.detector.record for member in self._members or () if member.detector}

    def unready(self) -> dict[str, str]:
        """By detector that cannot judge on this machine the reason; none before they are loaded."""
        return {member.name: member.reason for member in self._members or () if member.reason}

    def health(self) -> dict[str, object]:
        """What operators want to see: who judges, by what, and why others do not; isolation, waiting media,
        and memory: what decoded media and inputs take now, and the networks that ran out of it with the
        inputs that they are given at once since.
        """
        members = self._members
        return {
            "loaded": members is not None,
            "detectors": {member.name: member.reason or "ready" for member in members or ()},
            "runners": {member.name: member.runner for member in members or () if member.detector},
            "held_bytes": self._held(),
            "reduced_batches": dict(self._batches.sizes),
            "network_isolated": [decoder.network_isolated for decoder in self._decoders],
            "waiting": self._waiting.qsize(),
            "alive": all(t.is_alive() for t in (*self._decode_threads, self._views, self._networks)),
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
            self._decoded.put(None)
        self._views.join()
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
        seen = json.dumps([self._seen(), self._anchors])
        return fingerprint(members, ENGINE_VERSION, *self._deciding.fingerprint, seen)

    def _seen(self) -> str:
        return json.dumps([*(getattr(self._limits, name) for name in WHAT_IS_SEEN), self._exact])

    def _load(self, on_progress: Callable[[str], None]) -> tuple[Member, ...]:
        if self._members is None:
            import torch

            torch.set_num_threads(self._torch_threads)
            members = load_members(self._wanted, self._create, self._producers, on_progress, self._run)
            on_progress("ready")
            self._members = members
        return self._members

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
        with self._lock:
            self._running[id(job)] = job
        # By its number: a future that outlives its job must not hold the medium.
        job.future.add_done_callback(partial(self._forget, id(job)))
        try:
            job.medium = self._decode(decoder, job)
            for stage in job.medium.timing:
                job.tell(stage)
            earlier = self._recalled(job)
        except ConfigurationError as error:
            job.future.set_exception(EngineFailed(str(error)))
        except AnalysisError as error:
            job.future.set_exception(error)
        except Exception as error:  # the edge of this thread: no medium may end it
            log.exception("decoding %s failed", job.path)
            job.future.set_exception(EngineFailed(f"decoding failed ({type(error).__name__}: {error})"))
        else:
            if earlier is None:
                self._decoded.put(job)
            else:
                self._step(job, lambda: self._conclude_copy(job, earlier))
        return True

    def _recalled(self, job: Job) -> Earlier | None:
        """The earlier analysis of a near copy; else the job has what a later copy will be recognised by."""
        if self._recall is None or self._members is None or job.medium is None:
            return None
        return recall_copy(self._recall, job, self._fingerprint_of(asked(self._members, job.only)))

    def _held(self) -> int:
        """Bytes that decoded media and inputs take."""
        with self._lock:
            return sum(job.held_bytes for job in self._running.values())

    def _forget(self, number: int, _: object) -> None:
        with self._lock:
            self._running.pop(number, None)

    def _decode(self, decoder: Decoder, job: Job) -> Decoded:
        known, path = self._members is not None, job.path
        medium = decoder.decode(path, **wanted_tracks(self._members, job.only, self._producers))
        if known or medium.probe.kind is not Kind.VIDEO:
            return medium
        self.warm_up()  # only the loaded detectors can tell whether they watch how things move
        tracks = wanted_tracks(self._members, job.only, self._producers)
        return decoder.decode(path, **tracks) if tracks["row"] else medium

    def _prepare_next(self) -> bool:
        """Make the views and inputs of one decoded medium; False at the end."""
        job = self._decoded.get()
        if job is None:
            return False
        self._step(job, lambda: self._prepare(job))
        if job.judging is not None and not job.future.done():
            self._ready.put(job)
        while self._held() > _MOST_HELD * self._limits.max_view_bytes and self._ready.qsize():
            time.sleep(0.01)  # until the networks have made room
        return True

    def _prepare(self, job: Job) -> None:
        import torch

        assert job.medium is not None, "the decode thread put it there"
        if self._members is None:
            self.warm_up()
        assert self._members is not None
        clock = Clock(dict(job.medium.timing), lambda stage: job.tell(stage))
        judging = Judging(asked(self._members, job.only), job.medium, self._producers)
        with torch.inference_mode(), self._turn.views:
            judging.prepare()
        clock("views")
        clock.timing["views"] -= sum(judging.spent.values())
        job.judging, job.clock = judging, clock

    def _judge_next(self) -> bool:
        """Serve the ready jobs or a call; False at the end. A frame of its own, as in `_decode_next`."""
        first = self._ready.get()
        group = gather(self._ready, first, lambda group: is_enough(group, len(self._running)))
        self._judge_together([job for job in group if isinstance(job, Job)])
        self._heap.used(len(group))
        last = group[-1]
        if callable(last):
            last()
        return last is not None

    def _judge_together(self, jobs: Sequence[Job]) -> None:
        """The networks' step of several media."""
        if self._closed:
            for job in jobs:
                settle(job.future, EngineFailed("the engine is closed"))
            return
        with self._turn.networks:
            judge_together(jobs, self._members or (), self._batches)
        for job in jobs:
            self._settled(job, partial(self._finish, job))

    def _step(self, job: Job, step: Callable[[], Analysis | None]) -> None:
        """`_settled`, unless the engine is closed."""

        def step_if_open() -> Analysis | None:
            self._refuse_if_closed()
            return step()

        self._settled(job, step_if_open)

    def _settled(self, job: Job, step: Callable[[], Analysis | None]) -> None:
        """Do a step of a job and settle its future, unless another step is to follow."""
        outcome: Analysis | Exception | None
        try:
            outcome = step()
        except ConfigurationError as error:
            outcome = EngineFailed(str(error))
        except AnalysisError as error:
            outcome = error
        except Exception as error:  # the edge of these threads: no medium may end one
            log.exception("analysing %s failed", job.path)
            outcome = EngineFailed(f"the analysis failed ({type(error).__name__}: {error})")
        if outcome is not None:
            job.let_go()
            settle(job.future, outcome)

    def _finish(self, job: Job) -> Analysis | None:
        """The verdict; None where services are still to be asked, on a thread of their own."""
        judging, clock = job.judging, job.clock
        assert judging is not None
        assert clock is not None
        for member in asked(self._members or (), job.only):
            if member not in judging.asking:
                clock.note(f"detector:{member.name}", 0.0)
        clock.go_on()
        if not judging.more:
            return self._conclude(job, judging, clock)
        self._asking.start(lambda: self._step(job, lambda: self._ask(job, judging, clock)), job.future)
        return None

    def _ask(self, job: Job, judging: Judging, clock: Clock) -> Analysis:
        import torch

        clock("room")
        with torch.inference_mode():
            judging.services(clock)
        return self._conclude(job, judging, clock)

    def _conclude(self, job: Job, judging: Judging, clock: Clock) -> Analysis:
        medium, members = job.medium, self._members
        assert medium is not None
        assert members is not None
        scores = judging.scores()
        verdict = self._deciding.verdict(medium, scores, members, clock)
        return replace(self._analysis(job, scores, verdict, clock), likeness=job.likeness)

    def _conclude_copy(self, job: Job, earlier: Earlier) -> Analysis:
        assert job.medium is not None
        clock = Clock(dict(job.medium.timing), job.tell)
        verdict = verdict_of_copy(earlier, job.medium)
        return replace(self._analysis(job, earlier.scores, verdict, clock), copy_of=earlier)

    def _analysis(self, job: Job, scores: tuple[Score, ...], verdict: Verdict, clock: Clock) -> Analysis:
        medium, members = job.medium, self._members
        assert medium is not None
        assert members is not None
        clock.timing["total"] = time.perf_counter() - job.started
        printed = self._fingerprint_of(asked(members, job.only))
        origin = medium.provenance
        return Analysis(medium.sha256, medium.probe, scores, verdict, clock.timing, printed, origin)
