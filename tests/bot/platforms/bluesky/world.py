"""A Bluesky network, seen from outside: the same world over the stand-in and over the real servers."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from bot.credentials import Credentials
from bot.platforms.access import Access
from bot.platforms.bluesky import create
from bot.platforms.bluesky.platform import BlueskyPlatform
from bot.platforms.gate import Gate
from tests.bot.platforms.contract import StandingReply
from tests.bot.world import png

POST = "app.bsky.feed.post"
PATIENCE = 15.0
numbers = itertools.count(1)


def eventually(look: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Wait until something is so; the real network indexes a little later."""
    deadline = time.monotonic() + patience
    while not look():
        assert time.monotonic() < deadline, f"{what} did not come about within {patience} s"
        time.sleep(0.02)


@dataclass
class Person:
    """One account, speaking plain XRPC."""

    http: httpx.Client
    handle: str
    password: str
    did: str
    token: str
    app_password: str = ""
    cids: dict[str, str] = field(default_factory=dict)

    @classmethod
    def join(cls, http: httpx.Client, name: str) -> Person:
        handle, password = f"{name}-{secrets.token_hex(4)}.test", secrets.token_hex(8)
        body = {"handle": handle, "email": f"{handle}@example.test", "password": password}
        told = http.post("/xrpc/com.atproto.server.createAccount", json=body).raise_for_status().json()
        return cls(http, handle, password, told["did"], told["accessJwt"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        answer = self.http.get(f"/xrpc/{method}", params=params, headers=self.headers)
        return dict(answer.raise_for_status().json())

    def tell(self, method: str, **body: Any) -> dict[str, Any]:
        answer = self.http.post(f"/xrpc/{method}", json=body, headers=self.headers).raise_for_status()
        return dict(answer.json() if answer.content else {})

    def upload(self, content: bytes, mime: str) -> dict[str, Any]:
        headers = {**self.headers, "Content-Type": mime}
        answer = self.http.post("/xrpc/com.atproto.repo.uploadBlob", content=content, headers=headers)
        return dict(answer.raise_for_status().json()["blob"])

    def create(self, collection: str, **record: Any) -> dict[str, str]:
        record = {"$type": collection, "createdAt": now_text(), **record}
        return self.tell("com.atproto.repo.createRecord", repo=self.did, collection=collection, record=record)

    def delete(self, uri: str) -> None:
        rkey = uri.rpartition("/")[2]
        self.tell("com.atproto.repo.deleteRecord", repo=self.did, collection=POST, rkey=rkey)

    def get_app_password(self) -> str:
        name = f"bot-{next(numbers)}"
        self.app_password = self.tell("com.atproto.server.createAppPassword", name=name)["password"]
        return self.app_password


class Clock:
    """Times for records: now, and each later than the one before."""

    last = datetime(2026, 1, 1, tzinfo=UTC)


def now_text() -> str:
    Clock.last = max(datetime.now(UTC), Clock.last + timedelta(milliseconds=1))
    return Clock.last.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class BlueskyWorld:
    """The bot's account, one author, and what they say."""

    def __init__(self, url: str, plc_url: str, folder: Path) -> None:
        self.url, self.plc_url, self.folder = url, plc_url, folder
        self.http = httpx.Client(base_url=url, timeout=20)
        self.bot, self.ann = Person.join(self.http, "veri"), Person.join(self.http, "ann")
        self.bot.get_app_password()
        self.refs: dict[str, dict[str, Any]] = {}

    @property
    def credentials(self) -> Credentials:
        return Credentials(
            self.folder / "bluesky.json",
            {"handle": self.bot.handle, "app_password": self.bot.app_password},
        )

    def connect(self, *, page_size: int = 100, **options: Any) -> BlueskyPlatform:
        settings = {
            "handle": None,
            "service_url": self.url,
            "plc_url": self.plc_url,
            "page_size": page_size,
            "poll_interval": 0.0,
            "reply_interval": 0.0,
            "connect_timeout": 5.0,
            "read_timeout": 20.0,
        }
        return create(Access(Gate("bluesky"), self.credentials), **{**settings, **options})

    def post(self, text: str = "", *, by: Person | None = None, **fields: Any) -> str:
        by = by or self.ann
        record = self._record(by, text, **fields)
        ref = by.create(POST, **record)
        uri = ref["uri"]
        self.refs[uri] = {"uri": uri, "cid": ref["cid"], "root": record.get("reply", {}).get("root")}
        eventually(lambda: self.seen(uri), "the post")
        return uri

    def mention(self, text: str = "", *, by: Person | None = None, **fields: Any) -> str:
        tag = f"@{self.bot.handle}"
        index = {"byteStart": 0, "byteEnd": len(tag)}
        features = [{"$type": "app.bsky.richtext.facet#mention", "did": self.bot.did}]
        facets = [{"index": index, "features": features}]
        uri = self.post(f"{tag} {text}".strip(), by=by, facets=facets, **fields)
        eventually(lambda: uri in self.notified(), "the notification")
        return uri

    def delete(self, post_id: str) -> None:
        self.ann.delete(post_id)
        eventually(lambda: not self.seen(post_id), "the deletion")
        eventually(lambda: post_id not in self.notified(), "the deletion")

    def hide(self, post_id: str) -> None:
        self.ann.create("app.bsky.graph.block", subject=self.bot.did)
        eventually(lambda: not self.seen(post_id), "the block")

    def replies(self) -> list[StandingReply]:
        records = [each["value"] for each in self.reply_records()]
        return [
            StandingReply(each["reply"]["parent"]["uri"], each["text"], each["langs"][0])
            for each in sorted(records, key=lambda record: record["createdAt"])
        ]

    def reply_records(self) -> list[dict[str, Any]]:
        found = self.bot.ask("com.atproto.repo.listRecords", repo=self.bot.did, collection=POST, limit=100)
        return list(found["records"])

    def seen(self, uri: str) -> bool:
        return bool(self.bot.ask("app.bsky.feed.getPosts", uris=[uri])["posts"])

    def notified(self) -> set[str]:
        listed = self.bot.ask("app.bsky.notification.listNotifications", limit=100)
        return {each["uri"] for each in listed["notifications"]}

    def _record(
        self,
        by: Person,
        text: str,
        *,
        parent_id: str | None = None,
        quoted_id: str | None = None,
        pictures: int = 0,
        language: str | None = None,
        sensitive: bool = False,
        embed: dict[str, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        record: dict[str, Any] = {"text": text, **more}
        if language is not None:
            record["langs"] = [language]
        if sensitive:
            labels = {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "graphic-media"}]}
            record["labels"] = labels
        if parent_id is not None:
            parent = self.refs[parent_id]
            above = {"uri": parent["uri"], "cid": parent["cid"]}
            record["reply"] = {"root": parent["root"] or above, "parent": above}
        if pictures:
            blobs = [by.upload(png(next(numbers)), "image/png") for _ in range(pictures)]
            embed = {
                "$type": "app.bsky.embed.images",
                "images": [{"image": blob, "alt": f"picture {n}"} for n, blob in enumerate(blobs)],
            }
        if quoted_id is not None:
            quoted = self.refs[quoted_id]
            quote = {
                "$type": "app.bsky.embed.record",
                "record": {"uri": quoted["uri"], "cid": quoted["cid"]},
            }
            both = {"$type": "app.bsky.embed.recordWithMedia", "record": quote, "media": embed}
            embed = both if embed else quote
        return record | ({"embed": embed} if embed else {})

    def close(self) -> None:
        self.http.close()
