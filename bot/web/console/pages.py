"""From templates to answers. Strangers' text is escaped everywhere; no script or style stands in a page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.web.console.guard import Operator

BASE = "/console"


class Pages:
    """Renders `templates/web/*.html`."""

    def __init__(self, *, test_mode: bool, now: Callable[[], datetime]) -> None:
        self._environment = Environment(
            loader=PackageLoader("templates", "web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {"test_mode": test_mode, "asset": asset, "base": BASE}
        filters: dict[str, Callable[..., str]] = {
            "ago": lambda moment: ago(moment, now()),
            "moment": moment_text,
            "percent": percent,
            "duration": duration,
            "size": size,
        }
        self._environment.filters |= filters

    def page(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """A page, or a part of one, for whoever is at the console."""
        operator: Operator | None = getattr(request.state, "operator", None)
        body = self._environment.get_template(template).render(
            request=request, operator=operator, path=request.url.path, **context
        )
        return HTMLResponse(body, status, {"Vary": "HX-Request"})


@cache
def asset(name: str) -> str:
    """Where a static file is; the address changes with its content, so that browsers may keep it."""
    content = (files("templates") / "web" / "static" / name).read_bytes()
    return f"{BASE}/static/{name}?v={sha256(content).hexdigest()[:12]}"


def moment_text(moment: datetime) -> str:
    """A moment as people read it, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def ago(moment: datetime, now: datetime) -> str:
    """How long ago, in one unit."""
    return f"{duration(max(0.0, (now - moment).total_seconds()))} ago"


def duration(seconds: float) -> str:
    """A time span in its largest fitting unit."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size_of, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size_of:
            return f"{seconds / size_of:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def percent(probability: float | None) -> str:
    """A probability as it may be shown: 1 to 99 %, a dash where there is none."""
    return "–" if probability is None else f"{min(99, max(1, round(100 * probability)))} %"


def size(count: float) -> str:
    """A number of bytes, in powers of ten."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= limit:
            return f"{count / limit:.1f} {unit}"
    return f"{count:.0f} B"
