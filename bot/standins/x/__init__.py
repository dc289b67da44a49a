"""A stand-in for X: accounts, posts, media and limits in memory, behind X's own API v2.

with WebServer(stand_in.app, port=0) as server: ...
mention = stand_in.state.post(stand_in.state.account("ann"), "@veritag is this real?")
stand_in.faults.add(Fault(FaultKind.TIMEOUT_AFTER, "POST /2/tweets"))
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

from bot.clock import Clock, SystemClock
from bot.standins.faults import FaultKind, Faults
from bot.standins.serving import ADMIN, Faulty, fault_routes
from bot.standins.serving import Refusal as FaultRefusal
from bot.standins.x.accounts import Tokens
from bot.standins.x.admin import admin_routes
from bot.standins.x.documents import problem
from bot.standins.x.granting import granting_routes
from bot.standins.x.limits import Limits, headers
from bot.standins.x.server import PROBLEM_JSON, create_server
from bot.standins.x.state import Tweet, XState

BOT = "veritag"


class XStandIn:
    """The stand-in. ``bot`` is the account that the bot under rehearsal speaks for."""

    name = "x"

    def __init__(self, clock: Clock | None = None, bot: str = BOT) -> None:
        clock = clock or SystemClock()
        self.state = XState(clock)
        self.bot = self.state.account(bot)
        self.tokens = Tokens(clock)
        self.limits = Limits(clock)
        self.faults = Faults()
        self._clock = clock
        server = create_server(self.state, self.tokens, self.limits)
        server.include_router(granting_routes(self.tokens, self.bot))
        server.include_router(admin_routes(self.state, self.tokens, self.limits, self.bot))
        server.include_router(fault_routes(self.faults))
        self.app = Faulty(server, self.faults, self._refusals())

    def replies(self) -> list[Tweet]:
        """What the bot has posted and not taken back, oldest first."""
        return [each for each in self.state.posts_of(self.bot) if not each.deleted][::-1]

    def welcome(self, url: str) -> str:
        """Settings by which the bot speaks for the account here, and how somebody tags it."""
        lines = {"api_url": url, "poll_interval": 1, "reply_interval": 0} | self.tokens.oauth1(self.bot)
        settings = "\n".join(f"{name} = {json.dumps(value)}" for name, value in lines.items())
        example = json.dumps({"author": "ann", "text": f"@{self.bot.handle} is this real?"})
        return (
            f"A stand-in for X listens on {url}. In veritag.toml:\n\n"
            f'platforms = ["x"]\n[x]\n{settings}\n\n'
            f"Somebody tags the bot:\ncurl -s {url}{ADMIN}/posts -H 'Content-Type: application/json' "
            f"-d '{example}'\nWhat the bot has answered:\ncurl -s {url}{ADMIN}/replies"
        )

    def _refusals(self) -> dict[FaultKind, FaultRefusal]:
        """Faults in X's words."""
        gone = "You attempted to reply to a Tweet that is deleted or not visible to you."
        twice = "You are not allowed to create a Tweet with duplicate content."
        return {
            FaultKind.RATE_LIMITED: _refusal(429, None, "Too Many Requests", self._no_more),
            FaultKind.RATE_LIMITED_WITHOUT_RESET: _refusal(429, None, "Too Many Requests"),
            FaultKind.UNAUTHORIZED: _refusal(401, None, "Unauthorized"),
            FaultKind.FORBIDDEN: _refusal(403, "client-forbidden", "The account may not do this."),
            FaultKind.DUPLICATE: _refusal(403, None, twice),
            FaultKind.PARENT_GONE: _refusal(403, None, gone),
        }

    def _no_more(self) -> dict[str, str]:
        return headers(300, 0, self._clock.now() + timedelta(seconds=900))


def _refusal(
    status: int, kind: str | None, detail: str, told: Callable[[], dict[str, str]] = dict
) -> FaultRefusal:
    body = json.dumps(problem(status, kind, detail)).encode()
    return FaultRefusal(status, body, PROBLEM_JSON, told)


def create() -> XStandIn:
    """The stand-in that `veritag stand-in x` serves."""
    return XStandIn()
