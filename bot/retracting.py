"""Taking back a reply that stands: asked of the platform until it is done or refused."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from bot.errors import PostGone, PostHidden, ReplyRefused
from bot.platforms.base import Platform
from state.model import Job
from state.store import Store

log = structlog.get_logger()


class Retracting:
    """The step `retract`. Doing it twice does no harm."""

    def __init__(self, store: Store, platforms: Mapping[str, Platform]) -> None:
        self._store = store
        self._platforms = platforms

    def take_back(self, job: Job) -> None:
        """Take the reply back, or let it stand where the platform never will.

        Raises:
            RateLimited, PlatformUnavailable, OutcomeUnknown, CredentialsRefused: try again later.
        """
        reply = self._store.outbox.get(job.subject_id)
        assert reply.platform_id is not None
        try:
            self._platforms[job.platform].retract(reply.platform_id)
        except (PostHidden, ReplyRefused) as problem:
            self.leave_standing(job, "retract_refused", str(problem))
            return
        except PostGone:
            log.info("retracted_already", reply=reply.id)
        with self._store.transaction():
            self._store.queue.finish(job)
            self._store.outbox.retracted(reply.id)
            told = {"kind": reply.kind, "reply": reply.id}
            self._store.events.add("reply_retracted", reply.mention_id, told)

    def leave_standing(self, job: Job, reason: str, detail: str) -> None:
        """It could not be taken back."""
        mention_id = self._store.outbox.get(job.subject_id).mention_id
        with self._store.transaction():
            self._store.queue.finish(job)
            self._store.outbox.not_retracted(job.subject_id, reason, detail)
            told = {"reply": job.subject_id, "reason": reason, "detail": detail}
            self._store.events.add("retract_failed", mention_id, told)
