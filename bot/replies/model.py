"""What a reply is made from, and what it becomes, in plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from analysis.errors import Refusal
from analysis.model import Band, Kind
from bot.errors import ResolveFailure

DEFAULT_FAILURE = "default"
POINTER = "pointer"

FAILURES: tuple[str, ...] = tuple(
    dict.fromkeys(
        [
            *(code.value for code in Refusal),
            *(code.value for code in ResolveFailure),
            "post_gone",
            "post_hidden",
            "engine_failed",
            DEFAULT_FAILURE,
        ]
    )
)
"""The reasons of a failure that every language has words for; any other code reads as the default one."""


class ReplyKind(StrEnum):
    """What a reply is for. The value is stable: state and templates key on it."""

    PENDING = "pending"
    VERDICT = "verdict"
    FAILURE = "failure"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class MediumResult:
    """What became of one medium of the post: its band, or None where it could not be checked.

    ``failure`` is then the reason: a value of `analysis.errors.Refusal` or `bot.errors.ResolveFailure`.
    """

    kind: Kind
    band: Band | None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """So many checks looked at the same thing and found the same.

    ``check`` and ``finding`` are keys of the language files' `details`, as in "faces" and "undecided".
    """

    check: str
    finding: str
    count: int


@dataclass(frozen=True, slots=True)
class Rate:
    """A measured error: ``errors`` of ``media`` had such a result wrongly.

    ``name`` is "false_alarms" (of unaltered media) or "misses" (of generated or altered ones).
    """

    name: str
    errors: int
    media: int


@dataclass(frozen=True, slots=True)
class Details:
    """The grounds of one medium's verdict; ``rate`` is None where none was measured well enough."""

    findings: tuple[Finding, ...]
    rate: Rate | None
    kind: Kind


@dataclass(frozen=True, slots=True)
class Context:
    """What a reply can tell.

    ``media`` are in the order of the post. ``probability`` lies in (0, 1) and is None where no calibration
    stands behind it; it is told for a single medium only. ``limited_evidence``: only weak detectors took
    part. ``earlier``: the medium was checked before, where ``copy`` is set a copy of it. ``licence`` names a
    model licence that limits the use of the answer. ``failure`` is the reason code of a `failure` reply.
    ``pointer``: the answer already stands further up in the thread. ``details`` are told where asked for.
    ``link`` is where more can be seen.
    """

    media: tuple[MediumResult, ...] = ()
    probability: float | None = None
    earlier: bool = False
    copy: bool = False
    limited_evidence: bool = False
    licence: str | None = None
    failure: str | None = None
    pointer: bool = False
    details: Details | None = None
    link: str | None = None

    @property
    def band(self) -> Band | None:
        """The worst band among the media, by `Band.severity`; None where none was judged."""
        bands = [medium.band for medium in self.media if medium.band is not None]
        return max(bands, key=lambda band: band.severity, default=None)


@dataclass(frozen=True, slots=True)
class ReplyText:
    """A composed reply. ``wording`` names the words used, as in "es/verdict.high/2"."""

    text: str
    language: str
    wording: str


def slot(kind: ReplyKind, context: Context) -> str:
    """The place in a language file that the words come from, as in "verdict.high" or "failure.too_long".

    Count the turns of `compose` per platform, language and slot.

    Raises:
        ValueError: a verdict or correction without a judged medium.
    """
    if kind is ReplyKind.PENDING:
        return kind.value
    if kind is ReplyKind.FAILURE:
        code = context.failure if context.failure in FAILURES else DEFAULT_FAILURE
        return f"{kind.value}.{code}"
    if context.band is None:
        raise ValueError(f"a {kind.value} needs at least one medium with a band")
    if kind is ReplyKind.VERDICT and context.pointer:
        return POINTER
    return f"{kind.value}.{context.band.value}"
