"""Tries: the whole way from a link or a file to the reply, for an operator to see.

Nothing of it becomes a row of the state file, and nothing is posted.

    FOLDER/ID/media/...       what was fetched or uploaded
              evidence/...    pictures, where they were asked for

All of it goes when the try is forgotten: an hour after it began, when an operator says so, at the next start.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from analysis.errors import EngineFailed
from bot.errors import BotError, ResolveError, ResolveFailure
from bot.evidence import EvidenceRoom
from bot.judging import Fault, Judge
from bot.resolver.media_store import MediaStore
from bot.serve.desk import State
from bot.tried import Stage, Try

if TYPE_CHECKING:
    from analysis.model import Analysis, Analyzer
    from bot.evidence import Draw
    from bot.resolver import Attempt, MediumRef, Resolution, Resolver, StoredMedium

log = structlog.get_logger()

AT_ONCE: Final = 2
"""So many are worked on at a time; the bot's own mentions go on beside them."""
MOST: Final = 8
"""So many may wait or be worked on."""
MOST_KEPT: Final = 50
KEEP_SECONDS: Final = 3600.0


class NoRoom(BotError):
    """No further try can be begun now."""


class TryRoom:
    """Where tries are worked on and remembered. Safe to use from many threads."""

    def __init__(
        self,
        folder: Path,
        resolver: Resolver,
        analyzer: Analyzer,
        draw: Draw | None = None,
        *,
        keep_seconds: float = KEEP_SECONDS,
    ) -> None:
        """`folder` is nobody else's: what an earlier process left in it goes. `draw` is `EvidenceRoom`'s."""
        shutil.rmtree(folder, ignore_errors=True)
        self._folder = folder
        self._resolver = resolver
        self._analyzer = analyzer
        self._draw = draw
        self._keep = keep_seconds
        self._tries: dict[str, Try] = {}
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def begin_url(self, url: str, operator: str) -> Try:
        """Try the media of a link.

        Raises:
            NoRoom: this operator has one under way, or too many others have.
        """
        return self._begin(url, operator, None)

    def begin_file(self, path: Path, name: str, operator: str) -> Try:
        """Try a file of this machine, which is moved; `name` is what its sender calls it.

        Raises:
            NoRoom: as `begin_url`.
        """
        return self._begin(name, operator, path)

    def find(self, number: str) -> Try | None:
        """The try of that id, if it is still known."""
        with self._lock:
            return self._tries.get(number)

    def of(self, operator: str) -> list[Try]:
        """An operator's tries, the newest first."""
        with self._lock:
            return [each for each in reversed(self._tries.values()) if each.operator == operator]

    def forget(self, number: str) -> None:
        """Give a try up and delete all that there is of it, the file first of all."""
        with self._lock:
            each = self._tries.pop(number, None)
            if each is None:
                return
            each.forgotten = True
            over = each.ended is not None
        each.give_up()
        if over:
            self._remove(each)

    @contextmanager
    def receiving(self) -> Iterator[Path]:
        """An empty folder for a file that is being uploaded; it goes in the end with what is left in it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def _begin(self, given: str, operator: str, upload: Path | None) -> Try:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock:
            under_way = [each for each in self._tries.values() if each.ended is None]
            if any(each.operator == operator for each in under_way):
                raise NoRoom("your last try is still under way; wait for it, or forget it")
            if len(under_way) >= MOST:
                raise NoRoom("too many tries are under way; begin yours in a minute")
            place = Path(tempfile.mkdtemp(dir=self._folder))
            files = MediaStore(place / "media")
            room = EvidenceRoom(place / "evidence", files.path, self._draw)
            each = Try(given, operator, place, files, room, is_upload=upload is not None)
            if upload is not None:
                upload.replace(place / "upload")
            self._tries[each.id] = each
            surplus = [old.id for old in self._tries.values() if old.ended is not None][:-MOST_KEPT]
        for number in surplus:
            self.forget(number)
        over = threading.Timer(self._keep, self.forget, (each.id,))
        over.daemon = True
        over.start()
        threading.Thread(target=self._work, args=(each,), name="try", daemon=True).start()
        return each

    def _work(self, each: Try) -> None:
        try:
            with self._places:
                if not each.forgotten:
                    self._judge(each)
        except Exception as bug:  # the edge of this thread: every try ends
            log.error("try_failed", given=each.given, exc_info=bug)
            each.fault = Fault("engine_failed", f"{type(bug).__name__}; the log says more", unusable=False)
        with self._lock:
            each.end()
            forgotten = each.forgotten
        if forgotten:
            self._remove(each)

    def _judge(self, each: Try) -> None:
        judge = Judge(lambda: _Asked(self._analyzer, each), lambda: _Watched(self._resolver, each))
        if each.is_upload:
            medium = each.expect(1)[0]
            medium.stored = each.files.adopt(each.folder / "upload")
            medium.note(Stage("received", f"{medium.stored.size:,} bytes, {medium.stored.mime}"))
            each.state = State.ANALYSING
            started = judge.start_file(medium.stored.path, each.given)
        else:
            each.state = State.FETCHING
            started = judge.start_url(each.given)
            each.state = State.ANALYSING
        each.fault = started.finish().fault
        for medium in each.media:
            medium.settle()

    def _remove(self, each: Try) -> None:
        each.files.close()
        shutil.rmtree(each.folder, ignore_errors=True)


class _Watched:
    """The resolver, bringing media into one try's folder and telling the try of each step."""

    def __init__(self, resolver: Resolver, each: Try) -> None:
        self._resolver = resolver.into(each.files)
        self._try = each

    def resolve(self, url: str) -> Resolution:
        def tell(attempt: Attempt) -> None:
            self._try.attempts.append(attempt)

        found = self._resolver.resolve(url, tell)
        self._try.found = found
        for medium, ref in zip(self._try.expect(len(found.media)), found.media, strict=True):
            medium.url, medium.alt_text = ref.url, ref.alt_text
        return found

    def fetch(self, ref: MediumRef, *, file_root: Path | None) -> StoredMedium:
        medium = next(each for each in self._try.media if each.is_untouched)
        began = time.monotonic()
        try:
            if self._try.forgotten:
                raise ResolveError(ResolveFailure.NETWORK, "the try was given up")
            stored = self._resolver.fetch(ref, file_root=file_root)
        except ResolveError as error:
            medium.fault = Fault(error.reason.value, str(error))
            medium.note(Stage("fetch", str(error), time.monotonic() - began, ok=False))
            raise
        medium.stored = stored
        medium.note(Stage("fetch", f"{stored.size:,} bytes, {stored.mime}", time.monotonic() - began))
        return stored


class _Asked:
    """The engine, asked about the medium of a try that was brought last."""

    def __init__(self, analyzer: Analyzer, each: Try) -> None:
        self._analyzer = analyzer
        self._try = each

    def submit(self, path: Path) -> Future[Analysis]:
        medium = next(each for each in reversed(self._try.media) if each.stored is not None)
        try:
            medium.future = self._analyzer.submit(path, on_stage=medium.tell)
        except EngineFailed as error:
            medium.fault = Fault("engine_failed", str(error), unusable=False)
            raise
        if self._try.forgotten:
            medium.future.cancel()
        return medium.future
