"""Bands and calibration: what a change would have done to the latest verdicts, before it is made."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query, Request, Response
from pydantic import Field

from bot.accounts import Role
from bot.bands import BandLimits, configured_limits
from bot.tuning import BANDS, CALIBRATION, Ground, Tuning
from bot.web.console.desk import Desk
from bot.web.console.guard import Who
from bot.web.console.previews import Latest, carried_out, in_force, preview

Percent = Annotated[float, Field(gt=0, lt=100)]


def router(desk: Desk) -> APIRouter:
    """`/calibration`, and the changes made there."""
    routes = APIRouter(include_in_schema=False)
    tuning = Tuning(desk.settings, desk.store)
    at_start = tuning.state()
    admin = Depends(desk.guard.needs(Role.ADMIN))

    @routes.get("/calibration")
    def bands(
        request: Request,
        high: Annotated[Percent | None, Query()] = None,
        low: Annotated[Percent | None, Query()] = None,
        latest: Annotated[Latest, Query()] = 500,
    ) -> Response:
        now = in_force(tuning)
        wanted = BandLimits(
            high_false_alarms=high / 100 if high else now.limits.high_false_alarms,
            low_misses=low / 100 if low else now.limits.low_misses,
        )
        return desk.pages.page(
            request,
            "calibration.html",
            limits=now.limits,
            wanted=wanted,
            asked=high is not None or low is not None,
            configured=configured_limits(desk.settings),
            own=now.own,
            history=[
                (row, tuning.undoable(row)) for row in desk.store.audit.of(BANDS, CALIBRATION, limit=20)
            ],
            waits=at_start != tuning.state(),
            policy=desk.settings.analysis.policy,
            **preview(desk, latest, now, Ground(wanted, now.own)),
        )

    @routes.post("/calibration/bands", dependencies=[admin])
    def apply_bands(who: Who, high: Annotated[Percent, Form()], low: Annotated[Percent, Form()]) -> Response:
        limits = BandLimits(high_false_alarms=high / 100, low_misses=low / 100)
        return carried_out(lambda: tuning.set_limits(who.name, limits))

    @routes.post("/calibration/bands/discard", dependencies=[admin])
    def discard_bands(who: Who) -> Response:
        return carried_out(lambda: tuning.set_limits(who.name, None))

    @routes.post("/calibration/discard", dependencies=[admin])
    def discard(who: Who) -> Response:
        return carried_out(lambda: tuning.use(who.name, None))

    @routes.post("/calibration/undo/{audit_id}", dependencies=[admin])
    def undo(who: Who, audit_id: Annotated[int, Path(ge=1, lt=1 << 63)]) -> Response:
        return carried_out(lambda: tuning.undo(who.name, audit_id))

    return routes
