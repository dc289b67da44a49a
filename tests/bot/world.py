"""Small inboxes for tests: posts, mentions and media written as a person would, by method calls."""

from __future__ import annotations

import json
import struct
import zlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.state.conftest import START


def png(seed: int) -> bytes:
    """A valid 1x1 PNG whose bytes depend on the seed."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    pixel = zlib.compress(b"\0" + seed.to_bytes(3, "big"))
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


class InboxWorld:
    """An inbox folder that grows."""

    def __init__(self, folder: Path, start: datetime = START, *, exist_ok: bool = False) -> None:
        self.folder = folder
        self._time = start
        (folder / "posts").mkdir(parents=True, exist_ok=exist_ok)
        (folder / "media").mkdir(exist_ok=exist_ok)
        (folder / "account.json").write_text('{"id": "bot", "handle": "veritag"}')
        (folder / "mentions.jsonl").touch()

    def medium(self, seed: int) -> str:
        """A picture; the same seed gives the same bytes."""
        name = f"media/{seed}.png"
        (self.folder / name).write_bytes(png(seed))
        return name

    def post(self, id_: str, *media: str, **fields: Any) -> str:
        """A post that somebody made."""
        record = self._record(id_, media, fields)
        (self.folder / "posts" / f"{id_}.json").write_text(json.dumps(record))
        return id_

    def delete(self, id_: str) -> None:
        """A post is gone."""
        (self.folder / "posts" / f"{id_}.json").write_text(json.dumps({"id": id_, "state": "deleted"}))

    def mention(self, id_: str, *media: str, **fields: Any) -> str:
        """Somebody tags the bot."""
        record = self._record(id_, media, {"text": "@veritag is this real?", **fields})
        with (self.folder / "mentions.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")
        return id_

    def _record(self, id_: str, media: tuple[str, ...], fields: dict[str, Any]) -> dict[str, Any]:
        self._time += timedelta(seconds=1)
        author, sensitive = fields.pop("author", "ann"), fields.pop("sensitive", False)
        return {
            "id": id_,
            "author": {"id": author, "handle": author},
            "created_at": self._time.isoformat(),
            "text": "",
            "attachments": [{"url" if "://" in m else "file": m, "sensitive": sensitive} for m in media],
            **fields,
        }

    def replies(self, file: Path | None = None) -> list[dict[str, Any]]:
        """The replies that were written, in order; torn records are none."""
        return [record for record in self._records(file) if "retracts" not in record]

    def retractions(self, file: Path | None = None) -> list[str]:
        """The ids of the replies that were taken back, in order."""
        return [record["retracts"] for record in self._records(file) if "retracts" in record]

    def _records(self, file: Path | None) -> list[dict[str, Any]]:
        path = file or self.folder / "replies.jsonl"
        found = []
        for line in path.read_text().splitlines() if path.exists() else []:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found


def busy_inbox(folder: Path) -> tuple[InboxWorld, dict[str, str]]:
    """An inbox with one of each kind of mention, and what must become of each."""
    world = InboxWorld(folder)
    one, two, three = (world.medium(seed) for seed in (1, 2, 3))
    world.post("p1", one)
    world.post("p2", two, three)
    world.post("p3", text="no media here")
    world.delete("p4")
    world.post("p5", text="look", quoted_id="p1")
    world.mention("m-picture", parent_id="p1")
    world.mention("m-gallery", parent_id="p2", author="bob")
    world.mention("m-second-asker", parent_id="p1", author="bob")
    world.mention("m-asked-already", parent_id="p1")
    world.mention("m-own", two, author="cid")
    world.mention("m-quote-of-parent", parent_id="p5", author="dan")
    world.mention("m-no-media", parent_id="p3")
    world.mention("m-gone", parent_id="p4")
    world.mention("m-chat", text="@veritag hello")
    world.mention("m-bot", one, author="bot")
    return world, {
        "m-picture": "answered",
        "m-gallery": "answered",
        "m-second-asker": "answered",
        "m-asked-already": "ignored:asked_already",
        "m-own": "answered",
        "m-quote-of-parent": "answered",
        "m-no-media": "failed:no_media",
        "m-gone": "failed:post_gone",
        "m-chat": "ignored:nothing_asked",
        "m-bot": "ignored:own_post",
    }
