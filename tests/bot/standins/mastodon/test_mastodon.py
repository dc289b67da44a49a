"""The stand-in for Mastodon itself, asked over HTTP as any client would."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.clock import FakeClock
from bot.standins.mastodon import MastodonStandIn
from bot.standins.mastodon.network import MAX_PICTURE, Refused
from bot.web.server import WebServer

ROOT = Path(__file__).parents[4]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def stand_in(clock: FakeClock) -> MastodonStandIn:
    return MastodonStandIn(clock)


@pytest.fixture
def client(stand_in: MastodonStandIn) -> Iterator[httpx.Client]:
    """Ann's."""
    token = stand_in.network.grant(stand_in.asker)
    with (
        WebServer(stand_in.app, port=0, connections=None) as server,
        httpx.Client(
            base_url=f"http://127.0.0.1:{server.port}", headers={"Authorization": f"Bearer {token}"}
        ) as client,
    ):
        yield client


def post(client: httpx.Client, text: str, **fields: Any) -> httpx.Response:
    key = fields.pop("key", None)
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/api/v1/statuses", data={"status": text, **fields}, headers=headers)


def test_keys_last_an_hour(client: httpx.Client, clock: FakeClock) -> None:
    first = post(client, "one", key="k").json()["id"]
    assert post(client, "another text", key="k").json()["id"] == first
    assert post(client, "one", key="other").json()["id"] != first
    clock.advance(3601)
    assert post(client, "one", key="k").json()["id"] != first


def test_pages_and_their_links(client: httpx.Client, stand_in: MastodonStandIn) -> None:
    made = [stand_in.network.post(stand_in.bot, f"@ann {number}").id for number in range(5)]

    def seen(**params: Any) -> list[str]:
        found = client.get("/api/v1/notifications", params={"types[]": "mention", **params})
        return [each["status"]["id"] for each in found.json()]

    told = [each["id"] for each in client.get("/api/v1/notifications").json()][::-1]
    assert seen() == made[::-1]
    assert seen(limit=2) == [made[4], made[3]]
    assert seen(limit=2, max_id=told[3]) == [made[2], made[1]]
    assert seen(limit=2, since_id=told[0]) == [made[4], made[3]]
    assert seen(limit=2, min_id=told[0]) == [made[2], made[1]]
    assert seen(**{"types[]": "follow"}) == []
    link = client.get("/api/v1/notifications", params={"limit": 2}).headers["Link"]
    assert f'max_id={told[3]}>; rel="next"' in link
    assert f'min_id={told[4]}>; rel="prev"' in link


def test_budgets_are_told_spent_and_come_again(
    client: httpx.Client, stand_in: MastodonStandIn, clock: FakeClock
) -> None:
    stand_in.budgets.windows["all"].limit = 2
    answers = [client.get("/api/v1/notifications") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert [each.headers["X-RateLimit-Remaining"] for each in answers] == ["1", "0", "0"]
    assert answers[0].headers["X-RateLimit-Reset"] == "2026-01-01T00:05:00.000Z"
    stand_in.budgets.silent = True
    assert "X-RateLimit-Reset" not in client.get("/api/v1/notifications").headers
    clock.advance(301)
    assert client.get("/api/v1/notifications").status_code == 200


def test_a_medium_is_worked_on_for_a_while(client: httpx.Client, stand_in: MastodonStandIn) -> None:
    stand_in.network.looks_until_ready = 2
    made = client.post(
        "/api/v2/media", files={"file": ("a.png", b"png", "image/png")}, data={"description": "x"}
    )
    assert (made.status_code, made.json()["url"], made.json()["description"]) == (202, None, "x")
    medium = made.json()["id"]
    early = post(client, "look", **{"media_ids[]": medium})
    assert (early.status_code, "not finished processing" in early.json()["error"]) == (422, True)
    looks = [client.get(f"/api/v1/media/{medium}") for _ in range(3)]
    assert [each.status_code for each in looks] == [206, 206, 200]
    assert client.get(looks[-1].json()["url"]).content == b"png"
    assert post(client, "look", **{"media_ids[]": medium}).json()["media_attachments"][0]["id"] == medium


def test_what_is_refused(client: httpx.Client, stand_in: MastodonStandIn) -> None:
    network = stand_in.network
    hidden = network.post(stand_in.bot, "@somebody secret", visibility="direct")
    assert client.get(f"/api/v1/statuses/{hidden.id}").status_code == 404
    assert client.get("/api/v1/statuses/999").json() == {"error": "Record not found"}
    assert post(client, "x" * 501).status_code == 422
    assert post(client, " ").status_code == 422
    assert post(client, "x", visibility="secret").status_code == 422
    assert post(client, "x", in_reply_to_id="999").status_code == 404
    assert post(client, "x", **{"media_ids[]": "999"}).status_code == 422
    assert client.delete(f"/api/v1/statuses/{network.post(stand_in.bot, 'mine').id}").status_code == 404
    assert client.post("/api/v2/media").status_code == 422
    text = client.post("/api/v2/media", files={"file": ("a.txt", b"x", "text/plain")})
    assert text.status_code == 422
    with pytest.raises(Refused):
        network.upload(stand_in.bot, bytes(MAX_PICTURE + 1))
    nobody = {"Authorization": "Bearer nonsense"}
    assert client.get("/api/v1/notifications", headers=nobody).status_code == 401
    assert client.get("/api/v1/notifications", params={"limit": "many"}).status_code == 400
    assert client.get("/api/v1/notifications", params={"min_id": "x"}).status_code == 400


def test_a_deleted_status_is_told_of_no_more(client: httpx.Client, stand_in: MastodonStandIn) -> None:
    made = post(client, "@veritag real?").json()["id"]
    assert len(stand_in.network.notifications) == 1
    assert client.delete(f"/api/v1/statuses/{made}").json()["text"] == "@veritag real?"
    assert stand_in.network.notifications == []
    assert client.get(f"/api/v1/statuses/{made}").status_code == 404


def test_html_is_safe_and_mastodon_s(client: httpx.Client) -> None:
    shown = post(
        client, "@veritag <script>\nhttps://a.example/a-very-long-address-indeed?x=1&y=2\n\nend"
    ).json()
    assert "<script>" not in shown["content"]
    assert 'class="u-url mention">@<span>veritag</span></a>' in shown["content"]
    assert '<span class="invisible">https://</span>' in shown["content"]
    assert 'href="https://a.example/a-very-long-address-indeed?x=1&amp;y=2"' in shown["content"]
    assert shown["content"].endswith("<p>end</p>")
    assert [each["acct"] for each in shown["mentions"]] == ["veritag"]


def test_an_app_gets_no_more_than_it_registered_for(client: httpx.Client) -> None:
    app = client.post("/api/v1/apps", data={"client_name": "x", "scopes": "read"}).json()
    asked = {
        "client_id": app["client_id"],
        "scope": "read write",
        "redirect_uri": "urn:ietf:wg:oauth:2.0:oob",
    }
    assert client.get("/oauth/authorize", params=asked).status_code == 400
    assert client.get("/oauth/authorize", params={**asked, "scope": "read"}).status_code == 200
    assert client.get("/oauth/authorize", params={**asked, "client_id": "x"}).status_code == 401
    assert client.post("/oauth/token", data={"client_id": app["client_id"]}).status_code == 401
    assert client.post("/api/v1/apps").status_code == 422


def test_the_command_says_how_to_rehearse() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "bot.cli", "stand-in", "mastodon"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "/stand-in/faults" in line:
                break
        said = "".join(lines)
        url = re.findall(r"VERITAG_MASTODON__URL=(\S+)", said)[0]
        token = re.findall(r"VERITAG_MASTODON__ACCESS_TOKEN=(\S+)", said)[0]
        me = httpx.get(
            f"{url}/api/v1/accounts/verify_credentials", headers={"Authorization": f"Bearer {token}"}
        )
        assert me.json()["acct"] == "veritag"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
