"""The published TrueMedia verdict rule, as small pure functions.

Source: truemediaorg/deepfake-app (MIT), ``data/verdict.ts``, ``data/model.ts``, ``data/relevance.ts``. Each
manipulation model whose score reaches its threshold casts one vote (two if it is trusted); two votes are
`high`, one is `uncertain`, none is `low`. Nothing is averaged. A video and its sound are one pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator

from analysis.ensemble.relevance import (
    NOTHING_PENDING,
    ExperimentalReason,
    Pending,
    Relevance,
    RelevanceResult,
    determine_relevance,
)
from analysis.model import Band, Kind

UNCERTAIN_VOTES = 1
HIGH_VOTES = 2
OVERRIDE_VOTES = 3
"""From here on an experimental medium is `high` all the same."""
FEW_PENDING = 2
"""With one vote cast and no more manipulation models than this pending, the vote counts as decided."""


class Rank(StrEnum):
    """What one model's score means on its own; ``n/a``: it could not judge."""

    NOT_APPLICABLE = "n/a"
    LOW = "low"
    UNCERTAIN = "uncertain"
    HIGH = "high"


_RANK_ORDER = {Rank.NOT_APPLICABLE: 0, Rank.LOW: 10, Rank.UNCERTAIN: 20, Rank.HIGH: 30}


class Influence(StrEnum):
    """What a model's fake vote is worth: one, two or nothing."""

    INCLUDE = "include"
    TRUST = "trust"
    IGNORE = "ignore"


class Category(StrEnum):
    """What a manipulation model looks at."""

    FACE = "face"
    IMAGEN = "imagen"
    NOISE = "noise"
    AUDIO = "audio"
    SEMANTIC = "semantic"
    OTHER = "other"


class Track(StrEnum):
    """Which track of a medium a model judges: what one sees or what one hears."""

    PICTURE = "picture"
    SOUND = "sound"


class VoteModel(BaseModel):
    """One row of the model table. Scores and thresholds lie in [0, 1], 1 = fake.

    ``track_policy`` replaces ``policy`` where a sound model judges the sound of a video.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: Category = Category.OTHER
    track: Track = Track.PICTURE
    uncertain_score: float = Field(default=0.33, ge=0, le=1)
    fake_score: float = Field(default=0.5, ge=0, le=1)
    policy: Influence = Influence.INCLUDE
    track_policy: Influence | None = None

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> VoteModel:
        if self.uncertain_score > self.fake_score:
            raise ValueError("uncertain_score must not lie above fake_score")
        return self

    def influence(self, kind: Kind) -> Influence:
        """Return the policy that holds for a medium of this kind."""
        if kind is Kind.VIDEO and self.track is Track.SOUND and self.track_policy is not None:
            return self.track_policy
        return self.policy

    def rank(self, score: float) -> Rank:
        """Rank a score. A score equal to ``fake_score`` ranks `uncertain`, and still votes fake."""
        if score <= self.uncertain_score:
            return Rank.LOW
        return Rank.UNCERTAIN if score <= self.fake_score else Rank.HIGH

    def means_fake(self, score: float) -> bool:
        """Say whether a score votes fake; a score equal to ``fake_score`` does."""
        return score >= self.fake_score


@dataclass(frozen=True, slots=True)
class ModelResult:
    """One manipulation model's result."""

    name: str
    model: VoteModel
    score: float
    rank: Rank

    @classmethod
    def of(cls, name: str, model: VoteModel, score: float) -> ModelResult:
        """Build the result of a model that could judge."""
        return cls(name, model, score, model.rank(score))

    @property
    def sort_key(self) -> float:
        """Rank first, score second; results are shown in descending order of this."""
        return _RANK_ORDER[self.rank] + self.score


def without_ignored(kind: Kind, results: Sequence[ModelResult]) -> list[ModelResult]:
    """Drop the results of ignored models, as every verdict does before anything is counted."""
    return [result for result in results if result.model.influence(kind) is not Influence.IGNORE]


def fake_votes(kind: Kind, result: ModelResult) -> int:
    """Return the votes, 0 to 2, that one result casts: by its score, never by its rank unless that is n/a."""
    influence = result.model.influence(kind)
    if result.rank is Rank.NOT_APPLICABLE or influence is Influence.IGNORE:
        return 0
    if not result.model.means_fake(result.score):
        return 0
    return 2 if influence is Influence.TRUST else 1


def count_votes(kind: Kind, results: Sequence[ModelResult]) -> int:
    """Return the sum of all votes."""
    return sum(fake_votes(kind, result) for result in results)


def only_noise_votes(kind: Kind, results: Sequence[ModelResult]) -> bool:
    """Say whether the votes just reach `high` and all come from models that read visual noise."""
    return count_votes(kind, results) == HIGH_VOTES and all(
        result.model.category is Category.NOISE or fake_votes(kind, result) == 0 for result in results
    )


def vote_band(kind: Kind, results: Sequence[ModelResult]) -> Band:
    """Return the band that the votes alone give: `low`, `uncertain` or `high`."""
    votes = count_votes(kind, results)
    if only_noise_votes(kind, results):
        return Band.UNCERTAIN
    if votes >= HIGH_VOTES:
        return Band.HIGH
    return Band.UNCERTAIN if votes >= UNCERTAIN_VOTES else Band.LOW


def is_vote_decided(kind: Kind, results: Sequence[ModelResult], pending: Pending) -> bool:
    """Two votes are never taken back; with one, at most two manipulation models may still be missing."""
    votes = count_votes(kind, results)
    return votes > 1 or (votes > 0 and pending.manipulation <= FEW_PENDING)


def audio_decides(kind: Kind, results: Sequence[ModelResult]) -> bool:
    """Say whether the sound of a video alone already votes `high`."""
    sound = [result for result in results if result.model.track is Track.SOUND]
    return kind is Kind.VIDEO and vote_band(kind, sound) is Band.HIGH


class Trulean(StrEnum):
    """A human label that may be missing (``unreviewed``) or undecided (``unknown``)."""

    UNREVIEWED = "unreviewed"
    UNKNOWN = "unknown"
    FALSE = "false"
    TRUE = "true"


def determine_fake(kind: Kind, fake: Trulean, audio_fake: Trulean = Trulean.UNREVIEWED) -> Trulean:
    """Combine the human labels of a medium's tracks into one; never returns `UNREVIEWED`.

    Images and audio files have one label. A video is fake if either track is, real only if both are.
    """
    if kind is not Kind.VIDEO:
        return Trulean.UNKNOWN if fake is Trulean.UNREVIEWED else fake
    labels = (fake, audio_fake)
    if Trulean.TRUE in labels:
        return Trulean.TRUE
    return Trulean.FALSE if all(label is Trulean.FALSE for label in labels) else Trulean.UNKNOWN


def definitive_band(fake: Trulean, verified_source: bool) -> Band | None:
    """A human "fake" beats a verified source, and a verified source beats a human "real"."""
    if fake is Trulean.TRUE:
        return Band.HIGH
    if verified_source:
        return Band.TRUSTED
    return Band.LOW if fake is Trulean.FALSE else None


@dataclass(frozen=True, slots=True)
class VoteResult:
    """Everything that the rule says of one medium.

    ``band`` is the verdict; ``experimental_band`` the one to show (demoted where there are
    ``experimental_reasons``); ``vote`` what the votes alone give; ``definitive`` what people decided.
    """

    show_results: bool
    band: Band
    vote: Band
    votes: int
    definitive: Band | None
    experimental_band: Band
    experimental_reasons: tuple[ExperimentalReason, ...]


def compute_verdict(
    kind: Kind,
    results: Sequence[ModelResult],
    *,
    relevance: Sequence[RelevanceResult] = (),
    pending: Pending = NOTHING_PENDING,
    fake: Trulean = Trulean.UNREVIEWED,
    audio_fake: Trulean = Trulean.UNREVIEWED,
    verified_source: bool = False,
) -> VoteResult:
    """Apply the whole rule to the results that are ready.

    Results of ignored models are dropped first. Until something may be shown the band is `unknown`, whatever
    people said: that takes at least one manipulation result (n/a counts) and either nothing pending, a
    definitive verdict, a decided vote or decided relevance.
    """
    ready = without_ignored(kind, results)
    definitive = definitive_band(determine_fake(kind, fake, audio_fake), verified_source)
    found: Relevance = determine_relevance(kind, relevance, pending, audio_decides=audio_decides(kind, ready))
    settled = pending.total == 0 or definitive is not None or is_vote_decided(kind, ready, pending)
    show = bool(ready) and (settled or found.decided)
    vote, votes = vote_band(kind, ready), count_votes(kind, ready)
    band = (definitive or vote) if show else Band.UNKNOWN
    demotable = show and definitive is None and votes < OVERRIDE_VOTES
    reasons = found.reasons if demotable else ()
    return VoteResult(
        show_results=show,
        band=band,
        vote=vote,
        votes=votes,
        definitive=definitive,
        experimental_band=Band.UNCERTAIN if reasons else band,
        experimental_reasons=reasons,
    )
