"""Taking public pages down, and putting them up again: `POST /public-pages/down` and `/up`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Response
from fastapi.responses import RedirectResponse

from bot.accounts import Role
from bot.publishing import NoSuchPage, put_up_again, take_down
from bot.web.console.desk import Desk
from bot.web.console.guard import Who
from bot.web.console.pages import BASE
from state.errors import NotFound

_DEEDS = {"down": take_down, "up": put_up_again}


def router(desk: Desk) -> APIRouter:
    """`/public-pages/down` and `/public-pages/up`."""
    routes = APIRouter(include_in_schema=False, dependencies=[Depends(desk.guard.needs(Role.REVIEWER))])

    @routes.post("/public-pages/{where}")
    def move(
        where: str,
        who: Who,
        token: Annotated[str, Form(max_length=64)],
        reason: Annotated[str, Form(max_length=4000)] = "",
    ) -> Response:
        if where not in _DEEDS:
            raise HTTPException(404, "a page can be put up or down")
        try:
            page = desk.store.public_pages.get(token)
            _DEEDS[where](desk.store, who.name, token, reason)
        except NotFound as error:
            raise HTTPException(404, str(error)) from None
        except NoSuchPage as error:
            raise HTTPException(409, str(error)) from None
        return RedirectResponse(f"{BASE}/mentions/{page.mention_id}#public-page", 303)

    return routes
