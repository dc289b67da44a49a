"""The try page in a real browser: files chosen and dropped, replies in both directions, phone and desk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.web.server import WebServer
from tests.bot.web.console.conftest import OpenConsole
from tests.bot.world import png

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = os.environ.get("VERITAG_CHROMIUM", "/usr/bin/chromium")
if not Path(CHROMIUM).exists():
    pytest.skip(f"there is no browser at {CHROMIUM}; set VERITAG_CHROMIUM", allow_module_level=True)

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
    complaints: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
    assert complaints == []


def begin(page: playwright.Page) -> None:
    page.get_by_role("button", name="Try it").click()
    page.wait_for_selector("#reply")


def is_too_wide(page: playwright.Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_an_arabic_reply_runs_from_right_to_left(page: playwright.Page, address: str) -> None:
    page.goto(address)
    assert page.locator(".test-mode").is_visible()
    assert not is_too_wide(page)
    page.set_input_files("input[type=file]", {"name": "a.png", "mimeType": "image/png", "buffer": png(7)})
    begin(page)
    assert not is_too_wide(page)
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
    assert not is_too_wide(page)


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
