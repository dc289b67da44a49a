"""The policy `vote`: the published rule (`vote.compute_verdict`) with a model table of our own.

The published table cannot be ours: its models were blanked for release. Which of our detectors has which
category, thresholds and influence is data, `VotePolicyConfig`, that an operator may set per detector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict

from analysis.ensemble.reasons import (
    ReasonCode,
    absences,
    fingerprint_of,
    limited_evidence,
    ordered,
    reason,
    usable,
)
from analysis.ensemble.vote import (
    Category,
    Influence,
    ModelResult,
    Track,
    VoteModel,
    VoteResult,
    compute_verdict,
    fake_votes,
    only_noise_votes,
)
from analysis.model import Kind, Reason, Score, Verdict
from detectors.base import Modality
from detectors.record import WeightsRecord

RULE_VERSION = 1
"""Raised whenever the rule's code changes its answer."""

DEFAULT_MODELS: Mapping[str, VoteModel] = MappingProxyType(
    {
        # Tiny-LaDeDa reads gradients between neighbouring pixels in 9x9 patches: traces of up-sampling, not
        # content. That is the published category "noise" (visual noise, like DIRE), whose votes alone never
        # reach `high`; a modest detector should not either.
        "tiny_ladeda": VoteModel(category=Category.NOISE),
    }
)


class VotePolicyConfig(BaseModel):
    """The model table: ``models`` adds to or replaces rows of `DEFAULT_MODELS`.

    A detector without any row takes the published default thresholds and one vote; it counts as a sound model
    if its record says that it judges nothing but audio.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: Mapping[str, VoteModel] = {}

    def table(self) -> dict[str, VoteModel]:
        """Return all rows, the operator's over the defaults."""
        return {**DEFAULT_MODELS, **self.models}


class VotePolicy:
    """Judges by votes; states no probability."""

    name: str = "vote"
    fingerprint: str

    def __init__(
        self, config: VotePolicyConfig | None = None, *, records: Mapping[str, WeightsRecord] | None = None
    ) -> None:
        """Take the model table and what is known of the detectors by name."""
        self._records = dict(records or {})
        self._table = (config or VotePolicyConfig()).table()
        rows = {name: self.model(name).model_dump(mode="json") for name in {*self._table, *self._records}}
        bundled = sorted(name for name, record in self._records.items() if record.file.bundled)
        self.fingerprint = fingerprint_of(
            {"policy": self.name, "version": RULE_VERSION, "rows": rows, "bundled": bundled}
        )

    def model(self, detector: str) -> VoteModel:
        """Return the row of the model table that holds for a detector."""
        if detector in self._table:
            return self._table[detector]
        record = self._records.get(detector)
        if record is not None and record.modalities == (Modality.AUDIO,):
            return VoteModel(category=Category.AUDIO, track=Track.SOUND)
        return VoteModel()

    def results(self, scores: Sequence[Score]) -> list[ModelResult]:
        """Turn the usable scores into results, highest rank first.

        A detector that failed, or that does not judge this kind at all, is absent: in the published pipeline
        it drops out of the pool or never ran. One that could not judge this medium (no face ...) is absent
        too, where the published pool keeps it as "n/a": there a medium that nobody could judge shows as
        `low`, here it is `unknown`.
        """
        found = [
            ModelResult.of(score.detector, self.model(score.detector), score.score)
            for score in usable(scores)
            if score.score is not None
        ]
        return sorted(found, key=lambda result: (-result.sort_key, result.name))

    def judge(self, kind: Kind, scores: Sequence[Score], *, quality: float = 1.0) -> Verdict:
        """Return the band that the votes give; ``probability`` is None, and the rule knows no quality."""
        del quality
        scores = ordered(scores)
        results = self.results(scores)
        outcome = compute_verdict(kind, results)
        voters = [result.name for result in results if result.model.influence(kind) is not Influence.IGNORE]
        reasons = (
            *_detector_reasons(kind, results),
            *_vote_reasons(kind, results, outcome),
            *absences(kind, scores),
            *limited_evidence(voters, self._records),
        )
        return Verdict(outcome.experimental_band, None, self.name, reasons)


def _detector_reasons(kind: Kind, results: Sequence[ModelResult]) -> list[Reason]:
    found = []
    for result in results:
        said = f"{result.name} (score {result.score:.2f})"
        if result.model.influence(kind) is Influence.IGNORE:
            found.append(reason(ReasonCode.VOTE_IGNORED, f"{said} has no vote in this configuration"))
        elif votes := fake_votes(kind, result):
            worth = "two votes" if votes > 1 else "a vote"
            text = f"{said} finds signs of generation or manipulation: {worth}"
            found.append(reason(ReasonCode.DETECTOR_SIGNS, text))
        else:
            text = f"{said} finds too little sign of generation or manipulation for a vote"
            found.append(reason(ReasonCode.DETECTOR_LITTLE_SIGN, text))
    return found


def _vote_reasons(kind: Kind, results: Sequence[ModelResult], outcome: VoteResult) -> list[Reason]:
    if not outcome.show_results:
        return []
    found = [
        reason(
            ReasonCode.VOTES,
            f"{outcome.votes} vote{'' if outcome.votes == 1 else 's'} for manipulation "
            "(two or more: high; one: uncertain; none: low)",
        )
    ]
    if only_noise_votes(kind, results):
        text = "all votes come from detectors that read visual noise, which is not enough on its own"
        found.append(reason(ReasonCode.NOISE_ONLY, text))
    return found
