"""What the pages of bands and of fits share: what a change would do, and making it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import HTTPException
from fastapi.responses import RedirectResponse
from pydantic import Field

from analysis.errors import ConfigurationError
from analysis.model import Band
from bot.errors import ConfigError
from bot.judging_again import compare
from bot.panel_changes import panel_changes
from bot.tuning import Ground, Tuning, TuningRefused, records_with
from bot.web.console.desk import Desk
from bot.web.console.pages import BASE
from state.errors import NotFound

HERE = f"{BASE}/calibration"
LATEST = (100, 500, 2000)
MOST_CHANGED = 100
Latest = Annotated[int, Field(ge=1, le=LATEST[-1])]


def in_force(tuning: Tuning) -> Ground:
    """What the next start judges by; a file that cannot be used becomes a page that says so."""
    try:
        return tuning.ground()
    except (ConfigError, ConfigurationError) as error:
        raise HTTPException(409, str(error)) from None


def preview(desk: Desk, latest: int, before: Ground, after: Ground) -> dict[str, Any]:
    """What the templates show of a change."""
    media = desk.store.judged.latest(latest)
    return {
        "latest": latest,
        "choices": LATEST,
        "bands": list(Band),
        "most": MOST_CHANGED,
        "changes": list(panel_changes(before.panels(), before.limits, after.panels(), after.limits)),
        "comparison": compare(media, before.policy(), after.policy(), records_with(None)),
    }


def carried_out(change: Callable[[], object]) -> RedirectResponse:
    """Make a change, and go back to the page; what hinders it becomes a page that says so."""
    try:
        change()
    except NotFound as error:
        raise HTTPException(404, str(error)) from None
    except (TuningRefused, ConfigError) as error:
        raise HTTPException(409, str(error)) from None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise HTTPException(500, f"the data folder cannot be written ({reason})") from None
    return RedirectResponse(HERE, 303)
