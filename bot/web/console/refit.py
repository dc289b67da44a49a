"""Fits of the calibration: made, looked at, and used or not."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

import detectors
from analysis.calibration.methods import Choice
from bot.accounts import Role
from bot.detector_figures import calibration_sets
from bot.refitting import Refit, RefitFailed, Refits
from bot.tuning import Ground, Tuning
from bot.web.console.desk import Desk
from bot.web.console.detector_plots import PLOT_HEADERS, panel_plot
from bot.web.console.guard import Who
from bot.web.console.previews import HERE, Latest, carried_out, in_force, preview

Key = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


def router(desk: Desk) -> APIRouter:
    """`/calibration/fit` and what belongs to it."""
    routes = APIRouter(include_in_schema=False)
    tuning, refits = Tuning(desk.settings, desk.store), Refits(desk.settings, desk.store)
    reviewer, admin = (Depends(desk.guard.needs(role)) for role in (Role.REVIEWER, Role.ADMIN))

    def remembered(key: str) -> Refit:
        refit = refits.get(key)
        if refit is None:
            raise HTTPException(404, "this fit is no longer remembered; fit again")
        return refit

    @routes.post("/calibration/fit", dependencies=[reviewer])
    def fit(method: Annotated[Choice, Form()] = "best") -> Response:
        try:
            return RedirectResponse(f"{HERE}/fit/{refits.fit(method).key}", 303)
        except RefitFailed as error:
            raise HTTPException(409, str(error)) from None

    @routes.get("/calibration/fit/{key}")
    def fitted(request: Request, key: Key, latest: Annotated[Latest, Query()] = 500) -> Response:
        refit, now = remembered(key), in_force(tuning)
        return desk.pages.page(
            request,
            "refit.html",
            refit=refit,
            panels=[(kind, item) for kind, items in refit.fit.measured.items() for item in items],
            shipped=_shipped(),
            own=now.own,
            **preview(desk, latest, now, Ground(now.limits, refit.own)),
        )

    @routes.get("/calibration/fit/{key}/{number}.svg")
    def plot(key: Key, number: Annotated[int, Path(ge=0)]) -> Response:
        panels = [item for items in remembered(key).fit.measured.values() for item in items]
        if number >= len(panels):
            raise HTTPException(404, "there is no such panel")
        picture = panel_plot(panels[number], in_force(tuning).limits)
        return Response(picture, media_type="image/svg+xml", headers=PLOT_HEADERS)

    @routes.post("/calibration/fit/{key}/use", dependencies=[admin])
    def use(who: Who, key: Key) -> Response:
        refit = remembered(key)
        return carried_out(lambda: tuning.use(who.name, refit.own))

    return routes


def _shipped() -> set[tuple[str, str]]:
    """Of which detectors, on which kinds, a plot of the calibration that ships can be drawn."""
    records = map(detectors.record, detectors.names())
    return {(kind, record.name) for record in records for kind in calibration_sets(record)}
