"""Recording a resolving, and taking out of it whom it is about."""

from __future__ import annotations

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from bot.resolver.fetcher import GuardedFetcher
from bot.resolver.recording import Recorder
from bot.resolver.replay import Fixture
from bot.resolver.scrubbing import Scrubber
from tests.bot.resolver.conftest import MakeFetcher, failure
from tests.bot.resolver.server import PNG, Server, answer, redirect

POST = "https://s.example/@ann.lee/1747047100502999141"
FILE = "https://cdn.example/v/GdK3xY7zQp0aB9cD2eF4gH6.mp4?token=aB3dE5fG7&expires=1700000000&w=640"
WHO = "Ann Lee-Moreau"
TWEET = {
    "id": 1747047100502999141, "created_at": "2024-01-16T00:00:00Z", "timestamp": 1705363200,
    "user": {"username": "ann.lee", "display_name": WHO, "email": "ann@lee.example", "verified": True},
    "text": "Lunch with @bob in Lyon, call 0612345678 https://t.example/xYz https://s.example/@ann.lee",
    "media": [{"type": "video", "width": 640, "height": 480, "url": FILE, "alt_text": "My red car"}],
    "media_metadata": {"1747047100502999141": {"m": "video/mp4"}},
    "access_token": "s3cr3t", "ip": "81.2.69.142", "version": "1.2.3.4000",
}  # fmt: skip
PAGE = f"""<html><head><title>{WHO} on S</title><meta property="og:title" content="{WHO}: my red car">
<meta property="og:type" content="video.other"><meta property="og:video" content="{FILE}"></head>
<body><p class="wide">Lunch with bob</p>
<script>{{"full_name":"{WHO}","caption":"my red car","width":640}}</script></body></html>"""
API = "https://api.s.example/v1/1747047100502999141?key=OUR-OWN-KEY"
RECORDED: dict[str, Any] = {
    "url": POST,
    "exchanges": [
        {"method": "GET", "url": API, "status": 200, "headers": {"content-type": "application/json"},
         "json": TWEET},
        {"method": "GET", "url": FILE, "status": 200, "headers": {}, "media": "video/mp4"},
        {"method": "GET", "url": POST, "status": 200, "headers": {"content-type": "text/html"}, "text": PAGE},
    ],
    "extractor": [{"url": POST, "info": {"uploader_id": "@ann.lee", "formats": [{"format_id": "hd-1"}]}}],
}  # fmt: skip
TELLING = [
    "ann.lee", "Ann", "Moreau", "bob", "Lyon", "red car", "0612345678", "1747047100502999141", "aB3dE5fG7",
    "GdK3xY7zQp0aB9cD2eF4gH6", "OUR-OWN-KEY", "s3cr3t", "81.2.69.142", "Lunch",
]  # fmt: skip


def scrubbed() -> dict[str, Any]:
    return Scrubber(["OUR-OWN-KEY"]).scrub(copy.deepcopy(RECORDED))


@pytest.mark.parametrize("word", TELLING)
def test_nothing_that_tells_of_somebody_is_left(word: str) -> None:
    assert word in json.dumps(RECORDED)
    assert word.lower() not in json.dumps(scrubbed()).lower()


def test_what_sites_are_read_by_is_left_and_hangs_together() -> None:
    fixture = scrubbed()
    api, file, page = fixture["exchanges"]
    media = api["json"]["media"][0]
    assert (media["width"], media["type"]) == (640, "video")
    assert media["url"] == file["url"]
    assert file["url"] in page["text"]
    assert 'property="og:type" content="video.other"' in page["text"]
    assert '"width":640' in page["text"]
    assert page["url"] == fixture["url"] == fixture["extractor"][0]["url"]
    assert str(api["json"]["id"]) in fixture["url"]
    assert str(api["json"]["id"]) in api["json"]["media_metadata"]
    assert (api["json"]["created_at"], api["json"]["timestamp"]) == ("2024-01-16T00:00:00Z", 1705363200)
    assert "https://t.example/xYz" in api["json"]["text"]
    assert api["headers"] == {"content-type": "application/json"}
    assert fixture["extractor"][0]["info"]["formats"] == [{"format_id": "hd-1"}]


def test_the_same_recording_gives_the_same_fixture() -> None:
    assert scrubbed() == scrubbed()
    assert RECORDED["url"] == POST


def test_what_is_asked_and_answered_is_recorded_and_replays(
    server: Server, make_fetcher: MakeFetcher, tmp_path: Path
) -> None:
    page = gzip.compress(b'{"a": 1}')
    server.handlers["/api"] = answer(
        page, headers=("Content-Encoding: gzip", "Set-Cookie: id=7", "X-Served: y")
    )
    server.handlers["/short"] = redirect("/photo")
    server.handlers["/photo"] = answer(PNG * 40)
    real = make_fetcher()
    recorder = Recorder(real.transport, None)
    fetcher = GuardedFetcher(real.limits, allow_networks=["127.0.0.1/32"], transport=recorder)
    assert fetcher.get_json(server.url("/api"), headers={"authorization": "Bearer s3cr3t"}) == {"a": 1}
    assert fetcher.peek(server.url("/short")).mime == "image/png"
    failure(lambda: fetcher.get_json(server.url("/none")))
    fixture = recorder.fixture(server.url("/api"))
    told = json.dumps(fixture)
    assert "s3cr3t" not in told
    assert "cookie" not in told.lower()
    assert [each["status"] for each in fixture["exchanges"]] == [200, 302, 200, 404]
    again = GuardedFetcher(real.limits, allow_networks=["127.0.0.1/32"], transport=Fixture(fixture))
    assert again.get_json(server.url("/api")) == {"a": 1}
    assert again.peek(server.url("/short")).mime == "image/png"
    assert len(told) < 2000
