"""A real browser for tests: Chromium from the system, and everything that its console complains of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
CHROMIUM = os.environ.get("VERITAG_CHROMIUM", "/usr/bin/chromium")
if not Path(CHROMIUM).exists():
    pytest.skip(f"there is no browser at {CHROMIUM}; set VERITAG_CHROMIUM", allow_module_level=True)


@contextmanager
def browsing(width: int = 1280, **options: Any) -> Iterator[playwright.Page]:
    """A page of so many pixels; what its console complained of by the end is a failure."""
    complaints: list[str] = []
    with playwright.sync_playwright() as program:
        browser = program.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": width, "height": 844}, **options)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
    assert complaints == []


def violations(page: playwright.Page) -> list[tuple[str, str]]:
    """What axe-core finds serious or critical, with everything that can be opened open."""
    for element in page.locator("details").all():
        element.evaluate("element => { element.open = true; }")
    found = axe.Axe().run(page).response["violations"]
    return [
        (each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in {"serious", "critical"}
    ]


def fits(page: playwright.Page) -> bool:
    """Whether nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
