"""Detectors, bands and calibration in a real browser: pictures load, forms work, axe is content."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.web.server import WebServer
from tests.bot.judged_media import NAME, fill
from tests.bot.web.console.chromium import ANY, browsing, fits, playwright, violations
from tests.bot.web.console.conftest import Console

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

UNLOADED = "[...document.images].filter(i => !(i.complete && i.naturalWidth)).map(i => i.src)"


@pytest.fixture
def address(console: Console) -> Iterator[str]:
    """The console's address, of a bot that has judged media of which many were reviewed."""
    fill(console.parts.store, 160, reviewed=80)
    with WebServer(console.app, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.port}/console"


@pytest.fixture(params=[1280, 390], ids=["laptop", "phone"])
def page(request: pytest.FixtureRequest) -> Iterator[playwright.Page]:
    """A page; what its console complained of fails the test."""
    with browsing(request.param) as page:
        yield page


def check(page: playwright.Page) -> None:
    """Everybody can use it, nothing is wider than the screen, every picture is there."""
    for element in page.locator("img[loading]").all():
        element.evaluate("element => { element.loading = 'eager'; }")
    assert violations(page, ANY) == []
    page.wait_for_load_state("networkidle")
    assert page.evaluate(UNLOADED) == []
    assert fits(page)


def test_detectors_can_be_looked_at(address: str, page: playwright.Page) -> None:
    page.goto(f"{address}/detectors")
    check(page)
    page.get_by_role("link", name=NAME, exact=True).click()
    page.get_by_text("Area under the ROC curve").wait_for()
    assert page.locator("img.plot").count() == 4
    check(page)


def test_a_change_is_seen_made_and_undone(address: str, page: playwright.Page) -> None:
    page.goto(f"{address}/calibration")
    page.get_by_label("Reals called").fill("0.1")
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_role("heading", name="What would change with 0.1 and 20 of 100").wait_for()
    check(page)
    page.get_by_role("button", name="Use these limits").click()
    page.get_by_text("It counts from the next start").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("undid limits of bands").wait_for()
    assert page.get_by_text("It counts from the next start").count() == 0
    page.get_by_role("button", name="Fit and show").click()
    page.get_by_role("heading", name="Before and after").wait_for()
    check(page)
    page.get_by_role("button", name="Use it from the next start on").click()
    page.get_by_text("A calibration of yours").wait_for()
    check(page)
