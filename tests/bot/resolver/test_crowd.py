"""Five hundred URLs at once on two cores: all end, nobody is pressed, nothing leaks."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.bot.resolver.server import PNG, Handler, Request, Server, answer, redirect, trickle

HOSTS = 8
HTML = ("Content-Type: text/html",)
OK = b"HTTP/1.1 200 OK\r\n"
Send = Callable[[bytes], None]


class Counted:
    """A handler that counts how many of its host are at work, until the answer begins to leave."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def around(self, handler: Handler, pause: float = 0.02) -> Handler:
        def handle(request: Request, send: Send) -> None:
            with self._lock:
                self.now += 1
                self.most = max(self.most, self.now)
            time.sleep(pause)
            with self._lock:
                self.now -= 1
            handler(request, send)

        return handle


def slowly(body: bytes) -> Handler:
    def handle(request: Request, send: Send) -> None:
        send(OK + f"Content-Length: {len(body)}\r\n\r\n".encode())
        for start in range(0, len(body), 20_000):
            send(body[start : start + 20_000])
            time.sleep(0.05)

    return handle


def once_then(first: Handler, then: Handler) -> Handler:
    seen: Counter[str] = Counter()

    def handle(request: Request, send: Send) -> None:
        seen[request.path] += 1
        (first if seen[request.path] == 1 else then)(request, send)

    return handle


# Each kind: what the server does, and how a URL of it may end.
KINDS: dict[str, tuple[Handler, set[str]]] = {
    "quick": (answer(PNG + bytes(50_000)), {"media:1"}),
    "large": (answer(PNG + bytes(1_500_000)), {"media:1"}),
    "slow": (slowly(PNG + bytes(200_000)), {"media:1"}),
    "moved": (redirect("/quick?moved"), {"media:1"}),
    "stumbles": (once_then(answer(status=502), answer(PNG + bytes(999))), {"media:1"}),
    "gone": (answer(status=404), {"gone"}),
    "down": (answer(status=500), {"network"}),
    "hangs up": (lambda request, send: None, {"network"}),
    "silent": (lambda request, send: time.sleep(2.5), {"network"}),
    "drops": (trickle(OK + b"Content-Length: 900000\r\n\r\n" + PNG, every=0.1, seconds=4), {"network"}),
    "too large": (answer(PNG, length=10**9), {"too_large"}),
    "cut off": (answer(PNG, length=5000), {"network"}),
    "inside": (redirect("http://169.254.169.254/latest"), {"blocked_address"}),
    "text": (
        answer(b"nothing to see", headers=("Content-Type: text/plain",)), {"unsupported_site", "no_media"},
    ),
    "page": (
        answer(b'<html><body><video src="/film.mp4"></video></body></html>', headers=HTML), {"media:1"},
    ),
}  # fmt: skip
RARE = {"page": 8, "text": 4, "silent": 12, "drops": 12, "large": 16}
FILM = b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(3000)


def plan(total: int, servers: list[Server]) -> list[tuple[str, str]]:
    """URLs with their kinds, spread over hosts; costly kinds are few."""
    kinds = [kind for kind, count in RARE.items() for _ in range(count * total // 500)]
    common = [kind for kind in KINDS if kind not in RARE]
    kinds += [common[number % len(common)] for number in range(total - len(kinds))]
    order = sorted(range(total), key=lambda number: hash((number * 7919) % total))
    return [
        (
            kinds[number],
            servers[n % HOSTS].url(f"/{kinds[number].replace(' ', '-')}?n={number}", f"h{n % HOSTS}.example"),
        )
        for n, number in enumerate(order)
    ]


@pytest.mark.parametrize("total", [60, pytest.param(500, marks=pytest.mark.e2e)])
def test_all_end_with_media_or_a_reason(tmp_path: Path, total: int) -> None:
    servers = [Server(address=f"127.0.0.{number + 1}") for number in range(HOSTS)]
    counts = [Counted() for _ in servers]
    for server, counted in zip(servers, counts, strict=True):
        for kind, (handler, _) in KINDS.items():
            server.handlers[f"/{kind.replace(' ', '-')}"] = counted.around(handler)
        server.handlers["/film.mp4"] = counted.around(answer(FILM, headers=("Content-Type: video/mp4",)))
    asked = plan(total, servers)
    (tmp_path / "plan.json").write_text(
        json.dumps(
            {
                "urls": [url for _, url in asked],
                "folder": str(tmp_path / "store"),
                "names": {f"h{n}.example": [server.address] for n, server in enumerate(servers)},
                "ports": [server.port for server in servers] + [80],
                "allowed": ["127.0.0.0/28"],
            }
        )
    )
    command = [sys.executable, "-m", "tests.bot.resolver.crowd", str(tmp_path / "plan.json")]
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True
    ) as process:
        peak, seen = watched(process)
        assert process.stdout is not None
        report = json.loads(process.stdout.read())
    for server in servers:
        server.stop()
    assert process.returncode == 0
    wrong = [
        (kind, got)
        for (kind, _), got in zip(asked, report["results"], strict=True)
        if got not in KINDS[kind][1]
    ]
    assert wrong == []
    assert max(counted.most for counted in counts) <= 4
    assert peak < 300_000_000
    assert (report["descriptors"], report["threads"], report["left"]) == (0, 0, [])
    assert [child for child in seen if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    print(
        f"{total} URLs in {report['took']:.1f} s, at most {peak / 1e6:.0f} MB, {Counter(report['results'])}"
    )


def watched(process: subprocess.Popen[str]) -> tuple[int, set[psutil.Process]]:
    """The most memory of a process with all its children until it ends, and every child that was seen.

    Counted as proportional set size: pages that several processes share count once.
    """
    root, peak, seen = psutil.Process(process.pid), 0, set()
    while process.poll() is None:
        used = 0
        try:
            family = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            break
        seen |= set(family[1:])
        for each in family:
            try:
                used += each.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        peak = max(peak, used)
        time.sleep(0.1)
        if process.stdout is not None and process.poll() is not None:
            break
    return peak, seen
