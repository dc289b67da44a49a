"""The try page in a real browser: files chosen and dropped, replies in both directions, phone and desk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.web.server import WebServer
from tests.bot.web.console.chromium import browsing, fits, playwright
from tests.bot.web.console.conftest import OpenConsole
from tests.bot.world import png

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

_DROP = """([bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "dropped.png", {type: "image/png"}));
  const how = {dataTransfer: data, bubbles: true, cancelable: true};
  document.getElementById("drop").dispatchEvent(new DragEvent("drop", how));
}"""
_SIDES = """() => {
  const words = document.querySelector(".words").getBoundingClientRect();
  const handle = document.querySelector(".words .marked").getBoundingClientRect();
  return [handle.left - words.left, words.right - handle.right];
}"""


@pytest.fixture
def address(open_console: OpenConsole) -> Iterator[str]:
    """A console in test mode that listens; where its try page is."""
    console = open_console(test_mode=True)
    with WebServer(console.app, port=0) as server:
        yield f"http://127.0.0.1:{server.port}/console/try"


@pytest.fixture
def page() -> Iterator[playwright.Page]:
    """A page of a browser that has nothing to complain of in the end."""
    with browsing(390) as page:
        yield page


def begin(page: playwright.Page) -> None:
    page.get_by_role("button", name="Try it").click()
    page.wait_for_selector("#reply")


def test_an_arabic_reply_runs_from_right_to_left(page: playwright.Page, address: str) -> None:
    page.goto(address)
    assert page.locator(".test-mode").is_visible()
    assert fits(page)
    page.set_input_files("input[type=file]", {"name": "a.png", "mimeType": "image/png", "buffer": png(7)})
    begin(page)
    assert fits(page)
    direction = "getComputedStyle(document.querySelector('.words')).direction"
    assert page.evaluate(direction) == "ltr"
    before, behind = page.evaluate(_SIDES)
    assert before < behind, "the handle begins the line at the left"
    page.select_option("select[name=language]", "ar")
    page.wait_for_selector(".words[lang=ar]")
    assert page.evaluate(direction) == "rtl"
    before, behind = page.evaluate(_SIDES)
    assert before > behind, "the handle begins the line at the right"
    page.select_option("select[name=platform]", "x")
    page.wait_for_selector(".as-x .words[lang=ar]")
    assert "of 280, as X counts" in page.locator("figcaption").inner_text()
    width = page.locator(".card-image").evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert width == 1200
    page.set_viewport_size({"width": 1280, "height": 900})
    assert fits(page)


def test_a_file_can_be_dropped_and_forgotten(page: playwright.Page, address: str) -> None:
    page.goto(address)
    page.evaluate(_DROP, [list(png(7))])
    begin(page)
    assert "dropped.png" in page.locator("h1").inner_text()
    where = page.url
    page.get_by_role("button", name="Forget it").click()
    page.wait_for_url(address)
    assert page.get_by_text("None in the last hour.").is_visible()
    assert page.request.get(where).status == 404
