"""A small OpenID provider on loopback: one person, who has signed in there already."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

from bot.web.server import WebServer

CLIENT_ID, CLIENT_SECRET = "veritag-console", "a secret between the two"


@dataclass
class Provider:
    """What it says, for tests to change: ``claims`` go over the usual ones; ``signer`` signs."""

    subject: str = "ann-at-provider"
    claims: dict[str, Any] = field(default_factory=dict)
    known: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    signer: RSAKey | None = None
    issuer: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def token(self, asked: dict[str, str]) -> str:
        """The signed identity token for what was asked."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": self.subject,
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 60,
        } | self.claims
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signer or self.known)


@contextmanager
def served(provider: Provider) -> Iterator[str]:
    """Serve it; yields its address."""
    with WebServer(_app(provider), port=0) as server:
        provider.issuer = f"http://127.0.0.1:{server.port}"
        yield provider.issuer


def _app(provider: Provider) -> FastAPI:
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    def discovery() -> dict[str, Any]:
        at = provider.issuer
        return {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    @app.get("/keys")
    def keys() -> dict[str, Any]:
        return {"keys": [provider.known.as_dict(private=False)]}

    @app.get("/authorize")
    def authorize(request: Request) -> RedirectResponse:
        asked = dict(request.query_params)
        assert asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == CLIENT_ID
        code = f"code-{len(provider.codes)}"
        provider.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 303)

    @app.post("/token")
    async def token(request: Request) -> dict[str, Any]:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        credentials = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {credentials}":
            raise HTTPException(401)
        asked = provider.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if asked is None or base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            raise HTTPException(400)
        return {"access_token": "x", "token_type": "Bearer", "id_token": provider.token(asked)}

    return app
