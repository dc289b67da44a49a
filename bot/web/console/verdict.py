"""The verdict page: a mention or a medium with all that is known of it, and what can be done about it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from analysis.ensemble.combine import ReviewLabel
from analysis.model import Band
from bot.actions import Actions
from bot.evidence import EvidenceRoom, drawing_by
from bot.web.console import media
from bot.web.console.as_posted import Preview, preview, rules_of
from bot.web.console.cards import card_address
from bot.web.console.desk import Desk
from bot.web.console.media import Digest
from bot.web.console.showing import Deed, Showing, timing_of
from state.errors import NotFound
from state.model import ReplyRow

LABELS = {
    ReviewLabel.REAL: "Real",
    ReviewLabel.FAKE: "Fake",
    ReviewLabel.MANIPULATED: "Manipulated",
    ReviewLabel.SATIRE: "Satire",
    ReviewLabel.CANNOT_TELL: "Cannot tell",
}
Done = Annotated[str, Query(pattern="^[0-9,]{0,400}$")]
Refused = Annotated[int, Query(ge=0)]


def router(desk: Desk) -> APIRouter:
    """`/mentions/ID` and `/media/SHA256`, with the media themselves."""
    routes = APIRouter(include_in_schema=False)
    room = _evidence_room(desk)
    actions = Actions(desk.store, desk.writer, desk.platforms, desk.keeper)
    showing = Showing(desk, room, actions)
    routes.include_router(media.router(desk, room))

    @routes.get("/mentions/{mention_id}")
    def mention(
        request: Request,
        mention_id: Annotated[int, Path(ge=1, lt=2**62)],
        done: Done = "",
        refused: Refused = 0,
    ) -> Response:
        try:
            view = showing.mention(mention_id)
        except NotFound as error:
            raise HTTPException(404, str(error)) from None
        platform = desk.platforms.get(view.mention.platform)
        return desk.pages.page(
            request,
            "verdict.html",
            view=view,
            limit=platform.text_rules.max_length if platform else None,
            labels=LABELS,
            bands=list(Band),
            timing_of=timing_of,
            preview_of=lambda reply: _preview_of(desk, reply, view.mention.platform),
            just_done=_just_done(view.deeds, done),
            refused=refused,
            public_page=desk.store.public_pages.of_mention(mention_id),
        )

    @routes.get("/media/{sha256}")
    def medium(request: Request, sha256: Digest, done: Done = "", refused: Refused = 0) -> Response:
        try:
            view, deeds = showing.medium(sha256)
        except NotFound as error:
            raise HTTPException(404, str(error)) from None
        return desk.pages.page(
            request,
            "medium.html",
            item=view,
            deeds=deeds,
            labels=LABELS,
            timing_of=timing_of,
            just_done=_just_done(deeds, done),
            refused=refused,
        )

    return routes


def _preview_of(desk: Desk, reply: ReplyRow, platform: str) -> Preview:
    """A stored reply as it looks on its platform."""
    image, description = card_address(desk, reply)
    rules = rules_of(desk.platforms, platform)
    return preview(reply.text, reply.language, platform, rules, image=image, image_alt_text=description)


def _just_done(deeds: tuple[Deed, ...], done: str) -> list[Deed]:
    """Those of the deeds whose numbers the address names: what the form before this page has done."""
    numbers = set(filter(None, done.split(",")))
    return [deed for deed in deeds if str(deed.number) in numbers]


def _evidence_room(desk: Desk) -> EvidenceRoom:
    draw = drawing_by(desk.analyzer)
    return EvidenceRoom(desk.settings.data_dir / "evidence", desk.resolver.path, draw)
