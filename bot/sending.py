"""The step `send`: a reply leaves exactly once, however often the step is done."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bot.errors import (
    CredentialsRefused,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    PostGone,
    PostHidden,
    RateLimited,
    ReplyRefused,
)
from bot.manners import Manners
from bot.patience import TryAgain, until_credentials
from bot.platforms.base import Draft, Platform, SentReply
from bot.reviews import correct
from bot.writer import Writer
from state.model import Job, MentionRow, ReplyRow, ReplyState
from state.store import Store

log = structlog.get_logger()


class Sending:
    """Sends replies out of the outbox.

    The row is marked as leaving before the request, and the platform is asked what stands there before any
    second one.
    """

    def __init__(
        self,
        store: Store,
        platform: Callable[[str], Platform],
        writer: Writer,
        manners: Manners,
        attach: Callable[[Draft, ReplyRow], Draft],
        closed: Callable[[int, ReplyRow | None], None],
    ) -> None:
        """`platform` gives one by its name; `closed` is told the id of every mention that ends here."""
        self._store = store
        self._platform = platform
        self._writer = writer
        self._manners = manners
        self._attach = attach
        self._closed = closed

    def send(self, job: Job) -> None:
        """Post a reply: exactly once, whatever happened to an earlier attempt.

        Raises:
            TryAgain: it is not sent, or may not be.
        """
        with self._store.transaction():
            reply = self._store.outbox.get(job.subject_id)
            if reply.state in {ReplyState.SENT, ReplyState.FAILED, ReplyState.WITHDRAWN}:
                self._store.queue.finish(job)
                return
            if reply.kind == "correction" and self._store.outbox.earlier_is_open(reply):
                raise TryAgain("in_order", "an earlier correction has yet to be sent", counts=False)
            mention = self._store.mentions.get(reply.mention_id)
            may_stand = self._store.outbox.begin(reply.id)
        platform = self._platform(mention.platform)
        draft = Draft(reply.in_reply_to, reply.text, reply.language, reply.key)
        try:
            sent = platform.find_reply(draft) if may_stand else None
            if sent is None and (reason := self._unwanted(mention, reply)) is not None:
                self._withdraw(job, mention, reply, reason)
                return
            sent = sent or platform.reply(self._attach(draft, reply))
        except OutcomeUnknown as problem:
            raise TryAgain("outcome_unknown", str(problem)) from problem
        except RateLimited as problem:
            self._surely_not_sent(reply, may_stand)
            raise TryAgain("rate_limited", str(problem), problem.retry_at, counts=False) from problem
        except PlatformUnavailable as problem:
            self._surely_not_sent(reply, may_stand)
            raise TryAgain("platform_unavailable", str(problem)) from problem
        except CredentialsRefused as problem:
            self._surely_not_sent(reply, may_stand)
            raise until_credentials(problem, self._store.now()) from problem
        except (PostGone, PostHidden, ReplyRefused) as problem:
            kinds = {PostGone: "post_gone", PostHidden: "post_hidden", ReplyRefused: "reply_refused"}
            reason = next(name for kind, name in kinds.items() if isinstance(problem, kind))
            self.end_as_failed(job, reply, reason, str(problem))
            return
        except PlatformError as problem:  # an answer that such a request should never get
            raise TryAgain("platform_unavailable", str(problem)) from problem
        self._record_sent(job, mention, reply, sent)

    def _unwanted(self, mention: MentionRow, reply: ReplyRow) -> str | None:
        """Why a reply that does not stand yet shall not; None where it shall."""
        if reply.kind == "pending" and not mention.state.under_way:
            return "answered"  # it did not get through before the answer was there, and would only confuse
        return self._manners.turned_away(self._store, mention)

    def _withdraw(self, job: Job, mention: MentionRow, reply: ReplyRow, reason: str) -> None:
        ends = reply.kind in {"verdict", "failure"}
        with self._store.transaction():
            self._store.queue.finish(job)
            self._store.outbox.withdraw(reply.id)
            self._store.events.add("reply_withdrawn", mention.id, {"kind": reply.kind, "reason": reason})
            if ends:
                self._store.mentions.ignored(mention.id, reason, "since the mention was taken up")
        if ends:
            self._closed(mention.id, None)

    def _surely_not_sent(self, reply: ReplyRow, may_stand: bool) -> None:
        # Where an earlier request may have had its effect, a later one without effect proves nothing.
        if not may_stand:
            self._store.outbox.not_sent(reply.id)

    def _record_sent(self, job: Job, mention: MentionRow, reply: ReplyRow, sent: SentReply) -> None:
        with self._store.transaction():
            self._store.queue.finish(job)
            self._store.outbox.sent(reply.id, sent.id, sent.url)
            self._store.events.add("reply_sent", mention.id, {"kind": reply.kind, "id": sent.id})
            if reply.kind == "verdict":
                self._store.mentions.answered(mention.id)
                self._correct_if_reviewed(mention)
            elif reply.kind == "failure":
                self._store.mentions.failed(mention.id, mention.reason or "default", mention.detail or "")
        if reply.kind != "pending":
            self._closed(mention.id, reply)

    def _correct_if_reviewed(self, mention: MentionRow) -> None:
        # A review that came while the verdict was on its way found nobody to correct yet.
        if mention.target_id is not None and self._store.reviews.any_of(mention.target_id):
            correct(self._store, self._writer, self._platform(mention.platform).text_rules, mention)

    def end_as_failed(self, job: Job, reply: ReplyRow, reason: str, detail: str) -> None:
        """It was not sent, and will not be: so the mention ends, unless it was a notice or a correction."""
        log.warning("reply_failed", mention=reply.mention_id, kind=reply.kind, reason=reason, detail=detail)
        with self._store.transaction():
            self._store.queue.finish(job)
            self._store.outbox.failed(reply.id, reason, detail)
            self._store.events.add("reply_failed", reply.mention_id, {"kind": reply.kind, "reason": reason})
            if reply.kind in {"verdict", "failure"}:
                self._store.mentions.failed(reply.mention_id, reason, detail)
        if reply.kind in {"verdict", "failure"}:
            self._closed(reply.mention_id, None)
