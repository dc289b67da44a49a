"""The platform x through Prism, which holds requests and answers to X's own OpenAPI document.

Prism stands between the bot and the stand-in: a request that X's document does not allow gets 422, an answer
that it does not allow 500, and both are written to Prism's output.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.clock import FakeClock
from bot.errors import (
    CredentialsRefused,
    PlatformUnavailable,
    PostGone,
    PostHidden,
    RateLimited,
    ReplyRefused,
)
from bot.standins.faults import Fault, FaultKind
from bot.standins.x import XStandIn
from bot.web.server import WebServer
from tests.bot.platforms.contract import draft, ids, pages
from tests.bot.platforms.x.world import XWorld
from tests.peers import peer, shared

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

VIOLATION = "✖"
"""Prism marks with it what it refuses to pass on, in either direction."""

START_SECONDS = 90.0


def repaired(document: dict[str, Any]) -> dict[str, Any]:
    """X's document with the three places mended at which Prism stumbles over the document itself."""
    parts = document["components"]
    parts["securitySchemes"]["UserToken"] = {"type": "apiKey", "in": "header", "name": "Authorization"}
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    # Prism judges every kind of JSON by the first schema that it finds; X answers with problems only.
    for path in document["paths"].values():
        for operation in path.values():
            answers = operation.get("responses", {}) if isinstance(operation, dict) else {}
            if "default" in answers:
                answers["default"]["content"] = dict.fromkeys(
                    ("application/json", "application/problem+json"), problem
                )
    created_at = parts["schemas"]["Tweet"]["properties"]["created_at"]
    created_at["example"] = "2021-01-06T18:40:40.000Z"
    return document


class Prism:
    """Prism between its ``url`` and the stand-in's."""

    def __init__(self, folder: Path, upstream: str) -> None:
        command = peer("prism") / "node_modules" / ".bin" / "prism"
        document = folder / "x.json"
        facts = shared("facts/x-openapi-2.159.json")
        document.write_text(json.dumps(repaired(json.loads(facts.read_text("utf-8")))), "utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._output = folder / "prism.log"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [command, "proxy", "-p", str(port), "-h", "127.0.0.1", "--errors", document, upstream],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait(port)
        except BaseException:
            self.stop()
            raise

    def violations(self) -> list[str]:
        """What was not passed on so far; Prism writes it a moment after it has answered."""
        time.sleep(0.5)
        return [line for line in self._output.read_text("utf-8").splitlines() if VIOLATION in line]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _wait(self, port: int) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)
        pytest.fail(f"Prism did not start: {self._output.read_text('utf-8')[-500:]}")


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[XWorld, Prism]]:
    folder = tmp_path_factory.mktemp("prism")
    stand_in = XStandIn()
    with WebServer(stand_in.app, port=0) as server:
        prism = Prism(folder, f"http://127.0.0.1:{server.port}")
        try:
            yield XWorld(folder, prism.url, stand_in), prism
        finally:
            prism.stop()


@pytest.fixture
def world(proxied: tuple[XWorld, Prism]) -> Iterator[XWorld]:
    world, prism = proxied
    before = len(prism.violations())
    yield world
    assert prism.violations()[before:] == []


def test_prism_does_look_both_ways(proxied: tuple[XWorld, Prism]) -> None:
    """Without this a proxy that lets everything through would pass all the others."""
    world, prism = proxied
    before = len(prism.violations())
    too_many = world.connect(page_size=101, read_timeout=20.0)
    with pytest.raises(PlatformUnavailable, match="422"):
        too_many.mentions(too_many.cursor_at_start())
    assert len(prism.violations()) == before + 1
    state = world.state
    odd = state.post(state.account("a_handle_of_more_than_15"), "@veritag hm")
    platform = world.connect(read_timeout=20.0)
    with pytest.raises(PlatformUnavailable, match="500"):
        platform.mentions(platform.cursor_at_start())
    assert len(prism.violations()) > before + 1
    state.delete(odd.id)


def test_a_whole_life(world: XWorld, tmp_path: Path) -> None:
    card = tmp_path / "card.png"
    card.write_bytes(b"\x89PNG" + bytes(2000))
    platform = world.connect(page_size=5, read_timeout=20.0)
    assert platform.me().handle == "veritag"
    cursor = platform.cursor_at_now()
    parent = world.post("look <here> & there https://example.org/a", pictures=2, language="es")
    quoted = world.post("a quoted one", pictures=1)
    made = [world.mention(f"is this real? {number}", parent_id=parent) for number in range(26)]
    made.append(world.mention("and this?", quoted_id=quoted, pictures=1))
    seen = list(pages(platform, cursor))
    assert len(seen) >= 6
    assert sorted(post.id for page in seen for post in page.mentions) == sorted(made)
    assert len(platform.fetch_post(parent).attachments) == 2
    fresh = world.connect(read_timeout=20.0)
    assert fresh.fetch_post(parent).links == ("https://example.org/a",)

    answer = replace(draft(made[-1]), image=card, image_alt_text="Little evidence of manipulation.")
    assert platform.find_reply(answer) is None
    sent = platform.reply(answer)
    assert fresh.find_reply(answer) == sent
    assert fresh.reply(answer) == sent
    (reply,) = world.stand_in.replies()
    assert [medium.alt_text for medium in reply.media] == ["Little evidence of manipulation."]
    platform.retract(sent.id)
    assert world.replies() == []

    world.delete(made[-1])
    *_, last = seen
    assert platform.mentions(last.cursor).mentions == ()
    new = world.mention("a new one")
    assert ids(platform.mentions(last.cursor).mentions) == [new]


def test_what_cannot_be_seen_or_said(world: XWorld) -> None:
    gone, hidden, open_ = world.mention("a"), world.mention("b"), world.mention("c")
    world.delete(gone)
    world.hide(hidden)
    platform = world.connect(read_timeout=20.0)
    for post, error in ((gone, PostGone), (hidden, PostHidden)):
        with pytest.raises(error):
            platform.fetch_post(post)
        with pytest.raises(error):
            platform.reply(draft(post))
    world.stand_in.faults.add(Fault(FaultKind.DUPLICATE, "POST /2/tweets"))
    with pytest.raises(ReplyRefused):
        platform.reply(draft(open_))
    world.stand_in.faults.add(Fault(FaultKind.UNAUTHORIZED, "GET /2/users/*/mentions"))
    with pytest.raises(CredentialsRefused):
        platform.mentions(platform.cursor_at_start())


def test_no_storm_after_a_refusal_without_a_reset(world: XWorld) -> None:
    clock = FakeClock(datetime.now(UTC))
    platform = world.connect(clock=clock, read_timeout=20.0)
    cursor = platform.cursor_at_now()
    faults = world.stand_in.faults
    faults.add(Fault(FaultKind.RATE_LIMITED_WITHOUT_RESET, "GET /2/users/*/mentions", times=1000))
    minutes = 30
    for _ in range(minutes * 60):
        with pytest.raises(RateLimited):
            platform.mentions(cursor)
        clock.advance(1)
    (left,) = faults.waiting()
    faults.clear()
    assert left.times is not None
    assert 1 <= 1000 - left.times <= minutes
