"""Recording what a resolving asks and gets, as a fixture for `bot.resolver.replay`. See `scrubbing`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import ResolveError
from bot.resolver.base import Extractor
from bot.resolver.decoding import decoded
from bot.resolver.page_text import decode_text
from bot.resolver.sniff import HEAD_BYTES, sniff
from bot.resolver.transport import Asked, Reply, Transport
from bot.resolver.wire import Deadline

# What sites and the fetcher read of an answer's head; everything else may tell of the one who asked.
_KEPT = frozenset({"content-type", "location", "retry-after", "x-rate-limit-reset", "x-ratelimit-reset"})
_MOST_BYTES = 5_000_000


@dataclass(slots=True)
class _Teed:
    """A reply that keeps a copy of what is read of it; a `transport.Reply`."""

    status: int
    headers: list[tuple[bytes, bytes]]
    inner: Reply
    kept: bytearray

    def iter_stream(self) -> Iterator[bytes]:
        """The body, as the inner reply has it."""
        for chunk in self.inner.iter_stream():
            if len(self.kept) < _MOST_BYTES:
                self.kept += chunk
            yield chunk


class Recorder:
    """A `Transport` and an `Extractor` around real ones, which keeps what they were asked and said."""

    def __init__(self, transport: Transport, extractor: Extractor | None) -> None:
        self.exchanges: list[dict[str, Any]] = []
        self.extracted: list[dict[str, Any]] = []
        self._transport = transport
        self._extractor = extractor
        self._lock = threading.Lock()

    def fixture(self, url: str) -> dict[str, Any]:
        """All of it, not scrubbed yet."""
        return {"url": url, "exchanges": self.exchanges, "extractor": self.extracted}

    def close(self) -> None:
        """Close the real ones."""
        self._transport.close()
        if self._extractor is not None:
            self._extractor.close()

    @contextmanager
    def ask(self, asked: Asked, deadline: Deadline) -> Iterator[Reply]:
        """The real exchange."""
        with self._transport.ask(asked, deadline) as reply:
            teed = _Teed(reply.status, reply.headers, reply, bytearray())
            try:
                yield teed
            finally:
                with self._lock:
                    self.exchanges.append(_exchange(asked, teed))

    def extract(self, url: str) -> Mapping[str, Any]:
        """The real info.json, or error."""
        assert self._extractor is not None
        try:
            info = self._extractor.extract(url)
        except ResolveError as error:
            told = {"reason": error.reason.value, "detail": str(error)}
            self.extracted.append({"url": url, "error": told})
            raise
        self.extracted.append({"url": url, "info": dict(info)})
        return info

    def download(self, url: str, selection: str, folder: Path) -> tuple[Path, ...]:
        """The real files; they are not recorded."""
        assert self._extractor is not None
        return self._extractor.download(url, selection, folder)


def _exchange(asked: Asked, teed: _Teed) -> dict[str, Any]:
    fields = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in teed.headers}
    kept = {name: value for name, value in fields.items() if name in _KEPT}
    exchange = {"method": asked.method, "url": str(asked.place), "status": teed.status, "headers": kept}
    return exchange | _body(bytes(teed.kept), fields)


def _body(raw: bytes, fields: Mapping[str, str]) -> dict[str, Any]:
    """The body as a fixture has it; of a medium only what it is: others' files are in no fixture."""
    try:
        content = b"".join(decoded(iter([raw]), fields.get("content-encoding", "")))[:_MOST_BYTES]
    except ResolveError:  # it broke off
        content = b""
    mime = sniff(content[:HEAD_BYTES])
    if mime is not None:
        return {"media": mime}
    if not content:
        return {}
    try:
        return {"json": json.loads(content)}
    except (ValueError, RecursionError):
        return {"text": decode_text(content, fields.get("content-type", ""))}
