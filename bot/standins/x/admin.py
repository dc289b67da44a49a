"""The stand-in's side door: other people's posts, and limits.

POST   /stand-in/posts       {"author": "ann", "text": "@veritag real?", "parent_id": "...", "media": [...]}
DELETE /stand-in/posts/ID    its author deletes it
GET    /stand-in/replies     what the bot has posted and not taken back, oldest first
POST   /stand-in/blocks      {"author": "ann"}: she blocks the bot
POST   /stand-in/limits      {"endpoint": "POST /2/tweets", "requests": 3, "seconds": 60, "told": true}
POST   /stand-in/revoke      every token ends
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Base64Bytes, BaseModel, Field

from bot.standins.serving import ADMIN
from bot.standins.x.accounts import Tokens
from bot.standins.x.documents import document
from bot.standins.x.limits import Allowance, Limits
from bot.standins.x.state import Account, XState

Handle = Annotated[str, Field(pattern=r"^\w{1,15}$")]


class MediumOrder(BaseModel):
    """A file on a post."""

    content: Base64Bytes
    mime: str = "image/png"
    alt_text: str | None = None


class PostOrder(BaseModel):
    """Somebody's post."""

    author: Handle
    text: str = ""
    parent_id: str | None = None
    quoted_id: str | None = None
    language: str = "en"
    media: list[MediumOrder] = []


class Who(BaseModel):
    """Somebody."""

    author: Handle


class LimitOrder(BaseModel):
    """An endpoint's limit."""

    endpoint: str
    requests: Annotated[int, Field(ge=0)]
    seconds: Annotated[float, Field(gt=0)] = 900.0
    told: bool = True


def admin_routes(state: XState, tokens: Tokens, limits: Limits, bot: Account) -> APIRouter:
    """The routes of the side door."""
    router = APIRouter(prefix=ADMIN)

    @router.post("/posts", status_code=201)
    def post(order: PostOrder) -> dict[str, Any]:
        media = [state.add_medium(each.content, each.mime, each.alt_text) for each in order.media]
        made = state.post(
            state.account(order.author),
            order.text,
            parent_id=order.parent_id,
            quoted_id=order.quoted_id,
            media=media,
            language=order.language,
        )
        return document(made)

    @router.delete("/posts/{tweet_id}", status_code=204)
    def delete(tweet_id: str) -> None:
        state.delete(tweet_id)

    @router.get("/replies")
    def replies() -> list[dict[str, Any]]:
        standing = [each for each in state.posts_of(bot) if not each.deleted]
        return [document(each) for each in reversed(standing)]

    @router.post("/blocks", status_code=204)
    def block(who: Who) -> None:
        state.account(who.author).blocked.add(bot.id)

    @router.post("/limits", status_code=204)
    def limit(order: LimitOrder) -> None:
        limits.allowances[order.endpoint] = Allowance(order.requests, order.seconds, order.told)

    @router.post("/revoke", status_code=204)
    def revoke() -> None:
        tokens.revoke()

    return router
