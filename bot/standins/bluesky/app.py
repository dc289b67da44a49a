"""The stand-in's server: XRPC, the files, the directory of DIDs, and faults over all of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp

from bot.platforms.bluesky import lexicon
from bot.standins.bluesky.methods import OPEN, SIGNED, Parameters
from bot.standins.bluesky.network import Network, Refused
from bot.standins.faults import FaultKind, Faults
from bot.standins.serving import Faulty, Refusal, fault_routes

BOT = "veritag.test"
WINDOW = 300


def _error(error: str, message: str) -> bytes:
    return json.dumps({"error": error, "message": message}).encode()


class BlueskyStandIn:
    """One network. ``budget`` is how many requests it takes in `WINDOW` seconds, all methods together."""

    name = "bluesky"

    def __init__(self, budget: int = 3000) -> None:
        self.network = Network()
        self.faults = Faults()
        self.budget = budget
        self._guard = threading.Lock()
        self._window = (0, 0)  # its number since 1970, and the requests in it
        self.app: ASGIApp = Faulty(self._routes(), self.faults, self._refusals())

    def welcome(self, url: str) -> str:
        """The settings for a rehearsal, with an account for the bot."""
        bot = self.network.find(BOT) or self.network.join(BOT, "rehearsal")
        bot.app_passwords["rehearsal"] = "rehearsal-app-password"
        return (
            f"A stand-in for Bluesky listens on {url}\n\n"
            f'[bluesky]\nservice_url = "{url}"\nplc_url = "{url}"\nhandle = "{BOT}"\n'
            'app_password = "rehearsal-app-password"\n\n[fetch]\nallow_networks = ["127.0.0.0/8"]\n'
            f"ports = [80, 443, {url.rpartition(':')[2]}]\n"
        )

    def _routes(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.include_router(fault_routes(self.faults))

        @app.get("/xrpc/com.atproto.sync.getBlob")
        def blob(did: str, cid: str) -> Response:
            mime, content = self.network.blobs.get((did, cid), ("", b""))
            if not content:
                return Response(_error("BlobNotFound", "Blob not found"), 400, media_type="application/json")
            return Response(content, media_type=mime)

        @app.api_route("/xrpc/{method}", methods=["GET", "POST"])
        async def call(method: str, request: Request) -> Response:
            return await self._call(method, request)

        @app.get("/{did}")
        def document(did: str, request: Request) -> Response:
            account = self.network.accounts.get(did)
            if account is None:
                return Response(b'{"message":"DID not registered"}', 404)
            pds = {
                "id": "#atproto_pds",
                "type": "AtprotoPersonalDataServer",
                "serviceEndpoint": str(request.base_url).rstrip("/"),
            }
            told = {"id": did, "alsoKnownAs": [f"at://{account.handle}"], "service": [pds]}
            return Response(json.dumps(told).encode(), media_type="application/did+ld+json")

        return app

    async def _call(self, method: str, request: Request) -> Response:
        body = await request.body()
        headers = self._spend()
        try:
            if int(headers["ratelimit-remaining"]) < 0:
                raise Refused(429, "RateLimitExceeded", "Rate Limit Exceeded")
            answer = self._answer(method, request, body)
        except Refused as refused:
            content = _error(refused.error, refused.message)
            return Response(content, refused.status, headers, "application/json")
        return Response(json.dumps(answer).encode(), 200, headers, "application/json")

    def _answer(self, method: str, request: Request, body: bytes) -> Mapping[str, Any]:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if method == lexicon.REFRESH_SESSION:
            return self.network.renew(token)
        if method == lexicon.UPLOAD_BLOB:
            kind = request.headers.get("content-type", "")
            return {"blob": self.network.keep_blob(self.network.caller(token).did, kind, body)}
        asked = Parameters(_values(request, body))
        if method in OPEN:
            return OPEN[method](self.network, asked)
        if method in SIGNED:
            return SIGNED[method](self.network, self.network.caller(token), asked)
        raise Refused(501, "MethodNotImplemented", "Method Not Implemented")

    def _spend(self) -> dict[str, str]:
        """Count a request, and say what is left as the real servers do."""
        window = int(time.time()) // WINDOW
        with self._guard:
            used = self._window[1] + 1 if self._window[0] == window else 1
            self._window = window, used
        told = {"limit": self.budget, "remaining": self.budget - used, "reset": (window + 1) * WINDOW}
        return {f"ratelimit-{name}": str(number) for name, number in told.items()}

    def _refusals(self) -> dict[FaultKind, Refusal]:
        def soon() -> dict[str, str]:
            reset = str(int(time.time()) + 30)
            return {"ratelimit-limit": "10", "ratelimit-remaining": "0", "ratelimit-reset": reset}

        slow_down = _error("RateLimitExceeded", "Rate Limit Exceeded")
        return {
            FaultKind.RATE_LIMITED: Refusal(429, slow_down, headers=soon),
            FaultKind.RATE_LIMITED_WITHOUT_RESET: Refusal(429, slow_down),
            FaultKind.SERVER_ERROR: Refusal(503, _error("NotEnoughResources", "Try again")),
            FaultKind.SERVER_ERROR_AFTER: Refusal(502, _error("UpstreamFailure", "Upstream Failure")),
            FaultKind.UNAUTHORIZED: Refusal(401, _error("AuthMissing", "Authentication Required")),
            FaultKind.FORBIDDEN: Refusal(403, _error("Forbidden", "Bad token scope")),
            FaultKind.DUPLICATE: Refusal(400, _error("InvalidRequest", "Duplicate record")),
            FaultKind.PARENT_GONE: Refusal(400, _error("NotFound", "Post not found")),
        }


def _values(request: Request, body: bytes) -> dict[str, Any]:
    """The query's values, in lists where a name stands several times; or the body's."""
    if request.method == "GET":
        lists = {name: request.query_params.getlist(name) for name in request.query_params}
        return {name: values[0] if len(values) == 1 else values for name, values in lists.items()}
    try:
        told = json.loads(body or b"{}")
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Refused(400, "InvalidRequest", "The request body is no JSON object")
    return told
