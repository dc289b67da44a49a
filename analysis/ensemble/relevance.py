"""The relevance half of the published vote: is this a kind of medium that the detectors were made for?

Faces, drawn artwork and overlaid text are counted by their own (relevance) models. Where one of the rules
below finds a reason, the verdict is *experimental* and demoted to `uncertain` unless the vote overrides it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from types import MappingProxyType

from analysis.model import Kind

CONFIDENT_FACE = 0.5
MANY_FACES = 5


class RelevanceCategory(StrEnum):
    """What a relevance model looks for."""

    FACES = "faces"
    ARTWORK = "artwork"
    TEXT = "text"


class ExperimentalReason(StrEnum):
    """Why the detectors may be out of their depth."""

    FACES_TOO_FEW = "faces_too_few"
    FACES_TOO_MANY = "faces_too_many"
    ARTWORK = "artwork"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class RelevanceResult:
    """One relevance model's result: ``faces`` holds a score in [0, 1] per face, ``score`` is 1 for "yes"."""

    kind: Kind
    category: RelevanceCategory
    score: float = 0.0
    faces: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Relevance:
    """What the relevance results amount to; more reasons may still arrive after it is decided."""

    decided: bool
    reasons: tuple[ExperimentalReason, ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """How many models have not answered yet: manipulation models, and relevance models per category."""

    manipulation: int = 0
    relevance: Mapping[RelevanceCategory, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def total(self) -> int:
        """All models that have not answered yet."""
        return self.manipulation + sum(self.relevance.values())


NOTHING_PENDING = Pending()


def confident_faces(result: RelevanceResult) -> int:
    """Count the faces with a score of at least one half."""
    return sum(score >= CONFIDENT_FACE for score in result.faces)


def faces_reason(kind: Kind, results: Sequence[RelevanceResult]) -> ExperimentalReason | None:
    """Half of the face models (rounded up, so a tie counts) must agree; too few goes before too many."""
    counts = [confident_faces(result) for result in results]
    enough = ceil(len(counts) / 2)
    without = sum(count == 0 for count in counts)
    crowded = sum(count >= MANY_FACES for count in counts)
    if without and without >= enough:
        return ExperimentalReason.FACES_TOO_FEW
    # A crowd in one frame says nothing of a video that is mostly about one person.
    if kind is Kind.IMAGE and crowded and crowded >= enough:
        return ExperimentalReason.FACES_TOO_MANY
    return None


def category_reason(
    kind: Kind, category: RelevanceCategory, results: Sequence[RelevanceResult]
) -> ExperimentalReason | None:
    """Apply one category's rule to this kind's results of that category."""
    mine = [result for result in results if result.kind is kind and result.category is category]
    if category is RelevanceCategory.FACES:
        return faces_reason(kind, mine)
    return ExperimentalReason(category.value) if any(result.score == 1 for result in mine) else None


def determine_relevance(
    kind: Kind, results: Sequence[RelevanceResult], pending: Pending, *, audio_decides: bool
) -> Relevance:
    """Collect the experimental reasons, and say whether relevance is decided.

    It is decided by any one reason, or when no category waits for a model any more. ``audio_decides``: the
    sound of a video alone already votes `high`; then what the picture shows does not matter.
    """
    if audio_decides:
        return Relevance(decided=True)
    found = [category_reason(kind, category, results) for category in RelevanceCategory]
    reasons = tuple(reason for reason in found if reason is not None)
    waiting = any(pending.relevance.get(category, 0) for category in RelevanceCategory)
    return Relevance(decided=bool(reasons) or not waiting, reasons=reasons)
