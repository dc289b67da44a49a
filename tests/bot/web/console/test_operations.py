"""The operations page, and the same figures for Prometheus."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.checks import check_media
from tests.bot.web.console.conftest import Console, OpenConsole


def test_it_shows_what_was_done_and_why_things_failed(console: Console) -> None:
    console.settle()
    text = console.client().get("/console/operations").text
    assert re.search(r"<code>post_gone</code></td><td class=\"number\">1<", text)
    assert "5 answered" in text
    assert "store" in text


def test_an_empty_bot_says_so(console: Console) -> None:
    text = console.client().get("/console/operations").text
    assert "No mention yet." in text
    assert "Nothing waits." in text


def test_the_quota_says_that_it_is_of_the_last_sweep(console: Console) -> None:
    keeper = console.parts.keeper
    assert keeper is not None
    keeper.sweep()
    assert check_media(keeper.last, 10**9).detail == "0.0 of 1000.0 MB in 0 files when last swept"


def test_what_waits_is_counted(console: Console) -> None:
    flow, (platform,) = console.parts.flow, console.parts.platforms
    flow.accept(platform, platform.mentions(platform.cursor_at_start()))
    (waiting,) = console.parts.store.figures.waiting()
    assert (waiting.platform, waiting.step, waiting.count) == ("inbox", "resolve", 9)
    assert "<td>resolve</td>" in console.client().get("/console/operations").text


def test_live_updates_send_the_part_alone(console: Console) -> None:
    text = console.client().get("/console/operations", headers={"HX-Request": "true"}).text
    assert "<html" not in text
    assert 'id="health"' in text


def test_every_hour_of_a_day_is_there(console: Console) -> None:
    console.settle()
    hours = console.parts.store.figures.hours(24)
    assert len(hours) == 24
    assert sum(hour.answered for hour in hours) == 5
    assert sum(hour.failed for hour in hours) == 2


def test_test_mode_and_live_are_told_apart(open_console: OpenConsole) -> None:
    live = open_console()
    live.settle()
    assert "Test mode." not in live.client().get("/console/operations").text
    test = open_console(test_mode=True)
    text = test.client().get("/console/operations").text
    assert "Test mode." in text
    assert "No mention yet." in text


def test_prometheus_reads_the_same_figures(console: Console) -> None:
    console.settle()
    answer = console.client().get("/metrics")
    assert answer.status_code == 200
    lines = answer.text.splitlines()
    assert 'veritag_mentions{state="answered"} 5.0' in lines
    assert 'veritag_replies{kind="verdict",state="sent"} 5.0' in lines
    assert 'veritag_check_ok{check="store"} 1.0' in lines


@pytest.mark.parametrize("host", ["evil.example", "192.0.2.1"])
def test_metrics_are_for_this_machine_or_the_token(open_console: OpenConsole, host: str) -> None:
    open_ = open_console()
    assert open_.client(host=host).get("/metrics").status_code == 403
    closed = open_console(web={"token": "0123456789abcdef"})
    assert closed.client().get("/metrics").status_code == 401
    bearer = {"Authorization": "Bearer 0123456789abcdef"}
    assert closed.client(host=host).get("/metrics", headers=bearer).status_code == 200


def test_what_platforms_allow_and_cost_is_shown(open_console: OpenConsole) -> None:
    console = open_console()
    gate = console.parts.service._gates["inbox"]
    with gate.call("mentions", cost=Decimal("0.25")) as call:
        call.budget(limit=15, remaining=7, reset_at=datetime.now(UTC) + timedelta(minutes=5))
    text = console.client().get("/console/operations").text
    assert "7 of 15" in text
    assert "0.25 US dollars" in text
    lines = console.client().get("/metrics").text.splitlines()
    assert 'veritag_requests_left{endpoint="mentions",platform="inbox"} 7.0' in lines
    assert 'veritag_spent_today_dollars{platform="inbox"} 0.25' in lines
