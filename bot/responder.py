"""The responder: sends what is in the outbox, oldest first, never faster than the platform allows."""

from __future__ import annotations

import threading

from bot.flow import Flow
from bot.platforms.base import Platform
from bot.workers import Workers
from state.model import Job, Step

UNPACED_PLACES = 4
NOTICES_AT_ONCE = 20


class Responder:
    """One platform's replies, at its pace."""

    def __init__(self, platform: Platform, flow: Flow, *, stopping: threading.Event) -> None:
        """Nothing is sent before `run_once` or `wake`."""
        self._platform = platform
        self._flow = flow
        self._stopping = stopping
        # A platform that sets no pace is limited by waiting alone, which several can do at once.
        places = 1 if platform.limits.min_reply_interval else UNPACED_PLACES
        self.sending = Workers(f"send-{platform.name}", places, self._claim, self._send)

    def run_once(self) -> None:
        """Write the notices that are due and send the replies that are due."""
        while not self._stopping.is_set() and (
            notices := self._flow.claim(Step.NOTICE, (self._platform.name,), NOTICES_AT_ONCE)
        ):
            for notice in notices:
                self._flow.run(notice)
        self.wake()

    def wake(self) -> None:
        """Send what is due, now rather than at the next pass."""
        self.sending.top_up()

    def _claim(self, limit: int) -> list[Job]:
        names = (self._platform.name,)
        jobs = self._flow.claim(Step.RETRACT, names, limit)
        return jobs + self._flow.claim(Step.SEND, names, limit - len(jobs)) if len(jobs) < limit else jobs

    def _send(self, job: Job) -> None:
        self._flow.run(job)
        self._stopping.wait(self._platform.limits.min_reply_interval)
