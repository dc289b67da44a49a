"""The people page: accounts, keys, whom the bot turns away, the posting switch, and the audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from bot.accounts import Gatekeeper, Role
from bot.errors import BotError
from bot.people import People
from bot.web.console.desk import Desk
from bot.web.console.guard import Operator, Who
from bot.web.console.pages import BASE
from state.errors import AlreadyThere, NotFound
from state.manners import PAUSE
from state.store import Store

_ACTIONS_A_PAGE = 50
T = TypeVar("T")

Text = Annotated[str, Form(max_length=300)]


def router(desk: Desk) -> APIRouter:
    """`/people` for admins, and `/account` for everybody's own password."""
    routes = APIRouter(include_in_schema=False)
    admin = APIRouter(dependencies=[Depends(desk.guard.needs(Role.ADMIN))])
    page = _Page(desk)
    _add_people(admin, desk, page)
    _add_keys(admin, desk, page)
    _add_manners(admin, desk, page)
    _add_own_account(routes, desk)
    routes.include_router(admin)
    return routes


class _Page:
    """The page, as it is or with what became of a form."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(
        self,
        request: Request,
        *,
        notice: str = "",
        secret: str = "",
        problem: str = "",
        before: int | None = None,
    ) -> Response:
        store = self._desk.store
        actions = store.audit.latest(before=before, limit=_ACTIONS_A_PAGE)
        return self._desk.pages.page(
            request,
            "people.html",
            400 if problem else 200,
            notice=notice,
            secret=secret,
            problem=problem,
            accounts=list(store.accounts.all()),
            roles=list(Role),
            keys=store.api_keys.all(),
            blocks=store.blocks.list(),
            platforms=sorted(self._desk.platforms),
            pause=store.switches.get(PAUSE),
            actions=actions,
            older=actions[-1].id if len(actions) == _ACTIONS_A_PAGE else None,
        )

    def after(
        self, request: Request, step: Callable[[], T], said: str, *, is_secret: bool = False
    ) -> Response:
        """Do a step and say what became of it; what cannot be done changes nothing."""
        try:
            made = step()
        except (BotError, AlreadyThere, NotFound, ValueError) as problem:
            return self.show(request, problem=str(problem))
        return self.show(request, notice=said, secret=str(made) if is_secret else "")


def _add_people(routes: APIRouter, desk: Desk, page: _Page) -> None:
    @routes.get("/people")
    def people(request: Request, before: Annotated[int | None, Query(ge=1, le=2**62)] = None) -> Response:
        return page.show(request, before=before)

    @routes.post("/people/add")
    def add(
        request: Request, operator: Who, name: Text, role: Annotated[Role, Form()], subject: Text = ""
    ) -> Response:
        def step() -> str:
            people = People(desk.store, operator.name)
            if subject:
                people.add(name, role, subject=subject)
                return ""
            return people.add_with_password(name, role)

        return page.after(request, step, f"{name} may use the console as {role}.", is_secret=not subject)

    @routes.post("/people/password")
    def password(request: Request, operator: Who, name: Text) -> Response:
        people = People(desk.store, operator.name)
        said = f"{name} has another password; every browser of theirs is signed out."
        return page.after(request, lambda: people.new_password(name), said, is_secret=True)

    @routes.post("/people/role")
    def role(request: Request, operator: Who, name: Text, role: Annotated[Role, Form()]) -> Response:
        people = People(desk.store, operator.name)
        return page.after(request, lambda: people.set_role(name, role), f"{name} is {role} now.")

    @routes.post("/people/disable")
    def disable(request: Request, operator: Who, name: Text) -> Response:
        people = People(desk.store, operator.name)
        return page.after(request, lambda: people.disable(name), f"{name} cannot sign in any more.")

    @routes.post("/people/enable")
    def enable(request: Request, operator: Who, name: Text) -> Response:
        people = People(desk.store, operator.name)
        return page.after(request, lambda: people.enable(name), f"{name} can sign in again.")


def _add_keys(routes: APIRouter, desk: Desk, page: _Page) -> None:
    @routes.post("/people/keys/add")
    def add(request: Request, operator: Who, name: Text) -> Response:
        people = People(desk.store, operator.name)
        return page.after(request, lambda: people.add_key(name), f"The key {name} is made.", is_secret=True)

    @routes.post("/people/keys/disable")
    def disable(request: Request, operator: Who, name: Text) -> Response:
        people = People(desk.store, operator.name)
        return page.after(
            request, lambda: people.disable_key(name), f"The key {name} is refused from now on."
        )


def _add_manners(routes: APIRouter, desk: Desk, page: _Page) -> None:
    store = desk.store

    @routes.post("/people/block")
    def block(request: Request, operator: Who, platform: Text, handle: Text, reason: Text = "") -> Response:
        def step() -> None:
            with store.transaction():
                store.blocks.add(platform, handle, reason=reason, by=operator.name)
                store.audit.add(operator.name, "block", f"asker:{platform}/{handle}", {"reason": reason})

        return page.after(request, step, f"{handle} gets no answers any more.")

    @routes.post("/people/unblock")
    def unblock(request: Request, operator: Who, platform: Text, handle: Text) -> Response:
        def step() -> None:
            with store.transaction():
                if not store.blocks.remove(platform, handle, by=operator.name):
                    raise NotFound(f"{handle} is not blocked on {platform}")
                store.audit.add(operator.name, "unblock", f"asker:{platform}/{handle}")

        return page.after(request, step, f"{handle} is answered again.")

    @routes.post("/people/pause")
    def pause(request: Request, operator: Who, reason: Text = "") -> Response:
        return page.after(
            request,
            lambda: _switch(store, operator, is_on=True, reason=reason),
            "Nothing is posted from now on; replies wait.",
        )

    @routes.post("/people/resume")
    def resume(request: Request, operator: Who) -> Response:
        def step() -> None:
            _switch(store, operator, is_on=False)
            desk.wake()

        return page.after(request, step, "What waits is posted now.")


def _switch(store: Store, operator: Operator, *, is_on: bool, reason: str = "") -> None:
    with store.transaction():
        store.switches.set(PAUSE, is_on=is_on, by=operator.name, reason=reason)
        store.audit.add(operator.name, "pause" if is_on else "resume", "posting", {"reason": reason})


def _add_own_account(routes: APIRouter, desk: Desk) -> None:
    keeper = Gatekeeper.of(desk.store, desk.settings.web)

    def show(request: Request, problem: str = "") -> Response:
        return desk.pages.page(request, "account.html", 400 if problem else 200, problem=problem)

    @routes.get("/account")
    def account(request: Request) -> Response:
        return show(request)

    @routes.post("/account")
    def change(
        request: Request,
        operator: Who,
        old: Annotated[str, Form(max_length=1000)],
        new: Annotated[str, Form(max_length=1000)],
    ) -> Response:
        try:
            # Signed in again first: whoever finds an open browser does not know the old one.
            keeper.sign_in(operator.name, old, request.client.host if request.client else "")
            People(desk.store, operator.name).set_password(operator.name, new)
        except (BotError, NotFound) as problem:
            return show(request, str(problem))
        return RedirectResponse(f"{BASE}/sign-in", 303)
