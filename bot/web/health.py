"""Health over HTTP: `GET /health/live` (the process is up) and `GET /health` (it does its work)."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, Header, Response
from pydantic import SecretStr

from bot.health import HealthReport


def create_app(health: Callable[[], HealthReport], token: SecretStr | None = None) -> FastAPI:
    """The application.

    Args:
        health: Called at each `GET /health`, in a worker thread.
        token: With one, the checks are shown only to callers who present it as ``Authorization: Bearer``;
            others, such as load balancers, still learn whether all is well.
    """
    app = FastAPI(title="Veritag", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health/live")
    async def live(response: Response) -> dict[str, str]:
        response.headers["Cache-Control"] = "no-store"
        return {"status": "ok"}

    @app.get("/health")
    def ready(response: Response, authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
        report = health()
        response.status_code = 200 if report.ok else 503
        response.headers["Cache-Control"] = "no-store"
        shown = report.checks if is_allowed(authorization, token) else ()
        return {"status": report.status, "checks": [asdict(check) for check in shown]}

    return app


def is_allowed(authorization: str, token: SecretStr | None) -> bool:
    """Whether an `Authorization` header presents the token; without a token everybody is allowed."""
    if token is None:
        return True
    scheme, _, presented = authorization.partition(" ")
    # A header's bytes arrive read as Latin-1; compare_digest takes the same time wherever they differ.
    sent = presented.strip().encode("latin-1", "replace")
    same = hmac.compare_digest(sent, token.get_secret_value().encode())
    return same and scheme.lower() == "bearer"
