"""The operations page: is it at work, what waits, what failed and why."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from bot.web.console.desk import Desk


def router(desk: Desk) -> APIRouter:
    """`/operations`."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/operations")
    def operations(request: Request) -> Response:
        part = "_operations.html" if "hx-request" in request.headers else "operations.html"
        return desk.pages.page(request, part, report=desk.health())

    return routes
