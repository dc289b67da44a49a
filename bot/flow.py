"""The flow of a mention: every state it can be in, and every step that moves it on.

    ┌─accept─▶ seen ──resolve──▶ resolved ──analyse──▶ analysed ──send──▶ answered
    │           │ └──notice──▶ (a `pending` reply, if the answer takes long)
    │           └──────────────────┴──▶ analysed (a `failure` reply is queued) ──send──▶ failed
    └─────────▶ ignored (own post, blocked, opted out, too old, nothing asked, asked already ...)

`accept` stores a page of mentions; the others are jobs of the queue. An operator can have a mention that has
come to its end looked at again, which leads back to seen or resolved and ends in `bot.second_look`, and have
a reply taken back (`retract`). Each step does its outside work
first and then commits everything that follows from it in one transaction: the mention's new state, the next
job, the reply's row, the event. A process that dies before that commit does the step again; one that dies
after it never does. The only outside effect is `send` (`bot.sending`): it marks the reply as leaving before
the request and asks the platform what stands there before any second one.

A step that fails in passing is tried again with back-off, a bounded number of times; then, and on anything
that no second try would mend, the mention ends with a named reason, and the asker is told it in one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from analysis.errors import EngineFailed
from bot.analyses import Analyses
from bot.errors import (
    CredentialsRefused,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    ResolveError,
)
from bot.holds import HOLDING, Holds
from bot.leases import Leases
from bot.manners import Manners
from bot.patience import Patience, TryAgain, until_credentials
from bot.pausing import Pausing
from bot.platforms.base import Draft, Page, Platform
from bot.request import NothingToCheck, Request, find_request
from bot.resolver import Resolver
from bot.retracting import Retracting
from bot.rows import to_new_mention, to_post, to_post_row
from bot.second_look import SecondLook
from bot.sending import Sending
from bot.taking import is_sensitive, take_media
from bot.writer import Writer
from state.errors import LeaseLost
from state.model import Job, MentionRow, PostMedium, ReplyRow, Step
from state.store import Store

log = structlog.get_logger()

MAX_INTERRUPTIONS = 20
TOO_LATE_AT_ONCE = 100


class Flow:
    """Moves mentions on. Everything that must last is in the store."""

    def __init__(
        self,
        store: Store,
        platforms: Mapping[str, Platform],
        resolver: Resolver,
        analyses: Analyses,
        writer: Writer,
        manners: Manners,
        patience: Patience,
        *,
        thread_depth: int = 4,
        pausing: Pausing | None = None,
        attach: Callable[[Draft, ReplyRow], Draft] | None = None,
        on_closed: Callable[[MentionRow, ReplyRow | None], None] | None = None,
    ) -> None:
        """Put the parts together.

        `attach` adds what goes along with a reply, and never fails; `on_closed` is told of every mention that
        has come to its end.
        """
        self.store = store
        self.platforms = platforms
        self.patience = patience
        self._resolver = resolver
        self._analyses = analyses
        self._writer = writer
        self._manners = manners
        self._thread_depth = thread_depth
        self.pausing = pausing or Pausing(store)
        self._on_closed = on_closed
        self.holds = Holds(store, timedelta(seconds=patience.give_up_after))
        self._leases = Leases(store, timedelta(seconds=patience.lease))
        self._second_look = SecondLook(store, platforms, writer)
        self._retracting = Retracting(store, platforms)
        self._sending = Sending(
            store,
            lambda name: self.platforms[name],
            writer,
            manners,
            attach or (lambda draft, _: draft),
            self._closed,
        )
        self._steps: dict[Step, Callable[[Job], None]] = {
            Step.RESOLVE: self._resolve,
            Step.ANALYSE: self._analyse,
            Step.NOTICE: self._notice,
            Step.SEND: self._sending.send,
            Step.RETRACT: self._retract,
        }

    # -- accept ------------------------------------------------------------------------------------------

    def accept(self, platform: Platform, page: Page) -> int:
        """Store a page of mentions, then the cursor behind it. Returns how many mentions were new."""
        me = platform.me()
        wait = timedelta(seconds=self.patience.notice_after)
        new = 0
        with self.store.transaction():
            for post in sorted(page.mentions, key=lambda post: post.created_at):
                if self.store.mentions.known(platform.name, post.id):
                    continue
                decision = self._manners.decide(self.store, platform.name, me, post)
                new += self.store.mentions.accept(to_new_mention(platform.name, post, decision), wait)
        self.store.cursors.set(platform.name, page.cursor)
        return new

    # -- jobs --------------------------------------------------------------------------------------------

    def claim(self, step: Step, platforms: tuple[str, ...], limit: int) -> list[Job]:
        """Take the oldest due jobs of this kind, at most so many; none of a platform that asked to wait.

        While posting is paused there is nothing to send.
        """
        if step is Step.SEND and self.pausing.reason() is not None:
            return []
        self._leases.renew()
        for platform in self.holds.too_late(step, platforms):
            self._end_too_late(step, platform)
        return self.store.queue.claim(step, self.holds.free(step, platforms), limit, self._leases.length)

    def _end_too_late(self, step: Step, platform: str) -> None:
        """End some of the jobs that a platform has refused for longer than an answer is worth."""
        before, lease = self.holds.give_up_before(), self._leases.length
        for job in self.store.queue.claim(step, (platform,), TOO_LATE_AT_ONCE, lease, queued_before=before):
            detail = f"{platform} has refused this step for {self.patience.give_up_after / 3600:g} hours"
            if job.step is Step.SEND:
                self._sending.end_as_failed(job, self.store.outbox.get(job.subject_id), "too_late", detail)
            elif job.step is Step.RETRACT:
                self._retracting.leave_standing(job, "too_late", detail)
            else:
                self._abandon(job, "too_late", detail)

    def run(self, job: Job) -> None:
        """Carry out one claimed job, whatever comes: it is done, given back for later, or given up."""
        try:
            if job.interruptions > MAX_INTERRUPTIONS:
                self._give_up(
                    job, "interrupted", f"the process died {job.interruptions} times during this step"
                )
                return
            try:
                with self._leases.working(job):
                    self._steps[job.step](job)
            except TryAgain as problem:
                self._again(job, problem)
            else:
                self.holds.passed(job)
        except LeaseLost as lost:
            log.warning("lease_lost", step=job.step, subject=job.subject_id, detail=str(lost))
        except Exception as bug:  # the edge: one bad mention never stops a loop
            log.error("step_failed", step=job.step, subject=job.subject_id, exc_info=bug)
            self._after_bug(job, f"{type(bug).__name__}: {bug}")

    def _after_bug(self, job: Job, detail: str) -> None:
        """Try again or give up; and where even that fails, end the mention without a word to the asker."""
        try:
            self._again(job, TryAgain("internal_error", detail))
        except LeaseLost as lost:
            log.warning("lease_lost", step=job.step, subject=job.subject_id, detail=str(lost))
        except Exception as bug:  # the edge again
            log.error("mention_abandoned", step=job.step, subject=job.subject_id, exc_info=bug)
            self._abandon(job, "internal_error", detail)

    def _again(self, job: Job, problem: TryAgain) -> None:
        if problem.counts and job.attempts + 1 >= self.patience.attempts:
            self._give_up(job, problem.reason, str(problem))
            return
        until = self.store.now() + self.patience.wait(job.attempts)
        if problem.until is not None:
            until = max(until, problem.until)
        due: datetime | None = until
        if problem.reason in HOLDING and not problem.counts and self.holds.begin(job, problem.reason, until):
            due = None
        log.info(
            "step_postponed",
            step=job.step,
            subject=job.subject_id,
            reason=problem.reason,
            detail=str(problem),
        )
        with self.store.transaction():
            self.store.queue.postpone(job, due, failed=problem.counts)
            self.store.events.add(
                "postponed",
                self._mention_id(job),
                {"step": job.step, "reason": problem.reason, "detail": str(problem)},
            )

    def _give_up(self, job: Job, reason: str, detail: str) -> None:
        if job.step is Step.NOTICE:
            self.store.queue.finish(job)
        elif job.step is Step.SEND:
            self._sending.end_as_failed(job, self.store.outbox.get(job.subject_id), reason, detail)
        elif job.step is Step.RETRACT:
            self._retracting.leave_standing(job, reason, detail)
        else:
            self._answer_failure(job, self.store.mentions.get(job.subject_id), reason, detail)

    def _mention_id(self, job: Job) -> int:
        return self.store.outbox.get(job.subject_id).mention_id if job.step.of_reply else job.subject_id

    # -- resolve -----------------------------------------------------------------------------------------

    def _resolve(self, job: Job) -> None:
        """Find the post that is meant and get its media onto this machine."""
        mention = self.store.mentions.get(job.subject_id)
        platform = self.platforms[mention.platform]
        try:
            request = find_request(platform, self._resolver, to_post(mention.post), self._thread_depth)
            media = self._media_of(job, platform, request)
        except NothingToCheck as nothing:
            self._nothing_to_check(job, mention, nothing)
            return
        except ResolveError as problem:
            raise TryAgain(problem.reason, str(problem), problem.retry_at) from problem
        except RateLimited as problem:
            raise TryAgain("rate_limited", str(problem), problem.retry_at, counts=False) from problem
        except CredentialsRefused as problem:
            raise until_credentials(problem, self.store.now()) from problem
        except PlatformError as problem:
            raise TryAgain("platform_unavailable", str(problem)) from problem
        with self.store.transaction():
            target_id = self.store.posts.save(to_post_row(mention.platform, request.target))
            if self.store.mentions.asked_already(mention, target_id):
                self._ignore(job, mention, "asked_already", "this person has asked for this post before")
                return
            if not job.afresh and self._thread_is_full(job, mention, request.thread):
                return
            self.store.posts.set_media(target_id, media)
            self.store.mentions.resolved(mention.id, target_id)
            if any(medium.sha256 for medium in media):
                self.store.queue.finish(job)
                self.store.queue.add(
                    Step.ANALYSE, mention.platform, mention.id, mention.created_at, afresh=job.afresh
                )
            else:
                self._answer_failure(job, mention, media[0].reason or "default", media[0].detail or "")

    def _nothing_to_check(self, job: Job, mention: MentionRow, nothing: NothingToCheck) -> None:
        with self.store.transaction():
            if nothing.reason is None:
                self._ignore(job, mention, "nothing_asked", str(nothing))
            elif not self._thread_is_full(job, mention, nothing.thread):
                self._answer_failure(job, mention, nothing.reason, str(nothing))

    def _thread_is_full(self, job: Job, mention: MentionRow, thread: str) -> bool:
        """Note the thread; where the bot has said enough in it, the mention ends."""
        self.store.mentions.set_thread(mention.id, thread)
        full = self._manners.full_thread(self.store, mention, mention.thread or thread)
        if full:
            self._ignore(job, mention, "thread_limit", "the bot has answered often in this thread today")
        return full

    def _media_of(self, job: Job, platform: Platform, request: Request) -> list[PostMedium]:
        """The media of a post, from this machine where another asker has had them fetched already."""
        known = [] if job.afresh else self.store.posts.media_of(platform.name, request.target.id)
        urls = [attachment.url for attachment in request.attachments]
        if [medium.source_url for medium in known] == urls and all(map(self._is_here, known)):
            marks = map(is_sensitive, request.attachments)  # they may have come since
            return [replace(medium, sensitive=mark) for medium, mark in zip(known, marks, strict=True)]
        last_try = job.attempts + 1 >= self.patience.attempts
        return take_media(self._resolver, request, file_root=platform.file_root, last_try=last_try)

    def _is_here(self, medium: PostMedium) -> bool:
        return medium.sha256 is not None and self._resolver.path(medium.sha256).exists()

    # -- analyse -----------------------------------------------------------------------------------------

    def _analyse(self, job: Job) -> None:
        """Have every medium judged, then queue the answer."""
        mention = self.store.mentions.get(job.subject_id)
        assert mention.target_id is not None
        try:
            judgement = self._analyses.judge(self.store.posts.media(mention.target_id), afresh=job.afresh)
        except EngineFailed as problem:
            raise TryAgain("engine_failed", str(problem)) from problem
        if judgement.failure is not None:
            self._answer_failure(job, mention, *judgement.failure)
            return
        rules = self.platforms[mention.platform].text_rules
        with self.store.transaction():
            self.store.queue.finish(job)
            if self._second_look.judged(mention):
                return
            self.store.outbox.withdraw_pending(mention.id)
            self.store.outbox.add(mention, self._writer.verdict(mention, rules, judgement))
            self.store.mentions.analysed(mention.id, judgement.post.band)

    # -- notice ------------------------------------------------------------------------------------------

    def _notice(self, job: Job) -> None:
        """The answer takes long: say so, once."""
        with self.store.transaction():
            self.store.queue.finish(job)
            mention = self.store.mentions.get(job.subject_id)
            if mention.state.under_way:
                rules = self.platforms[mention.platform].text_rules
                self.store.outbox.add(mention, self._writer.pending(mention, rules))

    # -- retract -----------------------------------------------------------------------------------------

    def _retract(self, job: Job) -> None:
        """Take back a reply that stands."""
        try:
            self._retracting.take_back(job)
        except RateLimited as problem:
            raise TryAgain("rate_limited", str(problem), problem.retry_at, counts=False) from problem
        except (PlatformUnavailable, OutcomeUnknown) as problem:
            raise TryAgain("platform_unavailable", str(problem)) from problem
        except CredentialsRefused as problem:
            raise until_credentials(problem, self.store.now()) from problem

    # -- ends --------------------------------------------------------------------------------------------

    def _ignore(self, job: Job, mention: MentionRow, reason: str, detail: str) -> None:
        with self.store.transaction():
            self.store.queue.finish(job)
            if self._second_look.failed(mention, reason, detail):
                return
            self.store.mentions.ignored(mention.id, reason, detail)
        self._closed(mention.id, None)

    def _answer_failure(self, job: Job, mention: MentionRow, reason: str, detail: str) -> None:
        """It ends here: queue the reply that says why."""
        rules = self.platforms[mention.platform].text_rules
        with self.store.transaction():
            self.store.queue.finish(job)
            if self._second_look.failed(mention, reason, detail):
                return
            self.store.mentions.set_reason(mention.id, reason, detail)
            self.store.outbox.withdraw_pending(mention.id)
            self.store.outbox.add(mention, self._writer.failure(mention, rules, reason))
            self.store.mentions.analysed(mention.id, None)

    def _abandon(self, job: Job, reason: str, detail: str) -> None:
        """It ends here, and the asker is not told."""
        mention_id = self._mention_id(job)
        with self.store.transaction():
            self.store.queue.finish(job)
            mention = self.store.mentions.get(mention_id)
            if not job.step.of_reply and self._second_look.failed(mention, reason, detail):
                return
            self.store.mentions.failed(mention_id, reason, detail)
        self._closed(mention_id, None)

    def _closed(self, mention_id: int, reply: ReplyRow | None) -> None:
        if self._on_closed is not None:
            self._on_closed(self.store.mentions.get(mention_id), reply)
