"""Forms become actions: `POST /actions/NAME`, for one mention or many, and back to where one was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from analysis.ensemble.combine import ReviewLabel
from analysis.model import Band
from bot.accounts import Role
from bot.actions import ActionRefused, Actions, Done
from bot.web.console.desk import Desk
from bot.web.console.guard import Who
from bot.web.console.signing_in import own_page
from state.errors import NotFound

MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Fields:
    """What a form may hold; which of it counts depends on the action."""

    actor: str
    mentions: list[int]
    sha256: str
    number: int
    label: ReviewLabel | None
    note: str
    text: str
    band: Band | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a form: what was done, and why the rest was not."""

    done: list[Done]
    refused: list[str]


def router(desk: Desk) -> APIRouter:
    """`/actions/NAME`."""
    routes = APIRouter(include_in_schema=False)
    actions = Actions(desk.store, desk.writer, desk.platforms, desk.keeper)
    carry_out = _carry_out(actions)

    @routes.post("/actions/{name}")
    def act(
        request: Request,
        name: str,
        who: Who,
        mention_id: Annotated[list[int] | None, Form(max_length=MOST_AT_ONCE)] = None,
        sha256: Annotated[str, Form(pattern="^([0-9a-f]{64})?$")] = "",
        number: Annotated[int, Form(ge=0, lt=2**62)] = 0,
        label: Annotated[ReviewLabel | None, Form()] = None,
        note: Annotated[str, Form(max_length=4000)] = "",
        text: Annotated[str, Form(max_length=10_000)] = "",
        band: Annotated[Band | None, Form()] = None,
        back: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        if name not in carry_out:
            raise HTTPException(404, "there is no such action")
        needed, action = carry_out[name]
        if name == "undo":
            needed = _needed_to_undo(desk, carry_out, number)
        if not who.may(needed):
            raise HTTPException(403, f"this needs the role {needed}; yours is {who.role}")
        fields = Fields(who.name, mention_id or [], sha256, number, label, note, text, band)
        outcome = _outcome(action, fields)
        desk.wake()
        if "hx-request" in request.headers:
            return desk.pages.page(request, "_done.html", done=outcome.done, refused=outcome.refused)
        if not outcome.done:
            raise HTTPException(409, "; ".join(outcome.refused) or "nothing was chosen")
        return RedirectResponse(_where(back, outcome), 303)

    return routes


Steps = list[Callable[[], Done]]
Action = Callable[[Fields], Steps]


def _carry_out(actions: Actions) -> dict[str, tuple[Role, Action]]:
    """By name who may, and what is to be done: once for each mention that was chosen, or once."""

    def each(act: Callable[[str, int], Done]) -> Action:
        return lambda fields: [partial(act, fields.actor, number) for number in fields.mentions]

    def numbered(act: Callable[[str, int], Done]) -> Action:
        return lambda fields: [partial(act, fields.actor, fields.number)]

    def review(fields: Fields) -> Steps:
        if fields.label is None:
            raise HTTPException(422, "choose a label")
        said = (fields.label, fields.note)
        if fields.sha256:
            return [partial(actions.review, fields.actor, fields.sha256, *said)]
        return [partial(actions.review_mention, fields.actor, number, *said) for number in fields.mentions]

    def correct(fields: Fields) -> Steps:
        words = (fields.text, fields.band)
        return [partial(actions.correct, fields.actor, number, *words) for number in fields.mentions[:1]]

    def block(fields: Fields) -> Steps:
        return [partial(actions.block, fields.actor, number, fields.note) for number in fields.mentions]

    def delete_medium(fields: Fields) -> Steps:
        return [partial(actions.delete_medium, fields.actor, fields.sha256)]

    return {
        "review": (Role.REVIEWER, review),
        "analyse_again": (Role.REVIEWER, each(actions.analyse_again)),
        "resolve_again": (Role.REVIEWER, each(actions.resolve_again)),
        "retract": (Role.REVIEWER, numbered(actions.retract)),
        "correct": (Role.REVIEWER, correct),
        "block": (Role.ADMIN, block),
        "opt_out": (Role.ADMIN, each(actions.opt_out)),
        "delete_medium": (Role.ADMIN, delete_medium),
        "undo": (Role.REVIEWER, numbered(actions.undo)),
    }


def _needed_to_undo(desk: Desk, carry_out: dict[str, tuple[Role, Action]], audit_id: int) -> Role:
    """Whoever may do it may undo it."""
    try:
        row = desk.store.audit.get(audit_id)
    except NotFound as error:
        raise HTTPException(404, str(error)) from None
    return carry_out[row.action][0] if row.action in carry_out else Role.ADMIN


def _outcome(action: Action, fields: Fields) -> Outcome:
    outcome = Outcome([], [])
    for step in action(fields):
        try:
            outcome.done.append(step())
        except (ActionRefused, NotFound) as problem:
            outcome.refused.append(str(problem))
    return outcome


def _where(back: str, outcome: Outcome) -> str:
    """The page that the form was on, with what it shall say now."""
    parts = urlsplit(own_page(back))
    told = {
        "done": ",".join(str(done.audit_id) for done in outcome.done[:20]),
        "refused": len(outcome.refused),
    }
    query = urlencode({name: value for name, value in told.items() if value})
    kept = "&".join(part for part in parts.query.split("&") if part and part.split("=")[0] not in told)
    return f"{parts.path}?{'&'.join(filter(None, (kept, query)))}"
