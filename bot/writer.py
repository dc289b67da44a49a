"""The writer: from what a mention has come to, to the row of the reply that says it."""

from __future__ import annotations

from dataclasses import replace

from analysis.ensemble.combine import PostOutcome
from analysis.ensemble.reasons import ReasonCode
from analysis.model import Kind, Verdict
from bot.analyses import Judgement
from bot.platforms.base import TextRules
from bot.publishing import address
from bot.replies import Context, MediumResult, ReplyKind, choose_language, compose, slot
from bot.replies.details import details_of
from state.model import MentionRow, NewReply, ReplyRow
from state.store import Store


class Writer:
    """Chooses language and wording; says where the reply goes. Queues nothing."""

    def __init__(
        self,
        store: Store,
        language: str,
        *,
        to_media_post: bool = False,
        estimate: bool = False,
        link: bool = False,
        public_url: str | None = None,
    ) -> None:
        """`language` is for those whose own is not known; `to_media_post` answers below the media.

        With `estimate` replies tell the probability: off by default, because a reply without a link cannot
        show what the number rests on. With `link` a reply that points to another says where that is, and
        any other where its public page is: every verdict has one where there is a `public_url`.
        """
        self._store = store
        self._language = language
        self._to_media_post = to_media_post
        self._estimate = estimate
        self._link = link
        self._public_url = public_url

    def pending(self, mention: MentionRow, rules: TextRules) -> NewReply:
        """The check takes long."""
        return self._write(mention, rules, ReplyKind.PENDING, Context())

    def verdict(self, mention: MentionRow, rules: TextRules, judgement: Judgement) -> NewReply:
        """What was found. At least one medium has a verdict.

        Whoever asks for nothing special where the same was told to somebody else in the same thread gets the
        result in short, with a pointer to that reply. Call inside the transaction that queues the reply.
        """
        context = replace(self.context(judgement), link=self._page(mention))
        if mention.details:
            worst = judgement.post.worst
            details = details_of(_deciding(judgement.post), worst.kind or Kind.IMAGE)
            context = replace(context, details=details)
        elif mention.language is None and (above := self._told_above(mention, judgement)) is not None:
            context = replace(context, pointer=True, link=above.url if self._link else None)
        return self._write(mention, rules, ReplyKind.VERDICT, context)

    def _told_above(self, mention: MentionRow, judgement: Judgement) -> ReplyRow | None:
        found = self._store.mentions.told_above(mention, judgement.post.band)
        return self._store.outbox.get(found) if found is not None else None

    def correction(
        self, mention: MentionRow, rules: TextRules, judgement: Judgement, revision: int
    ) -> NewReply:
        """What holds now, after a review."""
        context = replace(self.context(judgement), link=self._page(mention))
        return self._write(mention, rules, ReplyKind.CORRECTION, context, revision)

    def failure(self, mention: MentionRow, rules: TextRules, reason: str) -> NewReply:
        """Why nothing could be found."""
        return self._write(mention, rules, ReplyKind.FAILURE, Context(failure=reason))

    def _page(self, mention: MentionRow) -> str | None:
        """The address of the mention's public page, made with its verdict; None where no reply names it."""
        if self._public_url is None:
            return None
        page = self._store.public_pages.add(mention.id)
        return address(self._public_url, page.token) if self._link and page.removed_at is None else None

    def _write(
        self, mention: MentionRow, rules: TextRules, kind: ReplyKind, context: Context, revision: int = 0
    ) -> NewReply:
        target = self._store.posts.get(mention.target_id) if mention.target_id is not None else None
        language = choose_language(
            mention.language or mention.post.language, target.language if target else None, self._language
        )
        place = slot(kind, context)
        turn = self._store.outbox.next_turn(f"{self._store.mode}/{mention.platform}/{language}/{place}")
        reply = compose(kind, context, language=language, rules=rules, turn=turn, handle=mention.asker_handle)
        to_target = self._to_media_post and target is not None
        return NewReply(
            mention_id=mention.id,
            kind=kind,
            in_reply_to=target.platform_id if to_target and target else mention.post.platform_id,
            text=reply.text,
            language=reply.language,
            wording=reply.wording,
            band=context.band,
            revision=revision,
        )

    def context(self, judgement: Judgement) -> Context:
        """What a reply can tell of a judgement. At least one medium has a verdict."""
        post = judgement.post
        return Context(
            media=results_of(post),
            probability=_deciding(post).probability if self._estimate else None,
            earlier=judgement.earlier,
            copy=judgement.copy,
            licence="; ".join(judgement.licences) or None,
            limited_evidence=any(r.code == ReasonCode.LIMITED_EVIDENCE for r in _deciding(post).reasons),
        )


def results_of(post: PostOutcome) -> tuple[MediumResult, ...]:
    """What became of each medium of a post."""
    return tuple(
        MediumResult(
            medium.kind or Kind.IMAGE, medium.verdict.band if medium.verdict else None, medium.failure
        )
        for medium in post.media
    )


def _deciding(post: PostOutcome) -> Verdict:
    assert post.worst.verdict is not None
    return post.worst.verdict
