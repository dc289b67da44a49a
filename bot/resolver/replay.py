"""Answers from a fixture in place of the network: recorded ones, or what was made by hand.

A fixture is a JSON file (or the same as a dict):

    {"url": "the URL that was resolved",
     "exchanges": [{"method": "GET", "url": "...", "status": 200, "headers": {"content-type": "..."},
                    and its body as one of: "json": any, "text": "...", "file": "a file beside it",
                    "media": "image/png" (bytes that begin like such a file)}],
     "extractor": [{"url": "...", "info": {yt-dlp's info.json}}, or
                   {"url": "...", "error": {"reason": "gone", "detail": "..."}}]}

All but `url` of an exchange may be left out. One that is asked for several times is answered in turn, in
the end always by the last.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import BotError, ResolveError, ResolveFailure
from bot.resolver.transport import Asked, Reply
from bot.resolver.wire import Deadline

_HEADS = {
    "image/jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "image/png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "image/gif": b"GIF89a",
    "image/webp": b"RIFF\x40\0\0\0WEBPVP8 ",
    "image/avif": b"\0\0\0\x18ftypavif\0\0\0\0avifmif1",
    "image/heic": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
    "video/mp4": b"\0\0\0\x18ftypisom\0\0\0\0isommp42",
    "video/quicktime": b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
    "video/webm": b"\x1aE\xdf\xa3\x93B\x82\x84webm",
    "audio/mpeg": b"ID3\x04\0\0\0\0\0\0",
    "audio/mp4": b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42",
    "audio/ogg": b"OggS\0\x02",
    "audio/wav": b"RIFF\x40\0\0\0WAVEfmt ",
}


class NotRecorded(BotError):
    """The fixture has no answer to what was asked: it does not fit the code."""


@dataclass(slots=True)
class _Recorded:
    """One answer; a `transport.Reply`."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def iter_stream(self) -> Iterator[bytes]:
        """The body in one piece."""
        yield self.body


class Fixture:
    """A fixture as the two parts that go to the network: a `Transport`, and an `Extractor`.

    ``asked`` lists the requests in their order. Safe to use from many threads.
    """

    def __init__(self, content: Mapping[str, Any], folder: Path | None = None) -> None:
        self.url: str = content.get("url", "")
        self.asked: list[Asked] = []
        self._folder = folder
        self._left: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for each in content.get("exchanges", ()):
            self._left.setdefault((each.get("method", "GET"), each["url"]), []).append(each)
        for each in content.get("extractor", ()):
            self._left.setdefault(("yt-dlp", each["url"]), []).append(each)
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: Path) -> Fixture:
        """Read one from a file.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        return cls(json.loads(path.read_text("utf-8")), path.parent)

    def close(self) -> None:
        """Nothing is open."""

    @contextmanager
    def ask(self, asked: Asked, deadline: Deadline) -> Iterator[Reply]:
        """The recorded answer.

        Raises:
            NotRecorded: there is none.
        """
        del deadline
        with self._lock:
            self.asked.append(asked)
        each = self._next(asked.method, str(asked.place))
        headers = [(name.encode(), str(value).encode()) for name, value in each.get("headers", {}).items()]
        yield _Recorded(each.get("status", 200), headers, self._body(each))

    def extract(self, url: str) -> Mapping[str, Any]:
        """The recorded info.json.

        Raises:
            ResolveError: the recorded one.
            NotRecorded: there is none.
        """
        each = self._next("yt-dlp", url)
        if "error" in each:
            raise ResolveError(ResolveFailure(each["error"]["reason"]), each["error"]["detail"])
        info: Mapping[str, Any] = each["info"]
        return info

    def download(self, url: str, selection: str, folder: Path) -> tuple[Path, ...]:
        """One file for each format of the selection."""
        del url
        formats = selection.partition(":")[2].split(",")
        made = []
        for number, _ in enumerate(formats):
            path = folder / f"{number}.mp4"
            path.write_bytes(_HEADS["video/mp4"])
            made.append(path)
        return tuple(made)

    def _next(self, method: str, url: str) -> Mapping[str, Any]:
        with self._lock:
            left = self._left.get((method, url))
            if not left:
                raise NotRecorded(f"the fixture has no answer to {method} {url}; record it or mend the site")
            return left.pop(0) if len(left) > 1 else left[0]

    def _body(self, each: Mapping[str, Any]) -> bytes:
        if "json" in each:
            return json.dumps(each["json"]).encode()
        if "file" in each:
            assert self._folder is not None, "only a fixture that was loaded from a file has files beside it"
            return (self._folder / str(each["file"])).read_bytes()
        if "media" in each:
            return _HEADS[each["media"]].ljust(512, b"\0")
        return str(each.get("text", "")).encode()
