"""The queue's page: what it shows, that its address says all of it, and that nothing in it can do harm."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from bot.web.console.queue_filters import VIEWS, read_cursor, read_filters, write_filters
from state.model import Mode
from state.triage_model import Filters, Order
from tests.bot.web.console.conftest import Browser, Console, OpenConsole

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def browser(console: Console) -> Browser:
    """A browser before a bot that has answered its inbox."""
    console.settle()
    return console.client()


def shown(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'data-id="(\d+)"', page)]


def test_every_mention_is_there_newest_first(console: Console, browser: Browser) -> None:
    page = browser.get("/console")
    assert page.status_code == 200
    counts = console.parts.store.mentions.counts()
    assert len(shown(page.text)) == sum(counts.values()) > 3
    assert shown(page.text) == sorted(shown(page.text), reverse=True)
    assert "reply sent" in page.text
    assert 'title="How probable it is' in page.text
    assert re.search(r"Newest <span class=\"count\">\d+</span>", page.text)


def test_each_built_in_view_opens_and_is_marked(browser: Browser) -> None:
    for view in VIEWS:
        page = browser.get(f"/console?{view.query}")
        assert page.status_code == 200
        assert re.search(rf'aria-current="page">{view.name} ', page.text), view.name
        assert "<details open" not in page.text


def test_filters_leave_what_they_say_and_stay_set(browser: Browser) -> None:
    failed = browser.get("/console?state=failed").text
    every = browser.get("/console").text
    assert 0 < len(shown(failed)) < len(shown(every))
    page = browser.get("/console?state=failed&platform=inbox&q=real&since=2020-01-01").text
    assert '<option value="failed" selected>' in page
    assert 'value="2020-01-01"' in page
    assert 'value="real"' in page
    assert browser.get("/console?platform=nowhere").text.count("Nothing matches") == 1


def test_pages_follow_each_other(console: Console, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.web.console.queue.PAGE_ROWS", 2)
    page = browser.get("/console").text
    seen = shown(page)
    while following := re.search(r'rel="next" href="([^"]+)"', page):
        page = browser.get(following[1].replace("&amp;", "&")).text
        seen += shown(page)
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == sum(console.parts.store.mentions.counts().values())
    assert 'rel="prev"' in page


def test_news_counts_what_came_after_and_matches(console: Console, browser: Browser) -> None:
    latest = max(shown(browser.get("/console").text))
    assert browser.get(f"/console/queue/news?after={latest}").text.strip() == ""
    console.world.mention("late-1", console.world.medium(99))
    console.world.mention("late-2", console.world.medium(98))
    console.settle()
    assert "2 new" in browser.get(f"/console/queue/news?after={latest}").text
    assert browser.get(f"/console/queue/news?after={latest}&state=failed").text.strip() == ""


def test_what_is_marked_as_sensitive_is_blurred_and_folded_away(console: Console, browser: Browser) -> None:
    console.world.mention("marked", console.world.medium(97), sensitive=True)
    console.settle()
    page = browser.get("/console").text
    latest = max(shown(page))
    assert page.count('class="thumb sensitive"') == 1
    assert 'class="thumb sensitive"' in browser.get(f"/console/queue/rows?id={latest}").text
    assert "Marked as sensitive" in browser.get(f"/console/mentions/{latest}").text
    assert "Marked as sensitive" not in browser.get(f"/console/mentions/{latest - 1}").text


def test_single_rows_can_be_had_again(browser: Browser) -> None:
    assert shown(browser.get("/console/queue/rows?id=2&id=1&id=999").text) == [2, 1]


@pytest.mark.parametrize(
    "address",
    [
        "?"
        + "&".join(
            f"{name}={quote(value)}"
            for name in (
                "band",
                "state",
                "reply",
                "q",
                "at",
                "since",
                "mode",
                "order",
                "spread",
                "reach",
                "done",
                "refused",
            )
        )
        for value in (
            "",
            EVIL,
            "\0",
            "9" * 400,
            "-1",
            "nan",
            "9999-12-31",
            "after_1.0_1",
            "😀" * 300,
            "%F3",
            "' OR 1=1",
        )
    ]
    + ["?" + "q=x&" * 500],
)
def test_no_address_breaks_the_page(browser: Browser, address: str) -> None:
    for page in ("/console", "/console/queue/news"):
        answer = browser.get(page + address + ("&after=0" if page.endswith("news") else ""))
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text


@pytest.mark.parametrize(
    "address",
    ["/queue/news?after=-1", "/queue/news", "/queue/rows", "/queue/rows?id=x", f"/queue/rows?id={1 << 64}"],
)
def test_what_no_page_of_ours_asks_is_refused(browser: Browser, address: str) -> None:
    assert browser.get(f"/console{address}").status_code == 422


def test_strangers_words_stay_words(console: Console) -> None:
    target = console.world.post("evil", console.world.medium(77), text=EVIL, author=EVIL)
    console.world.mention("evil-asker", parent_id=target, text=EVIL, author=EVIL)
    console.settle()
    for page in (
        "/console",
        "/console?q=script",
        "/console/queue/rows?id=11",
    ):
        text = console.client().get(page).text
        assert "&lt;script&gt;" in text, page
        assert "<script>alert" not in text
        assert "<img src=x" not in text


def test_views_are_kept_and_removed_by_their_owner(console: Console) -> None:
    console.account("ann", "viewer")
    console.account("bob", "viewer")
    ann, bob = console.client(), console.client()
    ann.sign_in("ann")
    bob.sign_in("bob")
    kept = ann.submit("/console/queue/views", name=EVIL, query="band=high&nonsense=1&at=after_1_1")
    assert (kept.status_code, kept.headers["location"]) == (303, "/console?band=high")
    page = ann.get("/console?band=high").text
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;" not in bob.get("/console").text
    found = re.search(r"/console/queue/views/(\d+)/remove", page)
    assert found
    assert bob.submit(found[0]).status_code == 404
    assert ann.submit(found[0]).status_code == 303
    assert "&lt;script&gt;" not in ann.get("/console").text


def test_keeping_a_view_needs_the_forms_proof_and_a_name(browser: Browser) -> None:
    browser.get("/console")
    assert browser.post("/console/queue/views", data={"name": "mine"}).status_code == 403
    assert browser.submit("/console/queue/views", name="").status_code == 422
    assert browser.submit("/console/queue/views", name=" \0 ").status_code == 422


def test_viewers_see_no_actions(console: Console) -> None:
    console.account("ann", "viewer")
    console.account("rita", "reviewer")
    console.settle()
    ann, rita = console.client(), console.client()
    ann.sign_in("ann")
    rita.sign_in("rita")
    assert 'name="label"' not in ann.get("/console").text
    page = rita.get("/console?band=high").text
    assert 'action="/console/actions/review"' in page
    assert page.count('name="label"') == 5
    assert 'name="back" value="/console?band=high"' in page


def test_test_mode_is_told_apart(open_console: OpenConsole) -> None:
    console = open_console(test_mode=True)
    console.settle()
    page = console.client().get("/console").text
    assert "reply simulated" in page
    assert "reply sent" not in page
    assert shown(console.client().get("/console?mode=live").text) == []


def test_the_page_says_what_the_action_before_it_did(browser: Browser) -> None:
    page = browser.get("/console?done=4,5&refused=1").text
    assert "Done: 2." in page
    assert "Could not be done: 1." in page
    assert "Done:" not in browser.get("/console").text


def test_an_address_says_the_filters_and_back() -> None:
    for query in (
        "",
        "band=high&band=uncertain&state=answered&review=none",
        "state=open&reply=none&review=any&platform=x&language=pt",
        "spread=0.5&reach=3&since=2026-01-02&until=2026-02-03&q=a+b&order=doubt&mode=test",
    ):
        filters = read_filters(query, Mode.LIVE)
        assert write_filters(filters, Mode.LIVE) == query
    assert read_filters("order=nonsense&mode=x&spread=2&reach=0&since=soon", Mode.TEST) == Filters(Mode.TEST)
    assert read_filters("order=spread", Mode.TEST).order is Order.SPREAD
    assert read_cursor("nonsense") is None
