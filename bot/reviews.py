"""A person's review of a medium, and the corrections that follow from it, also where it is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.ensemble.combine import ReviewLabel
from bot.analyses import Judgement, judgement
from bot.platforms.base import TextRules
from bot.writer import Writer
from state.model import MentionRow, ReviewRow
from state.store import Store


@dataclass(frozen=True, slots=True)
class Correction:
    """One answer that no longer holds: the band that was told and the one that counts now."""

    mention: MentionRow
    before: str
    after: str


def review(
    store: Store,
    writer: Writer,
    rules: Mapping[str, TextRules],
    sha256: str,
    label: ReviewLabel,
    *,
    note: str,
    reviewer: str,
) -> list[Correction]:
    """Store a review and queue a `correction` to everyone who was told another band.

    The running service, or the next one, sends them. One commit for everything.

    Args:
        store: where the review goes.
        writer: writes the corrections.
        rules: each platform's text rules, by its name; mentions of other platforms are left alone.
        sha256: the medium.
        label: what the reviewer found.
        note: why, for other operators.
        reviewer: who.

    Raises:
        NotFound: no such medium was ever seen.
    """
    with store.transaction():
        store.reviews.add(sha256, label, note, reviewer)
        return _correct_all(store, writer, rules, sha256)


def take_back(
    store: Store,
    writer: Writer,
    rules: Mapping[str, TextRules],
    sha256: str,
    earlier: ReviewRow | None,
    *,
    reviewer: str,
) -> list[Correction]:
    """Let the `earlier` review of a medium count again, or none; arguments as for `review`.

    Corrections that nobody has begun to send are withdrawn first: whoever was told nothing yet hears nothing.

    Raises:
        NotFound: no such medium was ever seen.
    """
    with store.transaction():
        if earlier is None:
            store.reviews.withdraw(sha256, reviewer)
        else:
            store.reviews.add(sha256, earlier.label, earlier.note, earlier.reviewer)
        for mention in store.mentions.with_medium(sha256):
            if store.outbox.withdraw_unsent(mention.id):
                standing = store.outbox.standing(mention.id)
                if standing is not None and standing.band is not None:
                    store.mentions.set_band(mention.id, standing.band)
        return _correct_all(store, writer, rules, sha256)


def _correct_all(
    store: Store, writer: Writer, rules: Mapping[str, TextRules], sha256: str
) -> list[Correction]:
    found = [
        correct(store, writer, rules[mention.platform], mention)
        for mention in store.mentions.with_medium(sha256)
        if mention.platform in rules
    ]
    return [correction for correction in found if correction is not None]


def correct(store: Store, writer: Writer, rules: TextRules, mention: MentionRow) -> Correction | None:
    """Queue a `correction` to this asker, if what was told, and still stands, no longer holds.

    Call inside the transaction that stores the review, or the verdict's being sent: whichever is second
    sees the other.
    """
    now = judgement_of(store, mention)
    after = now.post.band
    if mention.band is None or after == mention.band or store.outbox.standing(mention.id) is None:
        return None
    if store.mentions.opted_out(mention.platform, mention.post.author_id):
        store.events.add("correction_withheld", mention.id, {"reason": "opted_out", "band": after})
        return None
    revision = 1 + max(reply.revision for reply in store.outbox.of_mention(mention.id))
    store.outbox.add(mention, writer.correction(mention, rules, now, revision))
    store.mentions.set_band(mention.id, after)
    return Correction(mention, mention.band, after)


def judgement_of(store: Store, mention: MentionRow) -> Judgement:
    """What is known now of the post that a mention asked about."""
    assert mention.target_id is not None
    media = store.posts.media(mention.target_id)
    rows = [store.media.analysis(medium.sha256) if medium.sha256 else None for medium in media]
    return judgement(store, media, rows, earlier=False)
