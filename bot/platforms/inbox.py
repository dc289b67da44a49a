"""The platform `inbox`: a folder of posts instead of a network, for offline use, demonstrations and tests.

    account.json     {"id", "handle"}: the bot
    mentions.jsonl   append-only, one post a line: the posts that tag the bot
    posts/ID.json    other posts; {"state": "deleted"} or {"state": "hidden"} for one that cannot be seen
    media/           the attached files, by convention; an attachment names a path in the inbox, or a URL
    replies.jsonl    what the bot answers (`bot.platforms.reply_log`)

The fields of a post are those of `bot.platforms.inbox_records.PostRecord`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import structlog

from bot.errors import ConfigError, PlatformUnavailable, PostGone, PostHidden, ReplyRefused
from bot.platforms.access import Access
from bot.platforms.base import Account, Draft, Limits, Page, Post, SentReply, TextRules
from bot.platforms.inbox_index import MentionIndex
from bot.platforms.inbox_records import (
    MalformedRecord,
    PostRecord,
    is_post_id,
    parse_account,
    parse_mention,
    parse_post,
)
from bot.platforms.jsonl import LONGEST_LINE, Line, complete_lines
from bot.platforms.reply_log import ReplyLog
from bot.platforms.text import graphemes

_log = structlog.get_logger(__name__)


class InboxPlatform:
    """A folder as a social network. Several processes and threads may use one folder at a time.

    A cursor is "BYTES:LINES" behind the last line of `mentions.jsonl` that was read. Where the file does not
    go that far, or no line ends there, it was rewritten: reading starts again at its beginning, and callers
    recognise what they have seen by its id.

    Raises:
        ConfigError: no such folder, or no usable `account.json` in it.
    """

    name = "inbox"

    def __init__(self, folder: Path, *, page_size: int = 100) -> None:
        if not folder.is_dir():
            raise ConfigError(f"inbox.folder: {folder} is not a folder; create it with an account.json in it")
        self._folder = folder.resolve()
        self._account = _read_account(self._folder / "account.json")
        self._mentions = self._folder / "mentions.jsonl"
        self._index = MentionIndex(self._mentions)
        self._replies = ReplyLog(self._folder / "replies.jsonl")
        self.file_root: Path | None = self._folder
        self.limits = Limits(min_poll_interval=0.0, min_reply_interval=0.0, page_size=page_size)
        self.text_rules = TextRules(max_length=500, measure=graphemes)

    def me(self) -> Account:
        """The bot's own account, as `account.json` names it."""
        return self._account

    def cursor_at_now(self) -> str:
        """A cursor behind the last complete line; counts the lines once."""
        with self._opened() as file:
            end = lines = 0
            for line in complete_lines(file, 0):
                end, lines = line.end, lines + 1
        return f"{end}:{lines}"

    def cursor_at_start(self) -> str:
        """A cursor before the first line."""
        return "0:0"

    def mentions(self, cursor: str) -> Page:
        """The next ``limits.page_size`` lines, oldest first; a line that is no post is logged.

        Raises:
            PlatformUnavailable: the file cannot be read.
        """
        with self._opened() as file:
            offset, number = _position(file, cursor)
            lines = complete_lines(file, offset)
            posts = []
            for line in islice(lines, self.limits.page_size):
                offset, number = line.end, number + 1
                record = _mention_in(line, number)
                if record is not None:
                    posts.append(record.post(self._folder))
            more = next(lines, None) is not None
        posts.sort(key=lambda post: post.created_at)
        return Page(tuple(posts), f"{offset}:{number}", more)

    def fetch_post(self, post_id: str) -> Post:
        """One post, from `posts/` or, where it has no file there, from the mentions.

        Raises:
            PostGone: deleted, or in neither place. PostHidden: hidden from the bot.
            PlatformUnavailable: its file cannot be read, or is no record.
        """
        if not is_post_id(post_id):
            raise PostGone(f"there is no post {post_id!r}: ids hold no path separators and no leading dot")
        path = self._folder / "posts" / f"{post_id}.json"
        try:
            raw = _read(path)
        except FileNotFoundError:
            return self._fetch_mention(post_id)
        except OSError as error:
            raise PlatformUnavailable(f"cannot read {path}: {error.strerror}") from error
        return self._visible(post_id, path, raw)

    def reply(self, draft: Draft) -> SentReply:
        """Append to `replies.jsonl`; errors as in `Platform.reply`."""
        standing = self._replies.find(draft.key)
        if standing is not None:
            return standing
        if not self.text_rules.fits(draft.text):
            raise ReplyRefused("the reply is longer than inbox takes; shorten its template")
        self.fetch_post(draft.in_reply_to)
        return self._replies.append(draft)

    def find_reply(self, draft: Draft) -> SentReply | None:
        """The reply that this draft has already become, if any."""
        return self._replies.find(draft.key)

    def retract(self, reply_id: str) -> None:
        """Note in `replies.jsonl` that the reply is taken back."""
        self._replies.retract(reply_id)

    def close(self) -> None:
        """Nothing is held open between calls."""

    def _fetch_mention(self, post_id: str) -> Post:
        try:
            record = self._index.find(post_id)
        except OSError as error:
            raise PlatformUnavailable(f"cannot read {self._mentions}: {error.strerror}") from error
        if record is None:
            raise PostGone(f"there is no post {post_id!r} in the inbox")
        return record.post(self._folder)

    def _visible(self, post_id: str, path: Path, raw: bytes) -> Post:
        try:
            record = parse_post(raw)
        except MalformedRecord as fault:
            raise PlatformUnavailable(f"{path} is no post: {fault}") from fault
        if not isinstance(record, PostRecord):
            if record.state == "hidden":
                raise PostHidden(f"the post {post_id!r} is hidden from the bot")
            raise PostGone(f"the post {post_id!r} was deleted")
        if record.id != post_id:
            raise PlatformUnavailable(f"{path} holds another post: its id is {record.id!r}")
        return record.post(self._folder)

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        """`mentions.jsonl`; no file yet is an empty one."""
        try:
            if not self._mentions.exists():
                yield BytesIO()
                return
            with self._mentions.open("rb") as file:
                yield file
        except OSError as error:
            raise PlatformUnavailable(f"cannot read {self._mentions}: {error.strerror}") from error


def create(_access: Access, *, folder: Path | None, page_size: int = 100) -> InboxPlatform:
    """The platform from its settings.

    Raises:
        ConfigError: no folder is set, or it is no inbox.
    """
    if folder is None:
        raise ConfigError(
            "inbox.folder is not set; name the folder that holds account.json and mentions.jsonl"
        )
    return InboxPlatform(folder, page_size=page_size)


def _read_account(path: Path) -> Account:
    try:
        return parse_account(_read(path))
    except OSError as error:
        raise ConfigError(f"inbox.folder: cannot read {path} ({error.strerror}); it names the bot") from error
    except MalformedRecord as fault:
        raise ConfigError(f'inbox.folder: {path}: {fault}; write {{"id": "...", "handle": "..."}}') from fault


def _read(path: Path) -> bytes:
    """At most one record's length; a longer file comes out cut, and so is no JSON."""
    with path.open("rb") as file:
        return file.read(LONGEST_LINE)


def _position(file: BinaryIO, cursor: str) -> tuple[int, int]:
    """Byte offset and line number of a cursor, or of the file's start where the cursor no longer fits it."""
    match = re.fullmatch(r"(\d{1,18}):(\d{1,18})", cursor, re.ASCII)
    if match:
        offset, number = int(match[1]), int(match[2])
        if offset == 0:
            return 0, 0
        file.seek(offset - 1)
        if file.read(1) == b"\n":
            return offset, number
    _log.warning("the inbox was rewritten: reading it from its start", cursor=cursor)
    return 0, 0


def _mention_in(line: Line, number: int) -> PostRecord | None:
    if line.raw is not None and not line.raw.strip():
        return None
    try:
        if line.raw is None:
            raise MalformedRecord(f"longer than {LONGEST_LINE} bytes")
        return parse_mention(line.raw)
    except MalformedRecord as fault:
        _log.warning("mention passed over", line=number, cause=str(fault))
        return None
