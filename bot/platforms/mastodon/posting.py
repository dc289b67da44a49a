"""The bot's own statuses: replying once, finding what stands, taking it back.

Mastodon keeps an `Idempotency-Key` for an hour, and other servers do not look at it. So before anything is
posted, the bot's own statuses since the mention are read, and a reply that says the same is taken for it.
"""

from __future__ import annotations

import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog
from pydantic import BaseModel

from bot.errors import PlatformUnavailable, PostGone, ReplyRefused
from bot.platforms.base import Account, Draft, SentReply
from bot.platforms.mastodon.client import OF_A_REPLY, Client, Meanings
from bot.platforms.mastodon.fields import AttachmentFields, InstanceFields, StatusFields
from bot.platforms.mastodon.length import status_length
from bot.platforms.mastodon.mentions import is_newer
from bot.platforms.mastodon.plain import plain
from bot.platforms.mastodon.reading import without_leading_handles

_log = structlog.get_logger(__name__)

OWN_PAGE = 40
OWN_PAGES = 25
"""So many pages of the bot's own statuses are read back."""

PICTURE_LOOKS = 3
PICTURE_PAUSE = 0.5
KEPT_UPLOADS = 256
_OF_A_PICTURE: Meanings = dict.fromkeys((400, 404, 410, 413, 415, 422), ReplyRefused)
_WIDENESS = {"direct": 0, "unlisted": 1, "public": 2}


class _Anything(BaseModel):
    """An answer of which nothing is read."""


def visibility_of(asked: str, widest: str) -> str:
    """How widely an answer is seen: never more than the mention is, nor than is configured.

    The followers of whoever asked are not the bot's, so what is for followers is answered directly.
    """
    return min(asked if asked in _WIDENESS else "direct", widest, key=_WIDENESS.__getitem__)


class Poster:
    """Posts, finds and deletes statuses of one account."""

    def __init__(self, client: Client, widest: str, fetch: Callable[[str], StatusFields]) -> None:
        """``fetch`` reads a status anew; ``widest`` is the most visible that a reply may be."""
        self._client = client
        self._widest = widest
        self._fetch = fetch
        self._guard = threading.Lock()
        self._uploads: OrderedDict[str, str] = OrderedDict()

    def reply(self, me: Account, instance: InstanceFields, draft: Draft) -> SentReply:
        """Post a reply, unless it stands already; errors as in `Platform.reply`."""
        standing = self.find(me, draft)
        if standing is not None:
            return standing
        target = self._fetch(draft.in_reply_to)
        text = self._addressed(target, instance, draft.text)
        picture = self._picture(draft)
        try:
            made = self._post(target, text, draft, picture)
        except ReplyRefused:
            if picture is None:
                raise
            self._forget(draft)
            _log.warning("picture_left_out", reason="the reply was refused with it", key=draft.key)
            made = self._post(target, text, draft, None)
        self._forget(draft)
        if made.in_reply_to_id is None:
            # Some servers post it all the same when the mention has just gone: then it stands alone.
            self.retract(made.id)
            raise PostGone("the mention went away while it was answered")
        return _sent(made)

    def find(self, me: Account, draft: Draft) -> SentReply | None:
        """The bot's reply to that post with that text.

        Raises:
            PlatformUnavailable: more statuses than are read back lie between, so nobody can say.
        """
        wanted = _comparable(without_leading_handles(draft.text))
        below: str | None = None
        for _ in range(OWN_PAGES):
            page = self._own(me, below)
            for status in page:
                said = without_leading_handles(plain(status.content).text)
                if status.in_reply_to_id == draft.in_reply_to and _comparable(said) == wanted:
                    return _sent(status)
            # Ids follow the clocks of other servers, so only beyond the newest page do they say where to end.
            if not page or not is_newer(page[-1].id, draft.in_reply_to):
                return None
            if below is not None and not is_newer(below, page[-1].id):
                return None
            below = page[-1].id
        raise PlatformUnavailable("the bot has posted too much since the mention to know whether it replied")

    def retract(self, status_id: str) -> None:
        """Delete one of the bot's statuses; one that is gone already is fine."""
        with suppress(PostGone):
            self._client.ask(
                "retract",
                lambda mastodon: mastodon.status_delete(status_id),
                _Anything,
                {404: PostGone, 410: PostGone},
            )

    def _addressed(self, target: StatusFields, instance: InstanceFields, text: str) -> str:
        """The text with the asker's handle in it: without, the server does not tell them of the answer.

        Raises:
            ReplyRefused: there is no room for it, and a direct answer without it would reach nobody.
        """
        handle = f"@{target.account.acct}"
        if handle.casefold() in text.casefold().split():
            return text
        addressed = f"{handle} {text}"
        if status_length(addressed, instance.url_length) <= instance.text_limit:
            return addressed
        if visibility_of(target.visibility, self._widest) == "direct":
            raise ReplyRefused(
                f"with {handle} in front the reply is longer than allowed; shorten its template"
            )
        return text

    def _own(self, me: Account, below: str | None) -> list[StatusFields]:
        """The bot's own statuses, newest first."""
        return self._client.ask_list(
            "own_statuses",
            lambda mastodon: mastodon.account_statuses(
                me.id, max_id=below, limit=OWN_PAGE, exclude_reblogs=True
            ),
            StatusFields,
        )

    def _post(self, target: StatusFields, text: str, draft: Draft, picture: str | None) -> StatusFields:
        return self._client.ask(
            "replies",
            lambda mastodon: mastodon.status_post(
                text,
                in_reply_to_id=target.id,
                media_ids=[picture] if picture is not None else None,
                visibility=visibility_of(target.visibility, self._widest),
                language=draft.language,
                idempotency_key=draft.key,
            ),
            StatusFields,
            OF_A_REPLY,
            posts=True,
        )

    # -- pictures ----------------------------------------------------------------------------------------

    def _picture(self, draft: Draft) -> str | None:
        """The id of the draft's uploaded picture, once the server is done with it.

        An answer without its picture is better than none: what the server refuses is left out.

        Raises:
            PlatformUnavailable: the server is still working on it; the next try goes on with the same upload.
        """
        if draft.image is None:
            return None
        try:
            with self._guard:
                known = self._uploads.get(draft.key)
            return self._wait_for(known) if known is not None else self._upload(draft, draft.image)
        except (ReplyRefused, OSError) as problem:
            self._forget(draft)
            _log.warning("picture_left_out", reason=str(problem), key=draft.key)
            return None

    def _upload(self, draft: Draft, image: Path) -> str:
        raw = image.read_bytes()
        made = self._client.ask(
            "media",
            lambda mastodon: mastodon.media_post(
                raw, mime_type=_mime(raw), description=draft.image_alt_text, file_name=image.name
            ),
            AttachmentFields,
            _OF_A_PICTURE,
        )
        if made.id is None:
            raise PlatformUnavailable("the upload of a picture was answered without its id")
        with self._guard:
            self._uploads[draft.key] = made.id
            while len(self._uploads) > KEPT_UPLOADS:
                self._uploads.popitem(last=False)
        return made.id if made.url is not None else self._wait_for(made.id)

    def _wait_for(self, media_id: str) -> str:
        for look in range(PICTURE_LOOKS):
            if look:
                time.sleep(PICTURE_PAUSE)
            found = self._client.ask(
                "media", lambda mastodon: mastodon.media(media_id), AttachmentFields, _OF_A_PICTURE
            )
            if found.url is not None:
                return media_id
        raise PlatformUnavailable("the server is still working on the picture of a reply")

    def _forget(self, draft: Draft) -> None:
        with self._guard:
            self._uploads.pop(draft.key, None)


def _sent(status: StatusFields) -> SentReply:
    return SentReply(status.id, status.url or status.uri)


def _comparable(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _mime(raw: bytes) -> str:
    """The type of a picture that the bot has made itself."""
    if raw.startswith(b"\x89PNG"):
        return "image/png"
    return "image/webp" if raw[8:12] == b"WEBP" else "image/jpeg"
