"""Public pages, taken down and put up by operators."""

from __future__ import annotations

import pytest

from tests.bot.web.console.conftest import Browser, Console, OpenConsole

PUBLIC = {
    "web": {"public_url": "http://bot.example"},
    "public": {"enabled": True, "contact": "verdicts@bot.example"},
}


@pytest.fixture
def bot(open_console: OpenConsole) -> Console:
    console = open_console(**PUBLIC)
    console.settle()
    return console


def reader(bot: Console) -> Browser:
    return bot.client("bot.example", "203.0.113.9")


def test_down_and_up_again_from_the_verdict_page(bot: Console) -> None:
    (page, *_) = bot.parts.store.public_pages.latest(1)
    verdict = f"/console/mentions/{page.mention_id}"
    operator = bot.client()
    assert f"/v/{page.token}" in operator.get(verdict).text
    gone = operator.submit("/console/public-pages/down", token=page.token, reason="asked by mail")
    assert (gone.status_code, gone.headers["location"]) == (303, f"{verdict}#public-page")
    assert reader(bot).get(f"/v/{page.token}").status_code == 410
    shown = operator.get(verdict).text
    assert "Put it up again" in shown
    assert "took the public page down" in shown
    assert operator.submit("/console/public-pages/down", token=page.token).status_code == 409
    assert operator.submit("/console/public-pages/up", token=page.token).status_code == 303
    assert reader(bot).get(f"/v/{page.token}").status_code == 200


def test_rubbish_is_refused(bot: Console) -> None:
    operator = bot.client()
    assert operator.submit("/console/public-pages/down", token="x").status_code == 404
    assert operator.submit("/console/public-pages/sideways", token="x").status_code == 404
    assert operator.post("/console/public-pages/down", data={"token": "x"}).status_code == 403


def test_viewers_may_not(bot: Console) -> None:
    bot.account("vera", "viewer")
    (page, *_) = bot.parts.store.public_pages.latest(1)
    viewer = bot.client()
    viewer.sign_in("vera")
    assert "Take it down" not in viewer.get(f"/console/mentions/{page.mention_id}").text
    assert viewer.submit("/console/public-pages/down", token=page.token).status_code == 403


def test_a_verdict_without_a_page_offers_none(console: Console) -> None:
    console.settle()
    assert "Public page" not in console.client().get("/console/mentions/1").text
