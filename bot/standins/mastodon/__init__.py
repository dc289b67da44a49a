"""The stand-in for a Mastodon server: `veritag stand-in mastodon`.

It speaks the part of the API that the bot uses, and enough of the rest that a person or a script can post to
it: uploads, statuses, deletions, notifications, streams, apps and tokens. `Network` is the same from inside.
"""

from __future__ import annotations

import json
from datetime import timedelta

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from bot.clock import Clock, SystemClock
from bot.standins.faults import FaultKind, Faults
from bot.standins.mastodon.api import api_routes
from bot.standins.mastodon.budgets import Budgets, Counted, headers
from bot.standins.mastodon.network import Network, Refused
from bot.standins.mastodon.oauth import oauth_routes
from bot.standins.mastodon.rendering import Renderer
from bot.standins.serving import ADMIN, Faulty, Refusal, fault_routes

__all__ = ["MastodonStandIn", "create"]

BOT = "veritag"
ASKER = "ann"


class MastodonStandIn:
    """One instance, with an account for the bot and one for somebody who asks."""

    name = "mastodon"

    def __init__(self, clock: Clock | None = None) -> None:
        self.network = Network(clock)
        self.budgets = Budgets(clock or SystemClock())
        self.faults = Faults()
        self.bot = self.network.join(BOT, bot=True)
        self.asker = self.network.join(ASKER)
        self.token = self.network.grant(self.bot)
        self.app: ASGIApp = Faulty(Counted(self._application(), self.budgets), self.faults, self._refusals())

    def welcome(self, url: str) -> str:
        """What an operator needs for a rehearsal."""
        asking = self.network.grant(self.asker)
        order = {"kind": FaultKind.TIMEOUT_AFTER, "endpoint": "POST /api/v1/statuses"}
        header = f"-H 'Authorization: Bearer {asking}'"
        return "\n".join(
            (
                f"A Mastodon stand-in at {url}; everything is forgotten when it ends.",
                "",
                "The bot's side:",
                "  export VERITAG_PLATFORMS=mastodon",
                f"  export VERITAG_MASTODON__URL={url}",
                f"  export VERITAG_MASTODON__ACCESS_TOKEN={self.token}",
                "  export VERITAG_FETCH__ALLOW_NETWORKS=127.0.0.0/8",
                f"  export VERITAG_FETCH__PORTS={url.rpartition(':')[2]}",
                "  veritag run",
                "",
                f"@{ASKER} posts a picture, tags the bot on it, and sees what came of it:",
                f"  curl {header} -F file=@PICTURE {url}/api/v2/media",
                f"  curl {header} -d 'status=@{BOT} is this real?' -d 'media_ids[]=ID' {url}/api/v1/statuses",
                f"  curl {header} {url}/api/v1/notifications",
                "",
                "What shall go wrong:",
                f"  curl --json '{json.dumps(order)}' {url}{ADMIN}/faults",
            )
        )

    def _application(self) -> FastAPI:
        app = FastAPI(title="Mastodon stand-in", docs_url=None, redoc_url=None, openapi_url=None)
        app.include_router(fault_routes(self.faults))
        app.include_router(api_routes(self.network, Renderer(self.network)))
        app.include_router(oauth_routes(self.network))

        @app.exception_handler(Refused)
        async def refuse(_request: Request, refused: Exception) -> Response:
            status = refused.status if isinstance(refused, Refused) else 500
            return JSONResponse({"error": str(refused)}, status)

        return app

    def _refusals(self) -> dict[FaultKind, Refusal]:
        """The faults in Mastodon's own words."""
        now = self.network.clock.now

        def reset() -> dict[str, str]:
            return headers(300, 0, now() + timedelta(seconds=60))

        return {
            FaultKind.RATE_LIMITED: Refusal(429, _error("Too many requests"), headers=reset),
            FaultKind.RATE_LIMITED_WITHOUT_RESET: Refusal(429, _error("Too many requests")),
            FaultKind.UNAUTHORIZED: Refusal(401, _error("The access token is invalid")),
            FaultKind.FORBIDDEN: Refusal(403, _error("This action is not allowed")),
            FaultKind.DUPLICATE: Refusal(422, _error("Validation failed: Text has been posted already")),
            FaultKind.PARENT_GONE: Refusal(404, _error("Record not found")),
        }


def create() -> MastodonStandIn:
    """A new instance, empty but for its two accounts."""
    return MastodonStandIn()


def _error(message: str) -> bytes:
    return json.dumps({"error": message}).encode()
