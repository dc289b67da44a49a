"""The routes of the public pages."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import cache
from hashlib import sha256
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from typing_extensions import override

from bot.card import Thumbnail
from bot.evidence import EvidenceRoom
from bot.publishing import PREFIX, address
from bot.replies.wordings import fill
from bot.thumbnails import NoThumbnail
from bot.web.console.guard import Guard
from bot.web.headers import ALWAYS
from bot.web.public.pace import Pace, address_of
from bot.web.public.showing import PublicShowing, TakenDown
from bot.web.public.texts import FALLBACK, PageTexts, fallback, page_texts
from state.errors import NotFound

if TYPE_CHECKING:
    from bot.card import Cards
    from bot.config import Settings
    from bot.resolver import Resolver
    from bot.thumbnails import Thumbnails
    from state.store import Store

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# A page that is taken down is to be gone soon, from browsers too. Its address is a secret: no referrer.
_HEADERS = ALWAYS | {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "max-age=60",
    "X-Robots-Tag": "noindex, nofollow",
}
_CARD_HEADERS = _HEADERS | {"Cross-Origin-Resource-Policy": "cross-origin"}
_KEPT = _HEADERS | {"Cache-Control": "public, max-age=31536000, immutable"}
_BLUR = 24
_SECONDS = 10.0
_METHODS = ["GET", "HEAD"]

Token = Annotated[str, Path(max_length=64)]
Number = Annotated[int, Path(ge=1, le=10_000)]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def install(
    app: FastAPI, settings: Settings, store: Store, resolver: Resolver, cards: Cards, thumbnails: Thumbnails
) -> None:
    """Put the pages into an application that serves other things too; `cards` draws theirs."""
    room = EvidenceRoom(settings.data_dir / "evidence", resolver.path, None)
    showing = PublicShowing(
        store, resolver, room, settings.own_calibration, evidence=settings.public.evidence
    )
    app.include_router(_PublicPages(settings, showing, cards, thumbnails, Guard(store, settings.web)).router)


class _PublicPages:
    """Answers for every address under `/v`."""

    def __init__(
        self,
        settings: Settings,
        showing: PublicShowing,
        cards: Cards,
        thumbnails: Thumbnails,
        guard: Guard,
    ) -> None:
        self._settings = settings
        self._showing = showing
        self._cards = cards
        self._thumbnails = thumbnails
        self._templates = Environment(
            loader=PackageLoader("templates", "web/public"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {
            "style": _named("page.css", "public/page.css"),
            "mark": _named("mark.svg", "static/mark.svg"),
            "test_mode": settings.test_mode,
        }
        route = _guarded(guard, Pace(settings.public.requests_per_minute), self._note)
        self.router = APIRouter(prefix=PREFIX, include_in_schema=False, route_class=route)
        for path, answer in (
            ("/page.css", self._style_sheet),
            ("/mark.svg", self._mark),
            ("/{token}", self._page),
            ("/{token}/card.png", self._card),
            ("/{token}/medium/{number}.webp", self._medium),
            ("/{token}/evidence/{number}/{name}.png", self._evidence),
        ):
            self.router.add_api_route(path, answer, methods=_METHODS, response_model=None)

    def _style_sheet(self) -> Response:
        return Response(_static("public/page.css"), media_type="text/css", headers=_KEPT)

    def _mark(self) -> Response:
        return Response(_static("static/mark.svg"), media_type="image/svg+xml", headers=_KEPT)

    def _page(self, token: Token) -> Response:
        view = self._showing.page(token)
        texts = page_texts(view.reply.language)
        where = address(self._settings.web.public_url or "", token)
        body = self._templates.get_template("page.html").render(
            view=view,
            t=texts or fallback(),
            translated=texts is not None,
            language=view.reply.language if texts else FALLBACK,
            right_to_left=view.right_to_left if texts else False,
            here=where,
            objection=self._objection(texts or fallback()),
            shown=self._settings.public.medium,
        )
        return HTMLResponse(body, headers=_HEADERS)

    def _objection(self, texts: PageTexts) -> tuple[str, str, str]:
        """The sentence in two parts, with the link between them."""
        contact = self._settings.public.contact or ""
        before, after = fill(texts.objection_text, contact="\0").split("\0")
        return before, contact, after

    def _card(self, token: Token) -> Response:
        _, reply = self._showing.standing(token)
        file, _ = self._cards.of(reply)
        return FileResponse(file, media_type="image/png", headers=_CARD_HEADERS)

    def _medium(self, token: Token, number: Number) -> Response:
        digest, sensitive = self._showing.medium(token, number)
        shown = Thumbnail(self._settings.public.medium).of(sensitive=sensitive)
        if shown is Thumbnail.NONE:
            raise NotFound("media are not shown")
        try:
            content = self._thumbnails.get(digest).result(_SECONDS)
        except (NoThumbnail, TimeoutError) as problem:
            raise NotFound(str(problem)) from None
        blurred = _blurred(content) if shown is Thumbnail.BLURRED else content
        return Response(blurred, media_type="image/webp", headers=_HEADERS)

    def _evidence(
        self,
        token: Token,
        number: Number,
        name: Annotated[str, Path(pattern=r"^[\w-][\w.-]{0,119}$")],
    ) -> Response:
        file = self._showing.picture(token, number, name)
        return FileResponse(file, media_type="image/png", headers=_HEADERS)

    def _note(self, what: str, status: int) -> Response:
        """A page with one sentence, in English: whose it was is not to be learnt from it."""
        body = self._templates.get_template("note.html").render(text=getattr(fallback(), what))
        return HTMLResponse(body, status, _HEADERS | {"Cache-Control": "no-store"})


def _guarded(guard: Guard, pace: Pace, note: Callable[[str, int], Response]) -> type[APIRoute]:
    """Routes that answer only by our own name, and not too often; what is not there is said in a page."""

    class Guarded(APIRoute):
        @override
        def get_route_handler(self) -> Handler:
            answer = super().get_route_handler()

            async def guarded(request: Request) -> Response:
                if not guard.answers_for(request):
                    return note("not_found", 404)
                if not pace.allows(address_of(request)):
                    return note("busy", 429)
                try:
                    return await answer(request)
                except (NotFound, RequestValidationError):
                    return note("not_found", 404)
                except TakenDown:
                    return note("taken_down", 410)

            return guarded

    return Guarded


@cache
def _static(file: str) -> bytes:
    return (files("templates") / "web" / file).read_bytes()


def _named(name: str, file: str) -> str:
    """A static file's address; it changes with its content, so that browsers may keep it."""
    return f"{PREFIX}/{name}?v={sha256(_static(file)).hexdigest()[:12]}"


def _blurred(content: bytes) -> bytes:
    from PIL import Image, ImageFilter

    # Our own file, made from pixels: strangers' bytes are decoded elsewhere.
    with Image.open(BytesIO(content), formats=["WEBP"]) as opened:
        picture = opened.convert("RGB").filter(ImageFilter.GaussianBlur(_BLUR))
    written = BytesIO()
    picture.save(written, "WEBP", quality=60)
    return written.getvalue()
