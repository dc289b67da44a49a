"""The parent's side of yt-dlp: starts a child for each request, serves its proxy, and ends it in time."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

import bot
from bot.errors import ResolveError, ResolveFailure
from bot.resolver.extracted import MAX_ENTRIES
from bot.resolver.sniff import HEAD_BYTES, describe, sniff
from bot.resolver.transport import Gate
from bot.resolver.urls import in_public
from bot.resolver.wire import Deadline
from bot.resolver.ytdlp.egress import EgressProxy
from bot.resolver.ytdlp.faults import meaning

log = structlog.get_logger(__name__)

PAGE_ALLOWANCE = 64_000_000
"""Bytes that the pages and playlists of one link may have, beside the media."""
_START_SECONDS = 30.0
_MAX_ANSWER = 8_000_000
# Where the proxy refused something, these words of the child only say that it did.
_PROXY_SAID_WHY = frozenset(
    {ResolveFailure.NETWORK, ResolveFailure.PRIVATE, ResolveFailure.SITE_CHANGED, ResolveFailure.UNSUPPORTED}
    | {ResolveFailure.NO_MEDIA}
)
OnProgress = Callable[[str, int], None]
"""Told of a URL and how many bytes of its media are here."""


@dataclass(frozen=True, slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    channel: socket.socket
    listener: socket.socket
    isolated: bool


class YtDlp:
    """An `Extractor` (bot.resolver.base). Safe to use from many threads; so many children at once.

    Args:
        gate: what its requests pass.
        children: processes at the same time.
        extract_seconds: the longest look at a page; a download may take the gate's ``total_seconds``.
        on_progress: told now and then what a download has come to.
    """

    def __init__(
        self,
        gate: Gate,
        *,
        children: int = 2,
        extract_seconds: float = 60.0,
        on_progress: OnProgress | None = None,
    ) -> None:
        self._gate = gate
        self._places = threading.BoundedSemaphore(children)
        self._extract_seconds = min(extract_seconds, gate.limits.total_seconds)
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def close(self) -> None:
        """End what is running (it raises NETWORK) and take no more. Safe to call twice."""
        with self._lock:
            self._closed = True
            for process in self._running:
                process.kill()

    def extract(self, url: str) -> Mapping[str, Any]:
        """What yt-dlp knows of a URL: what `bot.resolver.extracted` reads of its info.json.

        Raises:
            ResolveError: with the reason that yt-dlp's error means.
        """
        with tempfile.TemporaryDirectory(prefix="veritag-yt-dlp-") as folder:
            found = self._ask(url, None, Path(folder), self._extract_seconds, PAGE_ALLOWANCE)
        if not isinstance(found, dict):
            raise ResolveError(ResolveFailure.NETWORK, "yt-dlp's process gave no answer that makes sense")
        return found

    def download(self, url: str, selection: str, folder: Path) -> tuple[Path, ...]:
        """Fetch one medium into an empty folder: its file, or that of the pictures and that of the sound.

        Raises:
            ResolveError: as `extract`; TOO_LARGE, or NO_MEDIA if a file is no medium.
        """
        limits = self._gate.limits
        allowance = limits.max_bytes + PAGE_ALLOWANCE
        names = self._ask(url, selection, folder, limits.total_seconds, allowance)
        if not isinstance(names, list) or not names:
            raise ResolveError(ResolveFailure.NO_MEDIA, f"yt-dlp brought nothing from {in_public(url)}")
        files = tuple(_checked(folder / Path(str(name)).name, url) for name in names)
        if sum(file.stat().st_size for file in files) > limits.max_bytes:
            raise self._too_large(url)
        return files

    def _ask(self, url: str, selection: str | None, folder: Path, seconds: float, allowance: int) -> Any:
        limits = self._gate.limits
        if not self._places.acquire(timeout=limits.queue_seconds):
            raise ResolveError(ResolveFailure.NETWORK, "yt-dlp was busy with other links for too long")
        try:
            deadline = Deadline(seconds)
            with self._child(folder) as child:
                proxy = EgressProxy(child.listener, self._gate, max_bytes=allowance, deadline=deadline)
                request = {
                    "url": url,
                    "selection": selection,
                    "folder": str(folder),
                    "token": proxy.token,
                    "seconds": seconds,
                    "read_seconds": limits.read_seconds,
                    "max_bytes": limits.max_bytes,
                    "max_entries": MAX_ENTRIES,
                }
                proxy.start()
                try:
                    return self._talk(child, request, deadline, proxy)
                finally:
                    child.process.kill()
                    proxy.stop()
        finally:
            self._places.release()

    @contextlib.contextmanager
    def _child(self, folder: Path) -> Iterator[_Child]:
        ours, theirs = socket.socketpair()
        with ours:
            with theirs, self._lock:
                if self._closed:
                    raise _closed()
                process = _spawn(theirs.fileno(), folder)
                self._running.add(process)
            try:
                ours.settimeout(_START_SECONDS)
                hello, descriptors, _, _ = socket.recv_fds(ours, 1024, 1)
                if not descriptors:
                    raise ResolveError(ResolveFailure.NETWORK, "yt-dlp's process did not start")
                with socket.socket(fileno=descriptors[0]) as listener:
                    isolated = bool(json.loads(hello)["isolated"])
                    log.debug("yt_dlp_started", pid=process.pid, isolated=isolated)
                    yield _Child(process, ours, listener, isolated)
            except (TimeoutError, OSError, ValueError) as error:
                detail = f"yt-dlp's process broke off ({type(error).__name__})"
                raise (_closed() if self._closed else ResolveError(ResolveFailure.NETWORK, detail)) from None
            finally:
                process.kill()
                process.wait()
                with self._lock:
                    self._running.discard(process)

    def _talk(self, child: _Child, request: Mapping[str, Any], deadline: Deadline, proxy: EgressProxy) -> Any:
        child.channel.sendall(json.dumps(request).encode() + b"\n")
        url = str(request["url"])
        for message in _messages(child.channel, deadline):
            if "progress" in message:
                if self._on_progress is not None:
                    self._on_progress(url, int(message["progress"]))
            elif "result" in message:
                self._refuse_if_cut(proxy)
                return message["result"]
            else:
                raise self._meant(url, message["error"], proxy)
        if self._closed:
            raise _closed()
        if deadline.left() <= 0:
            detail = f"yt-dlp took over {request['seconds']:.0f} s with {in_public(url)}"
            raise ResolveError(ResolveFailure.NETWORK, detail)
        raise (
            proxy.refusals[0]
            if proxy.refusals
            else ResolveError(ResolveFailure.NETWORK, f"yt-dlp's process ended over {in_public(url)}")
        )

    def _refuse_if_cut(self, proxy: EgressProxy) -> None:
        """What lacks bytes because we withheld them is no success, whatever the child thinks."""
        for refusal in proxy.refusals:
            if refusal.reason is ResolveFailure.TOO_LARGE:
                raise refusal

    def _meant(self, url: str, error: Mapping[str, Any], proxy: EgressProxy) -> ResolveError:
        said = "".join(sign if sign.isprintable() else "?" for sign in str(error["message"]))
        reason = meaning(str(error["kind"]), said, expected=bool(error["expected"]))
        if proxy.refusals and reason in _PROXY_SAID_WHY:
            return proxy.refusals[0]
        if reason is ResolveFailure.TOO_LARGE:
            return self._too_large(url)
        log.debug("yt_dlp_failed", url=in_public(url), kind=error["kind"], said=said)
        return ResolveError(reason, f"yt-dlp finds nothing at {in_public(url)}: {error['kind']}, {reason}")

    def _too_large(self, url: str) -> ResolveError:
        detail = f"{in_public(url)} is larger than the {self._gate.limits.max_bytes} bytes fetched at most"
        return ResolveError(ResolveFailure.TOO_LARGE, detail)


def _messages(channel: socket.socket, deadline: Deadline) -> Iterator[dict[str, Any]]:
    """The child's JSON lines, until it hangs up or the time is over."""
    data = b""
    while (left := deadline.left()) > 0:
        channel.settimeout(left)
        try:
            piece = channel.recv(65536)
        except TimeoutError:
            return
        if not piece:
            return
        data += piece
        *lines, data = data.split(b"\n")
        if len(data) > _MAX_ANSWER:
            return
        for line in lines:
            yield json.loads(line)


def _spawn(channel: int, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "bot.resolver.ytdlp.child", str(channel), str(os.getpid())]
    environment = {
        "PYTHONPATH": str(Path(bot.__file__).parents[1]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "YTDLP_NO_PLUGINS": "1",
        "MALLOC_ARENA_MAX": "2",
        "LC_ALL": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PATH": "",
    }
    return subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        pass_fds=[channel],
        start_new_session=True,
    )


def _checked(file: Path, url: str) -> Path:
    """A file that the child names: a regular one in its folder, and a medium by its bytes."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        raise ResolveError(
            ResolveFailure.NETWORK, "yt-dlp's process names a file that is not there"
        ) from None
    with os.fdopen(descriptor, "rb") as opened:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        head = opened.read(HEAD_BYTES) if regular else b""
    if sniff(head) is None:
        detail = f"yt-dlp brought {describe(head)} from {in_public(url)}, not an image, video or sound"
        raise ResolveError(ResolveFailure.NO_MEDIA, detail)
    return file


def _closed() -> ResolveError:
    return ResolveError(ResolveFailure.NETWORK, "yt-dlp was ended while this was on its way")
