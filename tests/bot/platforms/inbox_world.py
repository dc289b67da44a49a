"""An inbox folder, seen from outside."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.platforms.base import Platform
from bot.platforms.inbox import InboxPlatform
from tests.bot.platforms.contract import StandingReply

START = datetime(2026, 3, 2, 10, tzinfo=UTC)


class InboxWorld:
    """Writes posts and mentions as any other program would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = 0
        (folder / "posts").mkdir(parents=True)
        (folder / "account.json").write_text('{"id": "bot-1", "handle": "veritag"}', "utf-8")

    def connect(self, *, page_size: int = 100) -> Platform:
        return InboxPlatform(self.folder, page_size=page_size)

    def record(
        self,
        text: str = "",
        *,
        parent_id: str | None = None,
        quoted_id: str | None = None,
        pictures: int = 0,
        language: str | None = None,
        sensitive: bool = False,
    ) -> dict[str, Any]:
        self.made += 1
        return {
            "id": f"post-{self.made}",
            "author": {"id": "ann-1", "handle": "ann"},
            "created_at": (START + timedelta(minutes=self.made)).isoformat(),
            "text": text,
            "parent_id": parent_id,
            "quoted_id": quoted_id,
            "language": language,
            "attachments": [
                {"file": f"media/{number}.png", "sensitive": sensitive} for number in range(pictures)
            ],
        }

    def post(self, text: str = "", **fields: Any) -> str:
        record = self.record(text, **fields)
        self.write_post(record["id"], record)
        return str(record["id"])

    def mention(self, text: str = "", **fields: Any) -> str:
        record = self.record(text, **fields)
        self.append((json.dumps(record) + "\n").encode())
        return str(record["id"])

    def delete(self, post_id: str) -> None:
        self.write_post(post_id, {"state": "deleted"})

    def hide(self, post_id: str) -> None:
        self.write_post(post_id, {"state": "hidden"})

    def replies(self) -> list[StandingReply]:
        return read_replies(self.folder / "replies.jsonl")

    def write_post(self, post_id: str, record: dict[str, Any]) -> None:
        (self.folder / "posts" / f"{post_id}.json").write_text(json.dumps(record), "utf-8")

    def append(self, raw: bytes) -> None:
        with (self.folder / "mentions.jsonl").open("ab") as file:
            file.write(raw)


def read_replies(path: Path) -> list[StandingReply]:
    if not path.exists():
        return []
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    gone = {each["retracts"] for each in records if "retracts" in each}
    return [
        StandingReply(each["in_reply_to"], each["text"], each["language"])
        for each in records
        if "key" in each and each["id"] not in gone
    ]
