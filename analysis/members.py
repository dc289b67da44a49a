"""The members of an ensemble: the configured detectors, loaded or with the reason why they are not."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from analysis.decoding.decoder import Decoded
from analysis.errors import ConfigurationError, EngineFailed
from analysis.model import Kind, Probe, Score
from analysis.views import Producer, Views, require
from detectors.backends.base import PLAIN, Forward
from detectors.base import Detector, Modality, ServiceDetector, View
from detectors.errors import NotApplicable, ServiceError, UnknownDetector, WeightsError

log = logging.getLogger(__name__)

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

    @property
    def runner(self) -> str:
        """Who computes the forward step, such as "openvino bf16"."""
        return PLAIN if self.forward is None else self.forward.runner


class Crashed(Exception):
    """A detector failed on a medium; the message is its reason."""


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


class Judging:
    """The scores of one medium, made in two steps: `networks`, then `services`.

    Detectors that ask services wait for others. They come last, so that another thread may do that step; the
    views are made by one thread at a time.
    """

    def __init__(
        self, members: Sequence[Member], medium: Decoded, producers: Mapping[View, Producer]
    ) -> None:
        self._members = members
        self._probe = medium.probe
        self._views = Views(medium, producers)
        self._scores: dict[str, Score] = {}
        self._crashes: list[str] = []
        self._asking = [m for m in members if _asks(m.detector) and _covers(m.detector, medium.probe)]

    @property
    def more(self) -> bool:
        """Whether any detector asks services about this medium."""
        return bool(self._asking)

    def networks(self, clock: Callable[[str], None]) -> None:
        """Score by all that run here; ``clock`` is told the end of each stage by name."""
        here = [member for member in self._members if member not in self._asking]
        for member in here:
            if member.detector is not None and _covers(member.detector, self._probe):
                _prepare(member.detector, self._views)
        clock("views")
        for member in here:
            self._judge(member, clock)

    def services(self, clock: Callable[[str], None]) -> None:
        """Score by those that ask services. What makes their views may ask services too: it is their time."""
        for member in self._asking:
            self._judge(member, clock)

    def scores(self) -> tuple[Score, ...]:
        """The scores in the members' order.

        Raises:
            EngineFailed: no score could be had because detectors crashed.
        """
        scores = tuple(self._scores[member.name] for member in self._members)
        if self._crashes and not any(score.applicable for score in scores):
            raise EngineFailed(f"every detector failed ({'; '.join(self._crashes)})")
        return scores

    def _judge(self, member: Member, clock: Callable[[str], None]) -> None:
        try:
            score = _score(member, self._probe, self._views)
        except Crashed as crash:
            self._crashes.append(f"{member.name}: {crash}")
            score = _not_applicable(member, f"failed: {crash}")
        self._scores[member.name] = score
        clock(f"detector:{member.name}")


def _prepare(detector: Detector, views: Views) -> None:
    try:
        views.get(detector.view, detector.record)
    except NotApplicable:
        pass  # each detector that asks for it hears the reason again
    except Exception:  # nor does a view that fails stop the detectors of the others
        log.exception("the view %s for detector %s failed", detector.view, detector.record.name)


def _score(member: Member, probe: Probe, views: Views) -> Score:
    detector = member.detector
    if detector is None:
        return _not_applicable(member, member.reason)
    if not _covers(detector, probe):
        only = " and ".join(_ONLY[modality] for modality in detector.record.modalities)
        return _not_applicable(member, f"judges {only} only")
    try:
        return _run(detector, member.name, member.forward, views)
    except NotApplicable as error:
        return _not_applicable(member, str(error))
    except Crashed:
        raise
    except Exception as error:
        # The edge between the engine and a network: whatever one raises, the others go on.
        log.exception("detector %s failed", member.name)
        raise Crashed(f"{type(error).__name__}: {error}"[:300]) from error


def _run(detector: Detector, name: str, forward: Forward | None, views: Views) -> Score:
    made = views.made(detector.view, detector.record)
    if isinstance(detector, ServiceDetector):
        output = detector.detect(made.view)
    else:
        logits = (forward or detector.forward)(detector.preprocess(made.view))
        if not logits.isfinite().all():
            log.error("detector %s gave a logit that is not finite", name)
            raise Crashed("a logit is not finite")
        output = detector.reduce(logits)
    if not 0.0 <= output.score <= 1.0:
        log.error("detector %s gave the score %r", name, output.score)
        raise Crashed(f"the score {output.score} is not in [0, 1]")
    return Score(name, output.score, applicable=True, evidence={**made.evidence, **output.evidence})


def _asks(detector: Detector | None) -> TypeGuard[ServiceDetector]:
    return isinstance(detector, ServiceDetector)


def _covers(detector: Detector, probe: Probe) -> bool:
    modalities = {Modality(probe.kind.value)}
    if probe.kind is Kind.VIDEO and probe.has_audio:
        modalities.add(Modality.AUDIO)  # a video and its sound are one medium with two tracks
    return not modalities.isdisjoint(detector.record.modalities)


def _not_applicable(member: Member, reason: str | None) -> Score:
    return Score(member.name, None, applicable=False, reason=reason)
