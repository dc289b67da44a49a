"""The members of an ensemble: the configured detectors, loaded or with the reason why they are not."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeGuard

from analysis.decoding.decoder import Decoded
from analysis.errors import ConfigurationError, EngineFailed
from analysis.model import Kind, Probe, Score
from analysis.views import Producer, Views, require
from detectors.backends.base import PLAIN, Forward
from detectors.base import Detector, Modality, Output, ServiceDetector, View
from detectors.errors import NotApplicable, ServiceError, UnknownDetector, WeightsError

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

FAILED = "failed: "
"""How the reason of a score begins that a crash took away."""
_ONLY = {Modality.IMAGE: "pictures", Modality.VIDEO: "videos", Modality.AUDIO: "sound"}


@dataclass(frozen=True, slots=True)
class Member:
    """One configured detector; ``detector`` is None where it could not be loaded, and ``reason`` says why.

    ``forward`` is its forward step as it is run here; None: plain torch.
    """

    name: str
    detector: Detector | None
    reason: str | None = None
    forward: Forward | None = None

    def run(self, batch: Tensor) -> Tensor:
        """The logits of a network's inputs."""
        assert self.detector is not None
        return self.detector.forward(batch) if self.forward is None else self.forward(batch)

    @property
    def runner(self) -> str:
        """Who computes the forward step, such as "openvino bf16"."""
        return PLAIN if self.forward is None else self.forward.runner


class Crashed(Exception):
    """A detector failed on a medium; the message is its reason."""


def create_member(name: str, device: str) -> Detector:
    """A detector of the registry on a device; raises as `detectors.create` does."""
    from detectors import create

    return create(name, device=device)


def load_members(
    wanted: Sequence[Detector | str],
    create: Callable[[str], Detector],
    producers: Mapping[View, Producer],
    on_progress: Callable[[str], None],
    run: Callable[[Detector], Forward] | None = None,
) -> tuple[Member, ...]:
    """Load every configured detector, once. Missing weights or services make a member that never judges.

    Args:
        run: chooses how a detector's forward step is run; None: by plain torch.

    Raises:
        ConfigurationError: a name that no detector has, a name twice, or a view that cannot be made.
    """
    members = []
    for item in wanted:
        if isinstance(item, str):
            on_progress(f"loading {item}")
            members.append(_load(item, create, producers))
        else:
            members.append(_ready(item, producers))
    check_names(member.name for member in members)
    require(((member.name, member.detector.view) for member in members if member.detector), producers)
    if run is None:
        return tuple(members)
    for number, member in enumerate(members):
        if member.detector is not None:
            on_progress(f"preparing {member.name}")
            members[number] = replace(member, forward=run(member.detector))
    return tuple(members)


def check_names(names: Iterable[str]) -> None:
    """Check that there is a detector at all and none twice.

    Raises:
        ConfigurationError: as said.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ConfigurationError(f"detector {name} is listed twice; name it once")
        seen.add(name)
    if not seen:
        raise ConfigurationError("no detector is configured; name at least one")


def _load(name: str, create: Callable[[str], Detector], producers: Mapping[View, Producer]) -> Member:
    try:
        detector = create(name)
    except UnknownDetector as error:
        raise ConfigurationError(str(error)) from error
    except (WeightsError, ServiceError) as error:
        log.warning("detector %s will not judge: %s", name, error)
        return Member(name, None, str(error))
    return _ready(detector, producers)


def _ready(detector: Detector, producers: Mapping[View, Producer]) -> Member:
    """A loaded detector as a member, if what its view needs can be loaded, too."""
    name = detector.record.name
    try:
        if detector.view in producers:
            producers[detector.view].make_for(detector.record)
    except WeightsError as error:
        log.warning("detector %s will not judge: %s", name, error)
        return Member(name, None, str(error))
    return Member(name, detector)


def fingerprint(members: Sequence[Member], *parts: str) -> str:
    """Hash what decides the scores: the members with their weights and calibration, and the given parts."""
    described: list[object] = list(parts)
    for member in members:
        if member.detector is None:
            described.append([member.name, None])
            continue
        record = member.detector.record.model_dump(mode="json")
        keys = ("name", "file", "parts", "preprocessing", "calibration", "in_the_wild")
        described.append([*(record[key] for key in keys), member.runner])
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:32]


def score_fingerprint(member: Member, *parts: str) -> str:
    """Hash what decides one member's score alone; unlike `fingerprint`, its calibration is no part of it."""
    described: list[object] = [*parts, member.name]
    if member.detector is not None:
        record = member.detector.record.model_dump(mode="json")
        described += [*(record[key] for key in ("file", "parts", "preprocessing")), member.runner]
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:32]


class Judging:
    """The scores of one medium, made in steps: `prepare`, `judge` for each of `inputs`, then `services`.

    Detectors that ask services wait for others. They come last, so that another thread may do that step; the
    views are made by one thread at a time.
    """

    def __init__(
        self, members: Sequence[Member], medium: Decoded, producers: Mapping[View, Producer]
    ) -> None:
        self._members = members
        self._probe = medium.probe
        self._views: Views | None = Views(medium, producers)
        self._scores: dict[str, Score] = {}
        self._crashes: list[str] = []
        self._seen: dict[str, Mapping[str, Any]] = {}
        self.asking = [m for m in members if _asks(m.detector) and _covers(m.detector, medium.probe)]
        """Those that ask services about this medium."""
        self.inputs: dict[str, Tensor] = {}
        """What the networks are to be given, by detector; each is taken out when it is judged."""
        self.spent: dict[str, float] = {}
        """Seconds that it took to make each input out of its view."""

    @property
    def more(self) -> bool:
        """Whether any detector asks services about this medium."""
        return bool(self.asking)

    @property
    def held_bytes(self) -> int:
        """What the networks' inputs take."""
        return sum(batch.nbytes for batch in list(self.inputs.values()))

    def prepare(self) -> None:
        """Make the views and the networks' inputs. The views are let go, unless services need them."""
        for member in self._members:
            if member not in self.asking:
                self._guarded(member, self._prepare)
        if not self.more:
            self._views = None

    def judge(self, member: Member, logits: Tensor | Exception) -> None:
        """Score by a network's logits for the medium's inputs, or by how it failed on them."""
        del self.inputs[member.name]

        def score(member: Member) -> Score | None:
            if isinstance(logits, Exception):
                raise logits
            assert member.detector is not None
            if not logits.isfinite().all():
                log.error("detector %s gave a logit that is not finite", member.name)
                raise Crashed("a logit is not finite")
            return _scored(member, member.detector.reduce(logits), self._seen[member.name])

        self._guarded(member, score)

    def alone(self) -> None:
        """All steps but the services', for this medium by itself."""
        self.prepare()
        for member in self._members:
            if member.name in self.inputs:
                outcome: Tensor | Exception
                try:
                    outcome = member.run(self.inputs[member.name])
                except Exception as error:  # noqa: BLE001 - `judge` tells of it
                    outcome = error
                self.judge(member, outcome)

    def services(self, clock: Callable[[str], None]) -> None:
        """Score by those that ask services. What makes their views may ask services too: it is their time."""
        for member in self.asking:
            self._guarded(member, self._ask)
            clock(f"detector:{member.name}")

    def scores(self) -> tuple[Score, ...]:
        """The scores in the members' order.

        Raises:
            EngineFailed: no score could be had because detectors crashed.
        """
        scores = tuple(self._scores[member.name] for member in self._members)
        if self._crashes and not any(score.applicable for score in scores):
            raise EngineFailed(f"every detector failed ({'; '.join(self._crashes)})")
        return scores

    def _prepare(self, member: Member) -> Score | None:
        """The networks' input, unless it is clear already that there is no score."""
        detector = member.detector
        if detector is None:
            return _not_applicable(member, member.reason)
        if not _covers(detector, self._probe):
            only = " and ".join(_ONLY[modality] for modality in detector.record.modalities)
            return _not_applicable(member, f"judges {only} only")
        assert self._views is not None
        made = self._views.made(detector.view, detector.record)
        start = time.perf_counter()
        self.inputs[member.name] = detector.preprocess(made.view)
        self.spent[member.name] = time.perf_counter() - start
        self._seen[member.name] = made.evidence
        return None

    def _ask(self, member: Member) -> Score:
        assert isinstance(member.detector, ServiceDetector)
        assert self._views is not None
        made = self._views.made(member.detector.view, member.detector.record)
        return _scored(member, member.detector.detect(made.view), made.evidence)

    def _guarded(self, member: Member, step: Callable[[Member], Score | None]) -> None:
        """The edge between the engine and a detector: whatever one raises, the others go on."""
        try:
            score = step(member)
        except NotApplicable as error:
            score = _not_applicable(member, str(error))
        except Exception as error:
            if isinstance(error, Crashed):
                crash = str(error)
            else:
                log.error("detector %s failed", member.name, exc_info=error)
                crash = f"{type(error).__name__}: {error}"[:300]
            self._crashes.append(f"{member.name}: {crash}")
            score = _not_applicable(member, f"{FAILED}{crash}")
        if score is not None:
            self._scores[member.name] = score


def _scored(member: Member, output: Output, seen: Mapping[str, Any]) -> Score:
    name, detector = member.name, member.detector
    weights = None if detector is None else detector.record.digest
    if not 0.0 <= output.score <= 1.0:
        log.error("detector %s gave the score %r", name, output.score)
        raise Crashed(f"the score {output.score} is not in [0, 1]")
    evidence = {**seen, **output.evidence}
    return Score(name, output.score, applicable=True, evidence=evidence, weights=weights)


def _asks(detector: Detector | None) -> TypeGuard[ServiceDetector]:
    return isinstance(detector, ServiceDetector)


def _covers(detector: Detector, probe: Probe) -> bool:
    modalities = {Modality(probe.kind.value)}
    if probe.kind is Kind.VIDEO and probe.has_audio:
        modalities.add(Modality.AUDIO)  # a video and its sound are one medium with two tracks
    return not modalities.isdisjoint(detector.record.modalities)


def _not_applicable(member: Member, reason: str | None) -> Score:
    return Score(member.name, None, applicable=False, reason=reason)
