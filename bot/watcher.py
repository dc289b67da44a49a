"""The watcher: one platform's mentions, page by page, into the store."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from bot.flow import Flow
from bot.platforms.base import Platform

log = structlog.get_logger()


class Watcher:
    """Reads what is new since the stored cursor. On the very first start that is: nothing before now."""

    def __init__(
        self,
        platform: Platform,
        flow: Flow,
        *,
        from_the_start: bool,
        page_pause: float,
        stopping: threading.Event,
        on_new: Callable[[], None],
    ) -> None:
        """`from_the_start` takes up everything that the platform still lists on the very first start.

        `page_pause` is the time in seconds between two pages of one look.
        """
        self._platform = platform
        self._flow = flow
        self._from_the_start = from_the_start
        self._page_pause = page_pause
        self._stopping = stopping
        self._on_new = on_new
        self.caught_up = False
        self.new = 0

    def run_once(self) -> None:
        """Store every page that is there, each before its cursor.

        Raises:
            PlatformError: the platform could not be read; what was stored stays stored.
        """
        cursor = self._cursor()
        more = True
        while more and not self._stopping.is_set():
            page = self._platform.mentions(cursor)
            new = self._flow.accept(self._platform, page)
            if new:
                self.new += new
                log.info("mentions_stored", platform=self._platform.name, new=new)
                self._on_new()
            cursor, more = page.cursor, page.more
            if more:
                self._stopping.wait(self._page_pause)
        self.caught_up = not more

    def _cursor(self) -> str:
        cursors, name = self._flow.store.cursors, self._platform.name
        cursor = cursors.get(name)
        if cursor is None:
            start = self._from_the_start
            cursor = self._platform.cursor_at_start() if start else self._platform.cursor_at_now()
            cursors.set(name, cursor)
        return cursor
