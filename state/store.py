"""The one door to the state file: connections, transactions, and the tables behind it by subject.

SQLite in WAL mode, one connection per thread, one writer at a time. `transaction()` is re-entrant, so that a
step of a mention can change the queue, the mention and the outbox in one commit, whoever does each part.

What is committed survives the death of the process at any instant. A power cut may lose the last few
commits, never their order: the bot then does those steps again, and the platforms' idempotency keeps a
reply from standing twice.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlite_utils import Database

from state.accounts import Accounts
from state.api_keys import ApiKeys
from state.audit import Audit
from state.cursors import Cursors
from state.errors import StoreClosed
from state.events import Events
from state.exports import Exports
from state.figures import Figures
from state.judged import Judged
from state.likenesses import Likenesses
from state.manners import Blocks, Switches
from state.media import Media
from state.mentions import Mentions
from state.migrations import migrate
from state.model import Mode, to_text
from state.outbox import Outbox
from state.pauses import Holds, Pauses
from state.posts import Posts
from state.public_pages import PublicPages
from state.queue import Queue
from state.reviews import Reviews
from state.saved_views import SavedViews
from state.spending import Spending
from state.triage import Triage

BUSY_SECONDS = 10.0
_ANOTHER_TRY = 0.01  # seconds
CHECKPOINT_PAGES = 8000  # 32 MB: a checkpoint waits for the disk, and at the default it comes every 80 steps
CACHE_KIB = 16_000


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Transaction:
    """A block of changes. A class and not a generator: every statement of a step passes through one."""

    __slots__ = ("_connection", "_outermost", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> sqlite3.Connection:
        self._store._writer.acquire()
        try:
            self._connection = self._store.db.conn
            self._outermost = not self._connection.in_transaction
            if self._outermost:
                self._connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._store._writer.release()
            raise
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self._outermost:
                return
            if kind is None:
                self._store._commit(self._connection)
        finally:
            if self._outermost and self._connection.in_transaction:
                self._connection.rollback()
            self._store._writer.release()


class Store:
    """The state file of one bot, in one mode. Safe to use from several threads."""

    def __init__(self, path: Path, mode: Mode, now: Callable[[], datetime] = _utc_now) -> None:
        """Open the file, making it and its schema where needed.

        Raises:
            SchemaTooNew: it was written by a newer version.
            sqlite3.Error: the file cannot be opened or is not a database.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.mode = mode
        self._now = now
        self._local = threading.local()
        self._writer = threading.RLock()
        self._closed = False
        migrate(self.db)
        self.cursors = Cursors(self)
        self.events = Events(self)
        self.posts = Posts(self)
        self.mentions = Mentions(self)
        self.media = Media(self)
        self.likenesses = Likenesses(self)
        self.queue = Queue(self)
        self.outbox = Outbox(self)
        self.reviews = Reviews(self)
        self.spending = Spending(self)
        self.pauses = Pauses(self)
        self.holds = Holds(self)
        self.exports = Exports(self)
        self.triage = Triage(self)
        self.saved_views = SavedViews(self)
        self.public_pages = PublicPages(self)
        self.blocks = Blocks(self)
        self.switches = Switches(self)
        self.figures = Figures(self)
        self.judged = Judged(self)
        self.accounts = Accounts(self)
        self.api_keys = ApiKeys(self)
        self.audit = Audit(self)

    def now(self) -> datetime:
        """The store's clock, aware, in UTC."""
        return self._now()

    def stamp(self) -> str:
        """The store's clock as it stands in the tables."""
        return to_text(self._now())

    @property
    def db(self) -> Database:
        """This thread's connection, for reading and for statements inside `transaction()`."""
        db: Database | None = getattr(self._local, "db", None)
        if db is None:
            if self._closed:
                raise StoreClosed("the store is closed; the process is about to end")
            db = self._connect()
            self._local.db = db
        return db

    def _connect(self) -> Database:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA cache_size = {-CACHE_KIB}")
        return Database(connection)

    def transaction(self) -> Transaction:
        """One commit for everything inside, or none of it; inner blocks join the outer one."""
        return Transaction(self)

    def _commit(self, connection: sqlite3.Connection) -> None:
        connection.execute("COMMIT")

    def rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> Iterator[dict[str, Any]]:
        """Run a query; each row as a dictionary by column."""
        cursor = self.db.conn.execute(sql, parameters)
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))

    def row(self, sql: str, parameters: tuple[Any, ...] = ()) -> dict[str, Any] | None:
        """The first row of a query, if any."""
        return next(self.rows(sql, parameters), None)

    def check_writable(self) -> None:
        """Take and release the write lock.

        Raises:
            sqlite3.Error: the file cannot be written (disk full, read-only, locked too long).
        """
        with self.transaction() as db:
            db.execute("UPDATE cursors SET cursor = cursor WHERE 0")

    def close(self) -> None:
        """Let go of every connection. Safe to call twice, and while other threads are at work.

        A connection that is in the middle of a statement is closed when that thread lets go of it: closing it
        under the thread's hands would crash the interpreter.
        """
        self._closed = True
        self._local = threading.local()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Give the file its write-ahead log, which it keeps.

    Of several that do so to a new file at once SQLite refuses all but one on the spot, whatever the time-out.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_ANOTHER_TRY)
        else:
            return
