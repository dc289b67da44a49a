"""The queue: every mention with its verdict, to be looked through all day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from analysis.ensemble.combine import ReviewLabel
from bot.web.console.desk import Desk
from bot.web.console.guard import Who
from bot.web.console.pages import BASE
from bot.web.console.queue_filters import VIEWS, View, read_cursor, read_filters, write_filters
from state.model import Mode
from state.triage import NEWEST_MATCHES
from state.triage_model import Filters, Order

PAGE_ROWS = 50
COUNTED = 1000
"""Further than this no tab is counted."""
_RowId = Annotated[int, Field(ge=1, lt=1 << 63)]


def router(desk: Desk) -> APIRouter:
    """`/console` itself and what belongs to it."""
    routes = APIRouter(include_in_schema=False)
    store = desk.store

    @routes.get("")
    def queue(request: Request, operator: Who, at: str = "", done: str = "", refused: str = "") -> Response:
        filters = read_filters(request.url.query, store.mode)
        page = store.triage.page(filters, read_cursor(at), PAGE_ROWS)
        query = write_filters(filters, store.mode)
        kept = [View(view.name, view.query, view.id) for view in store.saved_views.of(operator.name)]
        views = (*VIEWS, *kept)
        return desk.pages.page(
            request,
            "queue.html",
            found=page,
            filters=filters,
            query=query,
            at=at,
            told=_told(done, refused),
            here=_address(query, **({"at": at} if at else {})),
            first=_address(query),
            news=_news(query, store.triage.latest(filters)),
            tabs=[(view, *_count(desk, view)) for view in views],
            is_tab=query in {view.query for view in views},
            newer=_address(query, at=page.newer) if page.newer else None,
            older=_address(query, at=page.older) if page.older else None,
            narrowed=_narrowed(desk, filters),
            **_choices(desk, filters),
        )

    @routes.get("/queue/news")
    def news(request: Request, after: Annotated[int, Query(ge=0, lt=1 << 63)]) -> Response:
        filters = read_filters(request.url.query, store.mode)
        count = store.triage.newer(filters, after, COUNTED + 1)
        query = write_filters(filters, store.mode)
        return desk.pages.page(
            request, "_queue_news.html", count=count, most=COUNTED, address=_address(query)
        )

    @routes.get("/queue/rows")
    def rows(
        request: Request, mention_ids: Annotated[list[_RowId], Query(alias="id", max_length=PAGE_ROWS)]
    ) -> Response:
        found = store.triage.rows(mention_ids)
        return desk.pages.page(request, "_queue_rows.html", rows=found)

    @routes.post("/queue/views")
    def keep_view(
        operator: Who,
        name: Annotated[str, Form(min_length=1, max_length=60)],
        query: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        plain = write_filters(read_filters(query, store.mode), store.mode)
        words = " ".join(name.split())
        if not words or not words.isprintable():
            raise HTTPException(422, "a view needs a name of letters")
        if not store.saved_views.save(operator.name, words, plain):
            raise HTTPException(409, "you keep too many views; remove one first")
        return RedirectResponse(_address(plain), 303)

    @routes.post("/queue/views/{view_id}/remove")
    def remove_view(operator: Who, view_id: Annotated[int, Path(ge=1, lt=1 << 63)]) -> Response:
        if not store.saved_views.remove(operator.name, view_id):
            raise HTTPException(404, "there is no such view of yours")
        return RedirectResponse(BASE, 303)

    return routes


def _address(query: str, **more: Any) -> str:
    parts = [part for part in (query, urlencode(more)) if part]
    return BASE + ("?" + "&".join(parts) if parts else "")


def _narrowed(desk: Desk, filters: Filters) -> bool:
    """Whether a search that is filtered or sorted does not look at all that has its words."""
    plain = Filters(filters.mode, words=filters.words)
    return (
        bool(filters.words)
        and filters != plain
        and desk.store.triage.matches(filters.words) >= NEWEST_MATCHES
    )


def _told(done: str, refused: str) -> dict[str, int]:
    """How much of an action that came from here, and led back, was done and how much was not."""
    return {
        "done": sum(part.isdecimal() for part in done[:2000].split(",")),
        "refused": int(refused) if refused.isdecimal() and len(refused) < 6 else 0,
    }


def _news(query: str, latest: int) -> str:
    return f"{BASE}/queue/news?" + "&".join(part for part in (query, f"after={latest}") if part)


def _count(desk: Desk, view: View) -> tuple[str, str]:
    """The number that a tab shows beside its name, and where it leads."""
    filters = read_filters(view.query, desk.store.mode)
    number = desk.store.triage.count(filters, COUNTED + 1)
    return (f"{COUNTED:,}+" if number > COUNTED else f"{number:,}"), _address(view.query)


def _choices(desk: Desk, filters: Filters) -> dict[str, Any]:
    """What the filters can be set to: what there is, and what is chosen."""
    triage = desk.store.triage
    return {
        "platforms": triage.values("platforms", filters),
        "languages": triage.values("languages", filters),
        "replies": triage.values("replies", filters),
        "labels": [label.value for label in ReviewLabel],
        "orders": [order.value for order in Order],
        "modes": [mode.value for mode in Mode],
        "running": desk.store.mode,
        "last_day": (filters.until - timedelta(days=1)).date() if filters.until else None,
        "any_filter": replace(filters, mode=desk.store.mode, order=Order.NEWEST) != Filters(desk.store.mode),
    }
