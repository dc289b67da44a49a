"""Which of the judged media are shown: the worst mistakes of both kinds, and what deliveries change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.ensemble.evidence import Evidence
from analysis.ensemble.likelihood import logit
from analysis.gallery.material import Candidate
from analysis.model import Kind

ALARMS_SHOWN, MISSES_SHOWN = 4, 6
_MOST_ALIKE = 2
"""At most so many of one subject, or by one generator, so that one failure does not fill the page."""
_NONE = 0.01


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one detector said of one candidate; ``focus`` is where it looked, (x, y) in pixels."""

    candidate: Candidate
    kind: Kind
    evidence: Evidence
    focus: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """How a judgement counts: by its evidence or, where a detector never gives any, by its score.

    ``one_sided``: nothing found is no evidence for a real medium, but of a fake it is a miss.
    """

    by_score: bool
    one_sided: bool

    @classmethod
    def of(cls, judged: Iterable[Judgement], *, narrow: bool) -> Measure:
        """The measure for a detector, by all that it said."""
        return cls(all(abs(one.evidence.llr) < _NONE for one in judged), narrow)

    def strength(self, one: Judgement) -> float:
        """How far it lies on the side of a fake (above 0) or of a real medium."""
        return logit(one.evidence.score) if self.by_score else one.evidence.llr

    def wrong(self, one: Judgement) -> bool:
        """Say whether a real medium looks fake, or a fake one real."""
        strength = self.strength(one)
        if not one.candidate.fake:
            return strength > 0
        return strength < 0 or (self.one_sided and strength == 0)


def worst(judged: Sequence[Judgement], measure: Measure, *, fake: bool) -> list[Judgement]:
    """The mistakes farthest on the wrong side, few of one subject and few by one generator."""
    mistakes = [one for one in judged if one.candidate.fake is fake and measure.wrong(one)]
    sign = 1 if fake else -1
    # Of what counts the same, as with one-sided evidence, the more mistaken score is worse.
    mistakes.sort(key=lambda one: (sign * measure.strength(one), sign * one.evidence.score, _name(one)))
    chosen: list[Judgement] = []
    seen: Counter[tuple[str, str]] = Counter()
    for one in mistakes:
        of = one.candidate
        alike = [("subject", of.group), ("generator", of.made_by or of.group)]
        if any(seen[key] >= (_MOST_ALIKE if fake else 1) for key in alike):
            continue
        seen.update(alike)
        chosen.append(one)
    return chosen[: MISSES_SHOWN if fake else ALARMS_SHOWN]


def strips(judged: Sequence[Judgement], measure: Measure) -> list[list[Judgement]]:
    """The real and the synthetic sample whose judgement changes most by delivery, with all deliveries."""
    by_medium: dict[str, list[Judgement]] = {}
    for one in judged:
        if one.candidate.in_strip:
            by_medium.setdefault(one.candidate.medium, []).append(one)
    found = []
    for fake in (False, True):
        rows = [row for row in by_medium.values() if row[0].candidate.fake is fake and len(row) > 1]
        if rows:
            found.append(max(rows, key=lambda row: _spread(row, measure)))
    return found


def _spread(row: Sequence[Judgement], measure: Measure) -> float:
    strengths = [measure.strength(one) for one in row]
    return max(strengths) - min(strengths)


def _name(one: Judgement) -> str:
    return f"{one.candidate.medium} {one.candidate.done}"
