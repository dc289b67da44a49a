"""yt-dlp's process: `python -m bot.resolver.ytdlp.child SOCKET PARENT`, started by `runner` alone.

Over the socket it hands its parent a listener, then gets one request (a JSON line), and answers with JSON
lines: any number of {"progress": bytes}, then one {"result": ...} or {"error": ...}.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import socket
import struct
import sys
import time
from collections.abc import Mapping
from typing import Any

from analysis.decoding import sandbox

_ADDRESS_SPACE = 1 << 30
_MAX_FORMATS = 300
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
_ENTRY = (
    "_type", "webpage_url", "uploader_id", "uploader", "channel", "timestamp", "duration", "is_live",
    "live_status", "thumbnail", "format_id", "ext", "protocol", "vcodec", "acodec", "width", "height", "tbr",
    "filesize",
)  # fmt: skip
_FORMAT = (
    "format_id", "ext", "protocol", "vcodec", "acodec", "width", "height", "tbr", "vbr", "abr", "filesize",
    "filesize_approx", "has_drm",
)  # fmt: skip
_FORBIDDEN = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"}
    | {"socket.bind", "socket.sendto", "socket.sendmsg", "socket.gethostbyname", "socket.gethostbyaddr"}
)


def main(arguments: list[str]) -> None:
    """Carry out one request."""
    channel = socket.socket(fileno=int(arguments[0]))
    isolated = sandbox.isolate_network()  # before anything starts a thread
    if isolated:
        _raise_loopback()
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        sandbox.drop_privileges_for_good()
        sandbox.die_with_parent(int(arguments[1]))
        port: int = listener.getsockname()[1]
        socket.send_fds(channel, [json.dumps({"isolated": isolated}).encode()], [listener.fileno()])
    stream = channel.makefile("rwb")
    request = json.loads(stream.readline())

    def tell(message: Mapping[str, Any]) -> None:
        stream.write(json.dumps(message).encode() + b"\n")
        stream.flush()

    _limit(request)
    os.chdir(request["folder"])
    _silence()
    sys.addaudithook(_only_the_proxy(port))
    try:
        tell({"result": _perform(request, port, tell)})
    except MemoryError:
        tell({"error": {"kind": "MemoryError", "message": "it takes too much memory", "expected": False}})
    except Exception as error:  # noqa: BLE001 - the process edge: whatever yt-dlp raises is told
        tell({"error": _described(error)})


def _raise_loopback() -> None:
    """Switch on the loopback device of the new namespace, which begins without."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack("16xh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, name))
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def _limit(request: Mapping[str, Any]) -> None:
    for kind, value in (
        (resource.RLIMIT_AS, _ADDRESS_SPACE),
        (resource.RLIMIT_FSIZE, request["max_bytes"]),
        (resource.RLIMIT_NOFILE, 128),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, int(request["seconds"]) + 1),
    ):
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _only_the_proxy(port: int) -> Any:
    """What keeps this process to the proxy where it has no network of its own, and from starting others."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            allowed = arguments[1] == ("127.0.0.1", port)
        elif event == "socket.getaddrinfo":
            allowed = arguments[0] == "127.0.0.1"
        else:
            allowed = event not in _FORBIDDEN
        if not allowed:
            raise PermissionError(f"{event} is not allowed here")

    return hook


def _perform(request: Mapping[str, Any], port: int, tell: Any) -> Any:
    import yt_dlp

    progress = _Progress(tell, request["max_bytes"])
    with yt_dlp.YoutubeDL(_options(request, port, progress)) as downloader:
        if request["selection"] is None:
            info = downloader.sanitize_info(downloader.extract_info(request["url"], download=False))
            return _pruned(info or {})
        info = downloader.extract_info(request["url"], download=True) or {}
        entries = [info, *(info.get("entries") or ())]
        made = [each for entry in entries for each in entry.get("requested_downloads") or ()]
        return [os.path.basename(each["filepath"]) for each in made if "filepath" in each]  # noqa: PTH119


class _Progress:
    """The hook that counts what is downloaded, passes it up, and ends what becomes too large."""

    def __init__(self, tell: Any, max_bytes: int) -> None:
        self._tell = tell
        self._left = max_bytes
        self._of_file: dict[str, int] = {}
        self._told = 0.0

    def __call__(self, status: Mapping[str, Any]) -> None:
        """As yt-dlp's progress hooks."""
        self._of_file[str(status.get("filename"))] = int(status.get("downloaded_bytes") or 0)
        total = sum(self._of_file.values())
        announced = int(status.get("total_bytes") or 0)
        if max(total, announced) > self._left:
            raise OverflowError(f"larger than {self._left} bytes")
        if time.monotonic() - self._told > 0.5:
            self._told = time.monotonic()
            self._tell({"progress": total})


def _options(request: Mapping[str, Any], port: int, progress: _Progress) -> dict[str, Any]:
    """Everything that yt-dlp is told; nothing else reaches it: no file, no environment, no plug-in."""
    options = {
        "proxy": f"http://veritag:{request['token']}@127.0.0.1:{port}",
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "logger": _Nobody(),
        "ignoreerrors": False,
        "cachedir": False,
        "usenetrc": False,
        "cookiefile": None,
        "socket_timeout": request["read_seconds"],
        "retries": 2,
        "fragment_retries": 2,
        "extractor_retries": 1,
        "file_access_retries": 0,
        "skip_unavailable_fragments": False,
        "concurrent_fragment_downloads": 1,
        "noplaylist": True,
        "playlistend": request["max_entries"],
        "geo_bypass": False,
        "ignore_no_formats_error": True,
        "outtmpl": "%(autonumber)s-%(format_id)s.%(ext)s",
        "restrictfilenames": True,
        "trim_file_name": 100,
        "overwrites": True,
        "updatetime": False,
        "fixup": "never",
        "hls_prefer_native": True,
        "external_downloader": {},
        "postprocessors": [],
        "js_runtimes": {},
        "remote_components": [],
        "enable_file_urls": False,
        "allow_unplayable_formats": False,
        "progress_hooks": [progress],
    }
    if request["selection"] is None:
        return options
    number, _, formats = request["selection"].partition(":")
    return options | {"format": formats} | ({"playlist_items": number} if number != "0" else {})


class _Nobody:
    """A logger that keeps quiet."""

    def debug(self, message: str) -> None:
        """Nothing."""

    info = warning = error = debug


def _pruned(info: Mapping[str, Any]) -> dict[str, Any]:
    """What the parent reads of an info.json, and no more."""
    kept = {name: info[name] for name in _ENTRY if name in info}
    formats = info.get("formats") or ()
    if formats:
        # yt-dlp lists the best last.
        kept["formats"] = [{key: each.get(key) for key in _FORMAT} for each in formats[-_MAX_FORMATS:]]
    if info.get("entries") is not None:
        kept["entries"] = [_pruned(entry) for entry in info["entries"] if isinstance(entry, Mapping)]
    return kept


def _described(error: Exception) -> dict[str, Any]:
    """An error by the name of its class (of what yt-dlp wraps, the inner one), in one line."""
    inner: BaseException = error
    wrapped = getattr(error, "exc_info", None)
    if wrapped and wrapped[1] is not None:
        inner = wrapped[1]
    message = " ".join(str(inner).split())[:500]
    with contextlib.suppress(AttributeError):
        message = " ".join(str(inner.orig_msg).split())[:500] or message  # type: ignore[attr-defined]
    expected = bool(getattr(inner, "expected", True))
    return {"kind": type(inner).__name__, "message": message, "expected": expected}


if __name__ == "__main__":
    main(sys.argv[1:])
