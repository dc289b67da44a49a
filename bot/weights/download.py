"""A large file from a plain URL, resumed where it broke off.

FILE.part        what has come so far
FILE.part.etag   the version of it, as the server names it
FILE             all of it
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from bot.errors import FetchFailed
from detectors.weights import require_room

Progress = Callable[[int, int | None], None]
"""Told the bytes that are there and the bytes that there will be, where the server says."""

ATTEMPTS = 5
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0  # seconds
_CLIENT: dict[str, Any] = {
    "timeout": httpx.Timeout(30.0, connect=15.0),
    # A connection of its own for each request: one kept from before a redirect or a break may be dying.
    "limits": httpx.Limits(max_keepalive_connections=0),
    "follow_redirects": True,
    "headers": {"accept-encoding": "identity"},
}
_AGAIN = "run the same command again: it goes on where it stopped"
_BY_HAND = "get it by hand and use `veritag weights import`"


class _Passing(Exception):
    """Another try may help; ``wait``: as long as the server asks for, in seconds."""

    def __init__(self, detail: str, wait: float | None = None) -> None:
        super().__init__(detail)
        self.wait = wait


class _Stale(Exception):
    """What is there cannot be continued."""


def download(
    url: str,
    target: Path,
    on_progress: Progress,
    *,
    proven: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Bring a file; what an earlier call left is continued.

    Args:
        proven: whether its SHA-256 is known. Then it is continued even if the server names no version.

    Raises:
        FetchFailed: it cannot be had; what came stays for another call.
        NoRoom: the disk is too full for it.
    """
    part = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    failures, most = 0, _size(part)
    with httpx.Client(**_CLIENT) as client:
        while True:
            try:
                _continue(client, url, part, on_progress, proven=proven)
                break
            except _Stale:
                part.unlink(missing_ok=True)
                continue
            except _Passing as error:
                # A try that brought something new was worth it; only those in vain are counted.
                failures = 0 if _size(part) > most else failures + 1
                most = max(most, _size(part))
                if failures >= ATTEMPTS:
                    raise FetchFailed(f"{url}: {error}, {ATTEMPTS} times; {_AGAIN}") from error
                sleep(min(error.wait or _FIRST_WAIT * 2**failures, _LONGEST_WAIT))
            except OSError as error:
                raise FetchFailed(
                    f"{part} cannot be written: {error.strerror}; mend that, then {_AGAIN}"
                ) from error
    part.replace(target)
    _version_file(part).unlink(missing_ok=True)


def _continue(client: httpx.Client, url: str, part: Path, on_progress: Progress, *, proven: bool) -> None:
    """Make one request and write all that comes."""
    try:
        with client.stream("GET", url, headers=_range(part, proven=proven)) as response:
            _check(response, url)
            start = _start(response, part)
            total = _total(response, start)
            if total is not None:
                require_room(part.parent, total - start, part.name.removesuffix(".part"))
            if start == 0:
                _version_file(part).write_text(_version(response), "utf-8")
            with part.open("ab" if start else "wb") as file:
                done = start
                on_progress(done, total)
                for chunk in response.iter_raw():
                    file.write(chunk)
                    done += len(chunk)
                    on_progress(done, total)
                file.flush()
                os.fsync(file.fileno())
    except httpx.ConnectError as error:
        raise _Passing(f"it cannot be reached ({error})") from error
    except httpx.TransportError as error:
        raise _Passing(f"it broke off ({str(error) or type(error).__name__})") from error
    except (httpx.InvalidURL, httpx.TooManyRedirects) as error:
        raise FetchFailed(f"{url} leads nowhere ({error}); {_BY_HAND}") from error


def _range(part: Path, *, proven: bool) -> dict[str, str]:
    size, version = _size(part), _known_version(part)
    if size == 0 or not (version or proven):
        return {}
    # If-Range: the rest if it is still the same file, the whole of another.
    return {"range": f"bytes={size}-"} | ({"if-range": version} if version else {})


def _check(response: httpx.Response, url: str) -> None:
    status = response.status_code
    if any(step.url.scheme == "https" for step in response.history) and response.url.scheme != "https":
        raise FetchFailed(f"{url} leads to an address without encryption, {response.url}; {_BY_HAND}")
    if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise _Stale
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        after = response.headers.get("retry-after", "")
        raise _Passing(f"the server answered {status}", float(after) if after.isdigit() else None)
    if status in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
        raise FetchFailed(f"{url} is not there any more ({status}); {_BY_HAND}")
    if status not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
        raise FetchFailed(f"{url}: the server refuses it ({status}); {_BY_HAND}")
    if response.headers.get("content-type", "").startswith("text/html"):
        raise FetchFailed(f"{url} is a web page and no file; {_BY_HAND}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise FetchFailed(f"{url} comes compressed, unasked; {_BY_HAND}")


def _start(response: httpx.Response, part: Path) -> int:
    """Return where in the file the answer begins: at its beginning, or where the part ends."""
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        return 0
    found = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
    if found is None or int(found[1]) != _size(part):
        raise _Stale
    return int(found[1])


def _total(response: httpx.Response, start: int) -> int | None:
    length = response.headers.get("content-length", "")
    return start + int(length) if length.isdigit() else None


def _version(response: httpx.Response) -> str:
    """Return what `If-Range` may be asked with: a strong ETag, else the date of change."""
    etag = str(response.headers.get("etag", ""))
    return etag if etag and not etag.startswith("W/") else str(response.headers.get("last-modified", ""))


def _version_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")


def _known_version(part: Path) -> str:
    file = _version_file(part)
    return file.read_text("utf-8").strip() if file.is_file() else ""


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
