"""The cards of replies: drawn when first asked for, and kept while the medium that they show is.

DATA_DIR/cards/SHA256/REPLY-blurred.png    SHA256 of the medium, or `none`; REPLY is the reply's key
"""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from bot.card.draw import Card, Thumbnail, can_write, draw
from bot.card.words import card_of, description_of, plain_card_of
from bot.platforms.base import Draft
from bot.replies.model import Context
from bot.reviews import judgement_of
from bot.thumbnails import NoThumbnail, Thumbnails
from bot.writer import results_of
from state.model import ReplyRow
from state.store import Store

log = structlog.get_logger()

SECONDS: Final = 10.0
"""A card waits this long for its medium's picture, then does without."""
_KINDS: Final = {"verdict", "correction"}
_NO_MEDIUM: Final = "none"


class Cards:
    """Draws and keeps them."""

    def __init__(self, store: Store, folder: Path, thumbnails: Thumbnails, shown: Thumbnail) -> None:
        """`shown` is how media are seen on cards; one that is marked as sensitive is never seen clearly."""
        self._store = store
        self._folder = folder
        self._thumbnails = thumbnails
        self._shown = shown

    def attach(self, draft: Draft, reply: ReplyRow) -> Draft:
        """The draft with its card; as it was where the reply has none, or it cannot be drawn."""
        if not has_card(reply):
            return draft
        try:
            image, description = self.of(reply)
        except Exception as problem:  # the edge: no picture is worth a reply
            log.error("no_card", reply=reply.id, exc_info=problem)
            return draft
        return replace(draft, image=image, image_alt_text=description)

    def of(self, reply: ReplyRow) -> tuple[Path, str]:
        """The card's file and its alternative text. The reply is a verdict or correction with a band.

        Raises:
            OSError: it cannot be kept.
        """
        mention = self._store.mentions.get(reply.mention_id)
        post = judgement_of(self._store, mention).post
        card = card_of(reply, Context(media=results_of(post)))
        assert mention.target_id is not None
        media = self._store.posts.media(mention.target_id)
        medium = media[post.worst.index - 1]
        shown = self._shown.of(sensitive=medium.sensitive)
        sha256 = medium.sha256 if shown is not Thumbnail.NONE else None
        writable = _writable(reply, card)
        file = self._folder / (sha256 or _NO_MEDIUM) / f"{_digest(writable)}-{shown}.png"
        if not file.exists():
            small = self._thumbnail(sha256) if sha256 else None
            _keep(file, draw(writable, small, shown))
        return file, description_of(reply, card)

    def description(self, reply: ReplyRow) -> str | None:
        """The card's alternative text; None where the reply has no card."""
        if not has_card(reply):
            return None
        post = judgement_of(self._store, self._store.mentions.get(reply.mention_id)).post
        return description_of(reply, card_of(reply, Context(media=results_of(post))))

    def close(self) -> None:
        """Release what makes the small pictures."""
        self._thumbnails.close()

    def _thumbnail(self, sha256: str) -> bytes | None:
        with contextlib.suppress(NoThumbnail, TimeoutError, CancelledError):
            return self._thumbnails.get(sha256).result(SECONDS)
        return None


def has_card(reply: ReplyRow) -> bool:
    """Whether a card goes with a reply of this kind."""
    return reply.kind in _KINDS and reply.band is not None


def drawn(reply: ReplyRow, card: Card, small: bytes | None, shown: Thumbnail) -> bytes:
    """A reply's card as a PNG, with a small picture of its medium; in plain form where no font here has
    its signs.
    """
    return draw(_writable(reply, card), small, shown)


def _writable(reply: ReplyRow, card: Card) -> Card:
    return card if can_write(card) else plain_card_of(reply)


def _digest(card: Card) -> str:
    return hashlib.sha256(repr(card).encode()).hexdigest()[:24]


def _keep(file: Path, content: bytes) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.with_name(f"partial-{uuid.uuid4().hex}")
    try:
        partial.touch(mode=0o600)
        partial.write_bytes(content)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
