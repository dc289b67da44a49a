"""From the scores of one medium to its verdict: the policy, the medium's quality, its copies, its origin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from analysis import redelivery
from analysis.decoding.decoder import Decoded
from analysis.ensemble.provenance import decides, with_provenance
from analysis.members import Member
from analysis.model import Score, Verdict
from analysis.quality import assess, load_quality_map, measure, with_quality
from analysis.views import Producer
from detectors.base import View

if TYPE_CHECKING:
    from analysis.ensemble.base import Policy


class Deciding:
    """Decides verdicts. ``copies``: judge copies, too, before anything is called `high` or `low`.

    ``turn`` is held while networks judge copies.

    Raises:
        ConfigurationError: `analysis/quality.json` cannot be used.
    """

    def __init__(
        self,
        policy: Policy,
        producers: Mapping[View, Producer],
        turn: AbstractContextManager[object],
        *,
        copies: bool,
    ) -> None:
        self._policy = policy
        self._producers = producers
        self._turn = turn
        self._copies = copies
        self._curves = load_quality_map()

    @property
    def fingerprint(self) -> tuple[str, ...]:
        """Changes whenever the same scores could get another verdict."""
        curves = self._curves.model_dump_json(exclude={"date", "note"})
        copies = str(redelivery.VERSION) if self._copies else "none"
        return self._policy.name, self._policy.fingerprint, curves, copies

    def verdict(
        self,
        medium: Decoded,
        scores: Sequence[Score],
        members: Sequence[Member],
        clock: Callable[[str], None],
    ) -> Verdict:
        """The verdict; ``clock`` is told the end of each stage: "quality", "ensemble", "redelivery"."""
        import torch

        kind = medium.probe.kind
        quality = assess(kind, measure(medium), self._curves)
        clock("quality")

        def judge(scores: Sequence[Score]) -> Verdict:
            return with_quality(self._policy.judge(kind, scores, quality=quality.share), quality)

        verdict = judge(scores)
        clock("ensemble")
        if self._copies and redelivery.needed(verdict) and not decides(medium.provenance):
            with torch.inference_mode(), self._turn:
                verdict = redelivery.checked(verdict, medium, scores, members, self._producers, judge)
            clock("redelivery")
        return with_provenance(verdict, medium.provenance)
