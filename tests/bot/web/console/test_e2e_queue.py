"""The queue in a browser: by keyboard, on a phone, without script; and nothing on the browser's console."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.web.server import WebServer
from tests.bot.web.console.chromium import ANY, launched, listen, playwright, violations
from tests.bot.web.console.conftest import Console

pytestmark = pytest.mark.e2e


@pytest.fixture
def address(console: Console) -> Iterator[str]:
    """Where a bot that has answered thirty mentions more than usual shows its queue."""
    for number in range(30):
        console.world.mention(f"x{number}", console.world.medium(100 + number), author=f"who{number}")
    console.settle()
    with WebServer(console.app, port=0) as server:
        yield f"http://127.0.0.1:{server.port}/console"


@pytest.fixture
def browser() -> Iterator[playwright.Browser]:
    with launched() as browser:
        yield browser


def test_one_moves_selects_searches_and_opens_by_keyboard(address: str, browser: playwright.Browser) -> None:
    page = browser.new_page()
    complaints = listen(page)
    page.goto(address, wait_until="networkidle")
    for key in "jjxkx":
        page.keyboard.press(key)
    assert page.locator("#selected").inner_text() == "2 selected:"
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    assert page.locator("body.blurred").count() == 1
    page.keyboard.press("/")
    page.keyboard.type("who7")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url == f"{address}?q=who7"
    assert page.locator(".mention").count() == 1
    assert page.locator("body.blurred").count() == 1
    assert violations(page, ANY) == []
    assert complaints == []
    page.keyboard.press("j")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "/console/mentions/" in page.url


def test_news_are_told_and_open_rows_are_kept_up_to_date(
    console: Console, address: str, browser: playwright.Browser
) -> None:
    page = browser.new_page()
    page.goto(address)
    with console.parts.store.transaction() as db:
        db.execute("UPDATE mentions SET state = 'resolved' WHERE id = 12")
    page.reload()
    assert "media are here" in page.locator("#m12").text_content()
    with console.parts.store.transaction() as db:
        db.execute("UPDATE mentions SET state = 'answered' WHERE id = 12")
    console.world.mention("late", console.world.medium(500), author="late")
    console.settle()
    page.locator("#news", has_text="1 new").wait_for(timeout=15_000)
    page.locator("#m12:not([data-open])").wait_for(timeout=15_000)
    assert page.locator(".mention").count() == 40
    page.locator("#news a").click()
    page.locator(".mention", has_text="@late").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_cards_that_fit(address: str, browser: playwright.Browser, scheme: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    complaints = listen(page)
    page.goto(address, wait_until="networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert not page.locator(".bulk").is_visible()
    page.locator("input[name=mention_id]").first.check()
    assert page.locator(".bulk").is_visible()
    assert violations(page, ANY) == []
    assert complaints == []


def test_without_script_all_of_it_is_links_and_forms(address: str, browser: playwright.Browser) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address)
    page.locator("summary", has_text="Filters").click()
    page.locator("select[name=state]").select_option("failed")
    page.locator("button", has_text="Show").click()
    assert page.locator(".mention").count() == 2
    page.locator("nav a", has_text="Newest").click()
    assert page.locator(".mention").count() == 40
