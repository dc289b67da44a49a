"""Between the values of `bot.platforms` and `analysis` and the rows of `state`, which know neither."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from analysis.model import Analysis, Band, Kind, Likeness, Reason, Score, Verdict
from bot.manners import Decision
from bot.platforms.base import Account, Attachment, Post
from state.model import AnalysisRow, LikenessRow, NewMention, PostRow, ScoreRow, VerdictRow


def to_post_row(platform: str, post: Post) -> PostRow:
    """A post as it is stored."""
    return PostRow(
        platform=platform,
        platform_id=post.id,
        author_id=post.author.id,
        author_handle=post.author.handle,
        author_is_bot=post.author.is_bot,
        created_at=post.created_at,
        text=post.text,
        language=post.language,
        url=post.url,
        attachments=tuple(asdict(a) for a in post.attachments),
        links=post.links,
        parent_id=post.parent_id,
        quoted_id=post.quoted_id,
        boosted_id=post.boosted_id,
    )


def to_new_mention(platform: str, post: Post, decision: Decision) -> NewMention:
    """A mention as it is stored, with what was decided of it."""
    orders = decision.orders
    return NewMention(
        to_post_row(platform, post), decision.ignore, orders.language, orders.details, post.thread_id
    )


def to_post(row: PostRow) -> Post:
    """A stored post as the platform gave it."""
    return Post(
        id=row.platform_id,
        author=Account(row.author_id, row.author_handle, row.author_is_bot),
        created_at=row.created_at,
        text=row.text,
        url=row.url,
        language=row.language,
        attachments=tuple(Attachment(**a) for a in row.attachments),
        links=row.links,
        parent_id=row.parent_id,
        quoted_id=row.quoted_id,
        boosted_id=row.boosted_id,
    )


def to_analysis_row(analysis: Analysis) -> AnalysisRow:
    """An analysis as it is stored."""
    verdict = analysis.verdict
    return AnalysisRow(
        sha256=analysis.sha256,
        fingerprint=analysis.fingerprint,
        kind=analysis.probe.kind,
        probe={name: value for name, value in asdict(analysis.probe).items() if value is not None},
        provenance=asdict(analysis.provenance),
        timing={stage: round(seconds, 6) for stage, seconds in analysis.timing.items()},
        scores=tuple(
            ScoreRow(s.detector, s.score, s.applicable, s.reason, dict(s.evidence), s.weights)
            for s in analysis.scores
        ),
        verdict=VerdictRow(
            band=verdict.band,
            probability=verdict.probability,
            policy=verdict.policy,
            reasons=tuple(map(_to_json, verdict.reasons)),
            calibration=verdict.calibration,
        ),
        copy_of=analysis.copy_of.sha256 if analysis.copy_of else None,
        likeness=to_likeness_row(analysis.likeness) if analysis.likeness else None,
    )


def _to_json(reason: Reason) -> dict[str, Any]:
    said = {"code": reason.code, "text": reason.text}
    return said | ({"figures": dict(reason.figures)} if reason.figures else {})


def to_likeness_row(likeness: Likeness) -> LikenessRow:
    """A likeness as it is stored."""
    return LikenessRow(likeness.pieces, likeness.sketch)


def to_score(row: ScoreRow) -> Score:
    """A stored score as the detector gave it."""
    return Score(row.detector, row.score, row.applicable, row.reason, row.evidence, row.weights)


def to_verdict(row: VerdictRow) -> Verdict:
    """A stored verdict as the ensemble gave it."""
    reasons = tuple(Reason(**reason) for reason in row.reasons)
    return Verdict(Band(row.band), row.probability, row.policy, reasons, row.calibration)


def kind_of_mime(mime: str | None) -> Kind | None:
    """What a medium claims to be, for one that was never opened."""
    family = (mime or "").split("/")[0]
    return Kind(family) if family in set(Kind) else None
