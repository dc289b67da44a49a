"""The stand-in's HTTP: the part of X's API v2 that a bot needs, as X's OpenAPI document 2.159 has it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from bot.standins.x.accounts import Caller, Tokens
from bot.standins.x.documents import listing, problem, some, unseen, user
from bot.standins.x.limits import Limits
from bot.standins.x.state import Account, Medium, Refusal, Tweet, XState

PROBLEM_JSON = "application/problem+json"
_LEAST, _MOST = 5, 100


class Reply(BaseModel):
    """The part of a new post that says what it answers."""

    in_reply_to_tweet_id: str


class Media(BaseModel):
    """The part of a new post that names uploaded media."""

    media_ids: list[str] = Field(min_length=1, max_length=4)


class NewTweet(BaseModel):
    """A post to be made."""

    text: str = ""
    reply: Reply | None = None
    media: Media | None = None
    quote_tweet_id: str | None = None


class Upload(BaseModel):
    """A file, in base64."""

    media: str
    media_category: str
    media_type: str = "image/png"


class AltText(BaseModel):
    """A description."""

    text: str = Field(max_length=1000)


class Described(BaseModel):
    """What is known of a medium."""

    alt_text: AltText


class Description(BaseModel):
    """A description of an uploaded medium."""

    id: str
    metadata: Described


class Door:
    """Who comes in: known callers, within their limits, with the permission that they need."""

    def __init__(self, tokens: Tokens, limits: Limits) -> None:
        self._tokens = tokens
        self._limits = limits

    def admitted(self, request: Request, endpoint: str) -> tuple[Caller, dict[str, str]]:
        """The caller, and the headers of the answer.

        Raises:
            Refusal: not known, or once too often.
        """
        caller = self._tokens.caller(request.headers.get("authorization", ""))
        allowed, headers = self._limits.count(endpoint, caller.token)
        if caller.account is not None:
            headers["x-access-level"] = self._tokens.permission
        if not allowed:
            raise Refusal(429, None, "Too Many Requests", headers)
        return caller, headers

    def speaking(self, request: Request, endpoint: str) -> tuple[Account, dict[str, str]]:
        """The account that the caller speaks for; what changes something needs the app to be allowed that."""
        caller, headers = self.admitted(request, endpoint)
        if caller.account is None:
            raise Refusal(403, "unsupported-authentication", "Authenticating with an app token is forbidden.")
        if request.method != "GET" and self._tokens.permission != "read-write":
            detail = "Your client app is not configured with the appropriate oauth1 app permissions."
            raise Refusal(403, "oauth1-permissions", detail)
        return caller.account, headers


def create_server(state: XState, tokens: Tokens, limits: Limits) -> FastAPI:
    """The application: reads, posts, media."""
    app = FastAPI(title="Stand-in for X", docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(Refusal)
    def refused(_request: Request, refusal: Refusal) -> Response:
        body = problem(refusal.status, refusal.kind, refusal.detail)
        return JSONResponse(body, refusal.status, refusal.headers, PROBLEM_JSON)

    @app.get("/media/{medium_id}")
    def file(medium_id: str) -> Response:
        medium = _medium(state, medium_id)
        return Response(medium.content, media_type=medium.mime)

    door = Door(tokens, limits)
    app.include_router(_reading(state, door))
    app.include_router(_posting(state, door))
    return app


def _reading(state: XState, door: Door) -> APIRouter:
    app = APIRouter()

    @app.get("/2/users/me")
    def me(request: Request) -> Response:
        account, headers = door.speaking(request, "GET /2/users/me")
        return JSONResponse({"data": user(account)}, headers=headers)

    @app.get("/2/users/{user_id}/mentions")
    def mentions(request: Request, user_id: str) -> Response:
        caller, headers = door.admitted(request, "GET /2/users/{id}/mentions")
        found = state.mentions_of(_account(state, user_id))
        return JSONResponse(_page(state, request, caller, list(found)), headers=headers)

    @app.get("/2/users/{user_id}/tweets")
    def posts(request: Request, user_id: str) -> Response:
        caller, headers = door.admitted(request, "GET /2/users/{id}/tweets")
        found = state.posts_of(_account(state, user_id))
        return JSONResponse(_page(state, request, caller, list(found)), headers=headers)

    @app.get("/2/tweets")
    def look_up(request: Request, ids: str) -> Response:
        caller, headers = door.admitted(request, "GET /2/tweets")
        named = ids.split(",")
        problems = [unseen(state, each, caller.account, "ids") for each in named]
        seen = [state.tweets[each] for each, fault in zip(named, problems, strict=True) if fault is None]
        body = listing(state, seen, caller.account, _base(request))
        errors = [fault for fault in problems if fault is not None]
        return JSONResponse(body | some(errors=[*errors, *body.get("errors", [])]), headers=headers)

    return app


def _posting(state: XState, door: Door) -> APIRouter:
    app = APIRouter()

    @app.post("/2/tweets")
    def create(request: Request, new: NewTweet) -> Response:
        account, headers = door.speaking(request, "POST /2/tweets")
        made = state.post(
            account,
            new.text,
            parent_id=new.reply.in_reply_to_tweet_id if new.reply else None,
            quoted_id=new.quote_tweet_id,
            media=[_medium(state, each) for each in new.media.media_ids] if new.media else [],
        )
        body = {"id": made.id, "text": made.text, "edit_history_tweet_ids": [made.id]}
        return JSONResponse({"data": body}, 201, headers)

    @app.delete("/2/tweets/{tweet_id}")
    def delete(request: Request, tweet_id: str) -> Response:
        account, headers = door.speaking(request, "DELETE /2/tweets/{id}")
        tweet = state.tweets.get(tweet_id)
        if tweet is not None and tweet.author.id != account.id:
            raise Refusal(403, None, "You are not authorized to delete this Tweet.")
        state.delete(tweet_id)
        return JSONResponse({"data": {"deleted": True}}, headers=headers)

    @app.post("/2/media/upload")
    def upload(request: Request, upload: Upload) -> Response:
        _, headers = door.speaking(request, "POST /2/media/upload")
        try:
            content = base64.b64decode(upload.media, validate=True)
        except binascii.Error:
            raise Refusal(400, "invalid-request", "media is no base64") from None
        made = state.add_medium(content, upload.media_type)
        body = {"id": made.id, "media_key": made.key, "size": len(content), "expires_after_secs": 86_400}
        return JSONResponse({"data": body, "meta": {}}, headers=headers)

    @app.post("/2/media/metadata")
    def describe(request: Request, description: Description) -> Response:
        _, headers = door.speaking(request, "POST /2/media/metadata")
        medium, text = _medium(state, description.id), description.metadata.alt_text.text
        medium.alt_text = text
        described = {"id": medium.id, "associated_metadata": {"alt_text": {"text": text}}}
        return JSONResponse({"data": described}, headers=headers)

    return app


def _page(state: XState, request: Request, caller: Caller, found: list[Tweet]) -> dict[str, Any]:
    """One page. What is deleted or hidden is taken out of a page after it was cut, so pages may be short."""
    asked = request.query_params
    size = _whole(asked, "max_results", 10)
    if not _LEAST <= size <= _MOST:
        raise Refusal(400, "invalid-request", f"The max_results query parameter value [{size}] is not valid")
    since = _whole(asked, "since_id", 0)
    behind = [each for each in found if int(each.id) > since and _older(asked)(each)]
    page, rest = list(islice(behind, size)), behind[size:]
    seen = [each for each in page if not each.deleted and not state.hidden(each, caller.account)]
    ids = [each.id for each in seen]
    meta = {"result_count": len(seen)} | some(
        newest_id=ids[0] if ids else None,
        oldest_id=ids[-1] if ids else None,
        next_token=_token(page[-1]) if rest else None,
    )
    return listing(state, seen, caller.account, _base(request)) | {"meta": meta}


def _older(asked: Mapping[str, str]) -> Callable[[Tweet], bool]:
    token = asked.get("pagination_token")
    if token is None:
        return lambda _: True
    if not (token.startswith("7140") and token.isascii() and token[4:].isdigit()):
        detail = f"The pagination_token query parameter value [{token}] is not valid"
        raise Refusal(400, "invalid-request", detail)
    return lambda tweet: int(tweet.id) < int(token[4:])


def _token(last: Tweet) -> str:
    return f"7140{last.id}"


def _whole(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400, "invalid-request", f"The {name} query parameter value [{text}] is not valid")
    return int(text)


def _account(state: XState, user_id: str) -> Account:
    if user_id not in state.accounts:
        raise Refusal(404, "resource-not-found", f"Could not find user with id: [{user_id}].")
    return state.accounts[user_id]


def _medium(state: XState, medium_id: str) -> Medium:
    if medium_id not in state.media:
        raise Refusal(400, "invalid-request", "Your media IDs are invalid.")
    return state.media[medium_id]


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")
