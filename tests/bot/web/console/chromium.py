"""A real browser for tests: Chromium from the system, and everything that its console complains of."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
SERIOUS = frozenset({"serious", "critical"})
ANY = SERIOUS | {"minor", "moderate"}
CHROMIUM = os.environ.get("VERITAG_CHROMIUM", "/usr/bin/chromium")
if not Path(CHROMIUM).exists():
    pytest.skip(f"there is no browser at {CHROMIUM}; set VERITAG_CHROMIUM", allow_module_level=True)


@contextmanager
def launched() -> Iterator[playwright.Browser]:
    """The browser, for as long as the block runs."""
    with playwright.sync_playwright() as program:
        browser = program.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def listen(page: playwright.Page) -> list[str]:
    """The errors and warnings that the page's console will tell of, in a list that grows."""
    complaints: list[str] = []

    def note(said: playwright.ConsoleMessage) -> None:
        if said.type in {"error", "warning"}:
            complaints.append(said.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


@contextmanager
def browsing(width: int = 1280, **options: Any) -> Iterator[playwright.Page]:
    """A page of so many pixels; what its console complained of by the end is a failure."""
    with launched() as browser:
        page = browser.new_context(viewport={"width": width, "height": 844}, **options).new_page()
        complaints = listen(page)
        yield page
    assert complaints == []


def violations(page: playwright.Page, impacts: Collection[str] = SERIOUS) -> list[tuple[str, str]]:
    """What axe-core finds of these impacts, with everything that can be opened open."""
    for element in page.locator("details").all():
        element.evaluate("element => { element.open = true; }")
    found = axe.Axe().run(page).response["violations"]
    return [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in impacts]


def fits(page: playwright.Page) -> bool:
    """Whether nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
