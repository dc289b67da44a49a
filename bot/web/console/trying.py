"""The try page: a link or a file goes the bot's whole way, seen step by step, and nothing is posted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from bot.accounts import Role
from bot.errors import ConfigError
from bot.evidence import drawing_by
from bot.replies import Context, ReplyKind, ReplyText, compose, languages
from bot.replies.wordings import wordings
from bot.tried import TriedMedium, Try
from bot.trying import KEEP_SECONDS, NoRoom, TryRoom
from bot.web.console import cards
from bot.web.console.as_posted import Preview, known_platforms, preview, rules_of
from bot.web.console.desk import Desk
from bot.web.console.guard import Who
from bot.web.console.media import ALONE, PictureName, served
from bot.web.console.pages import BASE
from bot.web.console.showing import MediumView, medium_view, timing_of
from bot.web.console.uploads import Received, receiving

_LONGEST_URL = 8192
_ASKER = "asker"
"""Who is answered in a reply that nobody asked for."""

TryId = Annotated[str, Path(pattern=r"^[\w-]{22}$")]
Number = Annotated[int, Path(ge=1, le=1000)]
Name = Annotated[str, Query(max_length=40)]
Wording = Annotated[int, Query(ge=1, le=1000)]


@dataclass(frozen=True, slots=True)
class Wish:
    """On which platform and in which language and wording a reply shall be shown."""

    platform: str
    language: str
    wording: int


def router(desk: Desk) -> APIRouter:
    """`/try` and `/try/ID`, with what belongs to a try."""
    draw = drawing_by(desk.analyzer)
    room = TryRoom(desk.settings.data_dir / "tries", desk.resolver, desk.analyzer, draw)
    routes = APIRouter(include_in_schema=False, dependencies=[Depends(desk.guard.needs(Role.REVIEWER))])
    _add_beginning(routes, desk, room)
    _add_page(routes, desk, room)
    _add_card(routes, desk, room)
    _add_media(routes, desk, room)
    return routes


def _add_beginning(routes: APIRouter, desk: Desk, room: TryRoom) -> None:
    limit = desk.settings.analysis.max_bytes

    def show(request: Request, operator: str, problem: str = "", url: str = "") -> Response:
        status = 400 if problem else 200
        return desk.pages.page(
            request,
            "try.html",
            status,
            tries=room.of(operator),
            limit=limit,
            keep=KEEP_SECONDS,
            problem=problem,
            url=url,
        )

    @routes.get("/try")
    def box(request: Request, operator: Who) -> Response:
        return show(request, operator.name)

    def begin(request: Request, operator: Who) -> Response:
        received: Received = request.state.received
        url = received.texts.get("url", "").strip()
        try:
            begun = _begun(room, received, url, operator.name)
        except (NoRoom, ValueError) as problem:
            return show(request, operator.name, str(problem), url)
        desk.store.audit.add(operator.name, "try", f"try:{begun.id}", {"given": begun.given})
        return RedirectResponse(f"{BASE}/try/{begun.id}", 303)

    sending = APIRouter(route_class=receiving(desk.guard, Role.REVIEWER, room.receiving, limit))
    sending.add_api_route("/try", begin, methods=["POST"])
    routes.include_router(sending)

    @routes.post("/try/{number}/forget")
    def forget(number: TryId) -> Response:
        room.forget(number)
        return RedirectResponse(f"{BASE}/try", 303)


def _begun(room: TryRoom, received: Received, url: str, operator: str) -> Try:
    if bool(url) == (received.file is not None):
        raise ValueError("give a link or a file, one of the two")
    if received.file is not None:
        name = received.name.replace("\\", "/").rpartition("/")[2][:200]
        return room.begin_file(received.file, name or "a file", operator)
    if not url.lower().startswith(("http://", "https://")) or len(url) > _LONGEST_URL:
        raise ValueError("a link begins with http:// or https://; a file of yours can be uploaded instead")
    return room.begin_url(url, operator)


def _found(room: TryRoom, number: str) -> Try:
    found = room.find(number)
    if found is None:
        raise HTTPException(404, "there is no such try any more; they go after an hour, so begin it again")
    return found


def _add_page(routes: APIRouter, desk: Desk, room: TryRoom) -> None:
    detectors = len(desk.settings.analysis.detectors)

    @routes.get("/try/{number}")
    def page(
        request: Request,
        number: TryId,
        platform: Name = "",
        language: Name = "",
        wording: Wording = 1,
    ) -> Response:
        each = _found(room, number)
        over = each.ended is not None  # once: a try may end while its page is made
        part = request.headers.get("hx-target")
        if part == "progress" and over:
            return Response(headers={"HX-Refresh": "true"})  # now the whole page, with its scripts
        shown: dict[str, Any] = {"each": each, "over": over, "progress": each.progress(detectors)}
        if part == "progress":
            return desk.pages.page(request, "_try_progress.html", **shown)
        wish = _wish(desk, platform, language, wording)
        shown |= {
            "wish": wish,
            "reply": _reply(desk, each, wish) if over else None,
            "platforms": known_platforms(desk.platforms),
            "languages": {name: wordings(name).name for name in languages()},
        }
        if part == "reply" and over:
            return desk.pages.page(request, "_try_reply.html", **shown)
        media = _views(desk, each) if over else ()
        return desk.pages.page(
            request, "tried.html", media=media, timing_of=timing_of, keep=KEEP_SECONDS, **shown
        )


def _views(desk: Desk, each: Try) -> list[MediumView]:
    return [
        medium_view(
            desk,
            medium.as_row(),
            medium.number,
            medium.analysis,
            each.room,
            _address(each, medium),
            here=medium.stored is not None and medium.stored.path.is_file(),
            known=False,
        )
        for medium in each.media
    ]


def _address(each: Try, medium: TriedMedium) -> str:
    return f"{BASE}/try/{each.id}/media/{medium.number}"


def _wish(desk: Desk, platform: str, language: str, wording: int) -> Wish:
    """What was chosen, as far as it exists; else what the bot is set up for."""
    usual = next(iter(desk.platforms), "inbox")
    return Wish(
        platform if platform in known_platforms(desk.platforms) else usual,
        language if language in languages() else desk.settings.reply.language,
        wording,
    )


def _composed(desk: Desk, each: Try, wish: Wish) -> tuple[ReplyText, Context]:
    """What the bot would answer.

    Raises:
        ConfigError: it could not answer that.
    """
    judged = each.judgement(desk.store)
    failure = judged.failure if judged else (each.fault.reason if each.fault else "default", "")
    if judged is not None and failure is None:
        kind, context = ReplyKind.VERDICT, desk.writer.context(judged)
    else:
        kind, context = ReplyKind.FAILURE, Context(failure=failure[0] if failure else None)
    rules = rules_of(desk.platforms, wish.platform)
    text = compose(kind, context, language=wish.language, rules=rules, turn=wish.wording - 1, handle=_ASKER)
    return text, context


def _reply(desk: Desk, each: Try, wish: Wish) -> Preview | str:
    """How that would look, or why there is no answer."""
    try:
        text, context = _composed(desk, each, wish)
    except ConfigError as problem:
        return str(problem)
    has_card = desk.settings.reply.card and context.band is not None
    return preview(
        text.text,
        text.language,
        wish.platform,
        rules_of(desk.platforms, wish.platform),
        image=f"{BASE}/try/{each.id}/card.png?{urlencode(asdict(wish))}" if has_card else None,
        image_alt_text=cards.described(each, text, context) if has_card else None,
    )


def _add_card(routes: APIRouter, desk: Desk, room: TryRoom) -> None:
    @routes.get("/try/{number}/card.png")
    def card(number: TryId, platform: Name = "", language: Name = "", wording: Wording = 1) -> Response:
        each = _found(room, number)
        if each.ended is None or not desk.settings.reply.card:
            raise HTTPException(404, "no card goes with this")
        text, context = _composed(desk, each, _wish(desk, platform, language, wording))
        if context.band is None:
            raise HTTPException(404, "no card goes with this")
        content = cards.card_of_try(desk, each, text, context)
        return Response(content, media_type="image/png", headers=ALONE)


def _add_media(routes: APIRouter, desk: Desk, room: TryRoom) -> None:
    def medium_of(number: str, medium: int) -> tuple[Try, TriedMedium]:
        each = _found(room, number)
        if medium > len(each.media) or each.media[medium - 1].stored is None:
            raise HTTPException(404, "this try has no such medium")
        return each, each.media[medium - 1]

    def evidence(request: Request, each: Try, medium: TriedMedium, *, draw: bool) -> Response:
        if medium.analysis is None or medium.analysis.verdict is None:
            raise HTTPException(404, "this medium has not been judged")
        pictures = (each.room.request if draw else each.room.pictures)(medium.analysis)
        if draw and "hx-request" not in request.headers:
            return RedirectResponse(_address(each, medium), 303)
        return desk.pages.page(
            request,
            "_evidence.html",
            sha256=medium.analysis.sha256,
            address=_address(each, medium),
            pictures=pictures,
        )

    @routes.get("/try/{number}/media/{medium}")
    def place(number: TryId, medium: Number) -> Response:
        return RedirectResponse(f"{BASE}/try/{number}#medium-{medium}", 303)

    @routes.get("/try/{number}/media/{medium}/file")
    def file(number: TryId, medium: Number) -> Response:
        stored = medium_of(number, medium)[1].stored
        assert stored is not None
        return served(stored.path, stored.sha256)

    @routes.get("/try/{number}/media/{medium}/evidence")
    def look(request: Request, number: TryId, medium: Number) -> Response:
        return evidence(request, *medium_of(number, medium), draw=False)

    @routes.post("/try/{number}/media/{medium}/evidence")
    def draw(request: Request, number: TryId, medium: Number) -> Response:
        return evidence(request, *medium_of(number, medium), draw=True)

    @routes.get("/try/{number}/media/{medium}/evidence/{name}.png")
    def picture(number: TryId, medium: Number, name: PictureName) -> Response:
        each, found = medium_of(number, medium)
        path = each.room.file(found.analysis, name) if found.analysis else None
        if path is None:
            raise HTTPException(404, "there is no such picture")
        return FileResponse(path, media_type="image/png", headers=ALONE)
