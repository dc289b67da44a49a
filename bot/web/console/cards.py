"""The cards that go with replies: of those that stand, and of those that a try would make."""

from __future__ import annotations

from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Response
from fastapi.responses import FileResponse

from bot.assembly import media_limits
from bot.card import Thumbnail
from bot.card.cards import SECONDS, drawn, has_card
from bot.card.words import card_of, description_of
from bot.replies import Context, ReplyKind, ReplyText
from bot.thumbnails import NoThumbnail, Thumbnails
from bot.tried import Try
from bot.web.console.desk import Desk
from bot.web.console.media import ALONE
from bot.web.console.pages import BASE
from state.errors import NotFound
from state.model import ReplyRow, ReplyState


def router(desk: Desk) -> APIRouter:
    """`/replies/ID/card.png`."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/replies/{reply_id}/card.png")
    def card(reply_id: Annotated[int, Path(ge=1, lt=2**62)]) -> Response:
        try:
            reply = desk.store.outbox.get(reply_id)
        except NotFound as error:
            raise HTTPException(404, str(error)) from None
        if desk.cards is None or not has_card(reply):
            raise HTTPException(404, "no card goes with this reply")
        file, _ = desk.cards.of(reply)
        return FileResponse(file, media_type="image/png", headers=ALONE)

    return routes


def card_address(desk: Desk, reply: ReplyRow) -> tuple[str, str] | tuple[None, None]:
    """Where the card of a reply is, and its alternative text; nothing where there is none."""
    description = desk.cards.description(reply) if desk.cards is not None else None
    return (f"{BASE}/replies/{reply.id}/card.png", description) if description else (None, None)


def described(each: Try, text: ReplyText, context: Context) -> str:
    """The alternative text of a try's card. Some medium of the try has a band."""
    row = _as_row(each, text, context)
    return description_of(row, card_of(row, context))


def card_of_try(desk: Desk, each: Try, text: ReplyText, context: Context) -> bytes:
    """The card that would go with a try's reply. Some medium of the try has a band."""
    row = _as_row(each, text, context)
    shown = Thumbnail(desk.settings.reply.card_medium)
    small = _small(desk, each, context) if shown is not Thumbnail.NONE else None
    return drawn(row, card_of(row, context), small, shown)


def _small(desk: Desk, each: Try, context: Context) -> bytes | None:
    """A small picture of the first medium that the band is about."""
    index = next(n for n, medium in enumerate(context.media) if medium.band is context.band)
    stored = each.media[index].stored
    assert stored is not None
    limits = media_limits(desk.settings)
    made = Thumbnails(each.folder / "thumbnails", each.files.path, limits)
    with closing(made) as thumbnails, suppress(NoThumbnail, TimeoutError):
        return thumbnails.get(stored.sha256).result(SECONDS)
    return None


def _as_row(each: Try, text: ReplyText, context: Context) -> ReplyRow:
    return ReplyRow(
        id=0,
        mention_id=0,
        kind=ReplyKind.VERDICT,
        revision=0,
        key=each.id,
        state=ReplyState.QUEUED,
        in_reply_to="",
        text=text.text,
        language=text.language,
        wording=text.wording,
        band=context.band,
        created_at=datetime.fromtimestamp(each.began, UTC),
        sent_at=None,
        platform_id=None,
        url=None,
    )
