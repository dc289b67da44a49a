"""What every verdict policy is: the scores of one medium in, one verdict out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from analysis.model import Kind, Score, Verdict


class Policy(Protocol):
    """Judges one medium from its scores; pure, and safe to call from any thread.

    ``name`` is what configuration and `Verdict.policy` say. ``fingerprint`` changes whenever the same scores
    could get another verdict.
    """

    name: str
    fingerprint: str

    def judge(self, kind: Kind, scores: Sequence[Score], *, quality: float = 1.0) -> Verdict:
        """Return the verdict; the order of the scores does not matter.

        ``quality`` in [0, 1] is how much of the evidence the medium's state lets through: 1 all, 0 none. A
        policy that knows no such thing passes over it.
        """
