"""The data page: what operators have reviewed, to take away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time
from itertools import chain
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict

from analysis.ensemble.combine import ReviewLabel
from analysis.model import Kind
from bot.accounts import Role
from bot.exporting import as_csv, as_jsonl, as_zip
from bot.web.console.desk import Desk
from bot.web.console.guard import Who
from state.exports import ReviewedMedium, Wanted

_NO_TEXT = BeforeValidator(lambda value: value or None)


class Asked(BaseModel):
    """The form: what is to be exported; an empty field asks for everything."""

    model_config = ConfigDict(extra="forbid")

    form: Literal["csv", "jsonl", "zip"] = "csv"
    label: Annotated[ReviewLabel | None, _NO_TEXT] = None
    platform: Annotated[str | None, _NO_TEXT] = None
    kind: Annotated[Kind | None, _NO_TEXT] = None
    since: Annotated[date | None, _NO_TEXT] = None
    before: Annotated[date | None, _NO_TEXT] = None

    def wanted(self) -> Wanted:
        """As the store is asked; days begin at midnight UTC."""
        return Wanted(self.label, self.platform, self.kind, _midnight(self.since), _midnight(self.before))


def router(desk: Desk) -> APIRouter:
    """`/data` and `/data/export`."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/data")
    def data(request: Request) -> Response:
        counts = desk.store.exports.counts()
        return desk.pages.page(
            request,
            "data.html",
            counts=counts,
            labels=list(ReviewLabel),
            kinds=list(Kind),
            platforms=sorted(desk.platforms),
        )

    @routes.get("/data/export", dependencies=[Depends(desk.guard.needs(Role.REVIEWER))])
    def export(asked: Annotated[Asked, Query()], operator: Who) -> Response:
        desk.store.audit.add(operator.name, "export", "reviews", asked.model_dump(mode="json"))
        media = desk.store.exports.reviewed(asked.wanted())
        make, kind = _FORMS[asked.form]
        name = f"veritag-reviews-{desk.store.now():%Y-%m-%d}.{asked.form}"
        return StreamingResponse(
            _from_the_first(make(desk, media)),
            media_type=kind,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    return routes


_Make = Callable[[Desk, Iterable[ReviewedMedium]], Iterator[str] | Iterator[bytes]]
_FORMS: dict[str, tuple[_Make, str]] = {
    "csv": (lambda _, media: as_csv(media), "text/csv; charset=utf-8"),
    "jsonl": (lambda _, media: as_jsonl(media), "application/jsonl; charset=utf-8"),
    "zip": (lambda desk, media: as_zip(media, desk.resolver.files), "application/zip"),
}


def _from_the_first(pieces: Iterator[str] | Iterator[bytes]) -> Iterator[str | bytes]:
    """The same pieces, the first of them made now: what fails at once becomes a page that says so."""
    first = next(pieces, None)
    return iter(()) if first is None else chain([first], pieces)


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None
