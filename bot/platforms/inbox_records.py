"""The JSON of the platform `inbox`: one record is one post, a mention or another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import from_json

from bot.platforms.base import Account, Attachment, Post
from bot.platforms.text import http_urls

_log = structlog.get_logger(__name__)

# An id is also a file name: no path separators, no leading dot, and short enough with its `.json`.
_POST_ID = re.compile(r"[^/\\\x00-\x1f.][^/\\\x00-\x1f]{0,99}")

_PostId = Annotated[str, StringConstraints(pattern=f"^{_POST_ID.pattern}$")]
_HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$", max_length=4096)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=300)]
_Model = TypeVar("_Model", bound=BaseModel)


class MalformedRecord(Exception):
    """A record that is not what the inbox's format says; the message names the field and the fault."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class AccountRecord(_Record):
    """Somebody: ``handle`` is without the leading @."""

    id: _Name
    handle: _Name
    is_bot: bool = False

    def account(self) -> Account:
        """The plain value."""
        return Account(self.id, self.handle, self.is_bot)


class AttachmentRecord(_Record):
    """One medium: ``file`` is a path in the inbox, ``url`` an address on the web; one of them is there."""

    file: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    url: _HttpUrl | None = None
    mime: str | None = None
    alt_text: str | None = None
    sensitive: bool = False

    def url_in(self, folder: Path) -> str:
        """The http(s) URL, or the file: URL of a file that lies in the folder, links followed.

        Raises:
            MalformedRecord: the file lies elsewhere, or nothing is named.
        """
        if self.file is None:
            if self.url is None:
                raise MalformedRecord("names neither a file nor a url")
            return self.url
        try:
            path = (folder / self.file).resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a NUL in the name
            raise MalformedRecord(f"{self.file!r} is no path") from error
        if not path.is_relative_to(folder):
            raise MalformedRecord(f"{self.file!r} leads out of the inbox")
        return path.as_uri()


class TombstoneRecord(_Record):
    """A post that cannot be seen: deleted, or hidden from the bot."""

    state: Literal["deleted", "hidden"]


class PostRecord(_Record):
    """A post with the fields of `bot.platforms.base.Post`.

    ``created_at`` is ISO 8601 with an offset. ``links`` are found in the text where the record has none.
    """

    id: _PostId
    author: AccountRecord
    created_at: AwareDatetime
    text: str = ""
    url: _HttpUrl | None = None
    language: str | None = None
    attachments: tuple[AttachmentRecord, ...] = ()
    links: tuple[_HttpUrl, ...] | None = None
    parent_id: str | None = None
    quoted_id: str | None = None
    boosted_id: str | None = None
    addressed: bool = True
    thread_id: str | None = None

    def post(self, folder: Path) -> Post:
        """The plain value; ``folder`` is the inbox, resolved.

        An attachment that leads out of the inbox is logged and left out.
        """
        return Post(
            id=self.id,
            author=self.author.account(),
            created_at=self.created_at,
            text=self.text,
            url=self.url,
            language=self.language,
            attachments=tuple(self._attachments(folder)),
            links=http_urls(self.text) if self.links is None else self.links,
            parent_id=self.parent_id,
            quoted_id=self.quoted_id,
            boosted_id=self.boosted_id,
            addressed=self.addressed,
            thread_id=self.thread_id,
        )

    def _attachments(self, folder: Path) -> list[Attachment]:
        found = []
        for record in self.attachments:
            try:
                url = record.url_in(folder)
                found.append(Attachment(url, record.mime, record.alt_text, record.sensitive))
            except MalformedRecord as fault:
                _log.warning("attachment refused", post=self.id, cause=str(fault))
        return found


def parse_account(raw: bytes) -> Account:
    """The bot's own account.

    Raises:
        MalformedRecord: not the JSON of an account.
    """
    return _checked(AccountRecord, _as_object(raw)).account()


def parse_mention(raw: bytes) -> PostRecord:
    """One line of `mentions.jsonl`.

    Raises:
        MalformedRecord: not the JSON of a post.
    """
    return _checked(PostRecord, _as_object(raw))


def parse_post(raw: bytes) -> PostRecord | TombstoneRecord:
    """One file of `posts/`.

    Raises:
        MalformedRecord: neither a post nor the state of one that is gone.
    """
    values = _as_object(raw)
    return _checked(TombstoneRecord, values) if "state" in values else _checked(PostRecord, values)


def is_post_id(text: str) -> bool:
    """Whether this can be the id, and so the file name, of a post."""
    return _POST_ID.fullmatch(text) is not None


def _as_object(raw: bytes) -> dict[str, Any]:
    try:
        values = from_json(raw)
    except ValueError as error:
        raise MalformedRecord(f"not JSON: {error}") from error
    if not isinstance(values, dict):
        raise MalformedRecord("not a JSON object")
    return values


def _checked(model: type[_Model], values: dict[str, Any]) -> _Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise MalformedRecord(f"{where}: {first['msg']}") from error
