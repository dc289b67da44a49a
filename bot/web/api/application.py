"""The routes of `/api/v1`: an application of its own, with its own OpenAPI document, read-only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException as StarletteHTTPException

from analysis.model import Band
from bot.health import HealthReport
from bot.serve.gate import Rate
from bot.web.api.answers import (
    Check,
    Detector,
    Health,
    MediumInFull,
    Mention,
    MentionInFull,
    Mentions,
    Problem,
)
from state.errors import NotFound
from state.model import MentionState
from state.store import Store
from state.triage_model import Cursor, Filters

MOUNTED_AT = "/api/v1"
_MOST = 200
_CURSOR = r"^(after_[0-9]{1,18}_[0-9]{1,18})?$"
_ROW_ID = 2**63 - 1
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": words,
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
    for status, words in {
        401: "No valid key.",
        404: "There is no such thing.",
        422: "The request cannot be understood.",
        429: "Too many requests with this key; see Retry-After.",
    }.items()
}
_bearer = HTTPBearer(auto_error=False, description="A key made by `veritag api-keys add NAME`.")


def create_api(
    store: Store, health: Callable[[], HealthReport], detectors: tuple[str, ...], per_minute: int
) -> FastAPI:
    """The application, to be mounted at `MOUNTED_AT`.

    Args:
        detectors: the names of those that take part.
        per_minute: requests a key may make; 0: any number.
    """
    api = FastAPI(
        title="Veritag",
        version="1",
        description="What the bot was asked, found and answered: read-only, for programs with a key.",
        docs_url=None,
        redoc_url=None,
        servers=[{"url": MOUNTED_AT}],
        root_path_in_servers=False,
    )
    api.add_exception_handler(StarletteHTTPException, _refused)
    api.add_exception_handler(RequestValidationError, _not_understood)
    admit = _admission(store, Rate(per_minute))
    routes = APIRouter(dependencies=[Depends(admit)], responses=_PROBLEMS)
    _add_mentions(routes, store)
    _add_the_rest(routes, store, health, detectors)
    api.include_router(routes)
    return api


def _admission(store: Store, rate: Rate) -> Callable[..., None]:
    def admit(presented: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
        key = store.api_keys.admit(presented.credentials) if presented else None
        if key is None:
            raise HTTPException(401, "the key is missing or wrong", {"WWW-Authenticate": "Bearer"})
        if wait := rate.wait(key.name):
            raise HTTPException(429, "too many requests with this key", {"Retry-After": str(int(wait) + 1)})

    return admit


def _add_mentions(routes: APIRouter, store: Store) -> None:
    @routes.get("/mentions")
    def mentions(
        state: Annotated[list[MentionState], Query(description="Any of these states.")] = [],  # noqa: B006
        band: Annotated[list[Band], Query(description="Any of these bands.")] = [],  # noqa: B006
        platform: Annotated[list[str], Query(description="Any of these platforms.")] = [],  # noqa: B006
        cursor: Annotated[str, Query(pattern=_CURSOR, description="`next` of the page before.")] = "",
        limit: Annotated[int, Query(ge=1, le=_MOST)] = 50,
    ) -> Mentions:
        """Mentions of the mode that runs, the newest first."""
        filters = Filters(store.mode, bands=tuple(band), states=tuple(state), platforms=tuple(platform))
        page = store.triage.page(filters, Cursor.parse(cursor) if cursor else None, limit)
        following = str(page.older) if page.older else None
        return Mentions(mentions=[Mention.of(row) for row in page.rows], next=following)

    @routes.get("/mentions/{mention_id}")
    def mention(mention_id: Annotated[int, Path(ge=1, le=_ROW_ID)]) -> MentionInFull:
        """One mention with every reply and its log."""
        rows = store.triage.rows([mention_id])
        if not rows:
            raise HTTPException(404, f"there is no mention {mention_id}")
        return MentionInFull.whole(
            rows[0],
            store.mentions.get(mention_id),
            list(store.outbox.of_mention(mention_id)),
            list(store.events.of_mention(mention_id)),
        )


def _add_the_rest(
    routes: APIRouter, store: Store, health: Callable[[], HealthReport], detectors: tuple[str, ...]
) -> None:
    @routes.get("/media/{sha256}")
    def medium(sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]) -> MediumInFull:
        """One medium with its latest analysis and the review that counts."""
        try:
            store.media.id_of(sha256)
        except NotFound:
            raise HTTPException(404, f"there is no medium {sha256}") from None
        return MediumInFull.whole(sha256, store.media.analysis(sha256), store.reviews.latest(sha256))

    @routes.get("/detectors")
    def taking_part() -> list[Detector]:
        """The detectors that take part, from their weights records."""
        from detectors import record

        return [Detector.of(record(name)) for name in detectors]

    @routes.get("/health")
    def state_of_health() -> Health:
        """Whether the bot does its work now; 200 either way."""
        report = health()
        checks = [Check.model_validate(check) for check in report.checks]
        return Health(status=report.status, checks=checks)


def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)
    return _problem(error.status_code, str(error.detail), dict(error.headers or {}))


def _not_understood(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return _problem(422, f"{where}: {first['msg']}", {})


def _problem(status: int, detail: str, headers: dict[str, str]) -> JSONResponse:
    title = {401: "Unauthorized", 404: "Not found", 405: "Method not allowed", 422: "Not understood"}
    problem = Problem(title=title.get(status, "Refused"), status=status, detail=detail)
    return JSONResponse(problem.model_dump(), status, headers, "application/problem+json")
