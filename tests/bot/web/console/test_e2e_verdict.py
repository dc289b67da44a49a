"""The verdict page in a real browser, over the real service with its shipped detectors."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from state.model import MentionState, Mode
from state.store import Store
from tests.bot.web.console.chromium import fits, launched, listen, playwright, violations
from tests.bot.world import InboxWorld

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[4]
MEDIA = {"picture": "cat.jpg", "clip": "astronaut-zoom.mp4", "sound": "message-en.ogg"}


@dataclass
class Page:
    """A page in the browser, and everything that its console complained of."""

    inner: playwright.Page
    complaints: list[str]

    def open(self, address: str) -> None:
        self.inner.goto(address)
        self.inner.wait_for_load_state("load")

    def draw(self) -> None:
        self.inner.get_by_role("button", name="Draw heat maps").click()
        self.inner.wait_for_selector(".evidence figure", timeout=120_000)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service in test mode that has judged a picture, a clip and a sound; the console's address."""
    folder = tmp_path_factory.mktemp("verdict")
    world = InboxWorld(folder / "inbox")
    for number, (name, file) in enumerate(MEDIA.items()):
        shutil.copy(ROOT / "samples" / "inbox" / "media" / file, folder / "inbox" / "media")
        world.post(name, f"media/{file}", text=f"A {name}")
        world.mention(f"m-{name}", parent_id=name, author=f"asker{number}")
    port = free_port()
    (folder / "veritag.toml").write_text(
        f'data_dir = "{folder}/data"\nplatforms = ["inbox"]\ninbox.folder = "{folder}/inbox"\n'
        f'watch.first_start = "all"\nwatch.max_age_hours = 1e7\nweb.port = {port}\nlog.level = "warning"\n'
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VERITAG_")}
    service = subprocess.Popen(
        [sys.executable, "-m", "bot.cli", "run", "--test-mode", "--config", str(folder / "veritag.toml")],
        cwd=ROOT,
        env=clean | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for_answers(folder / "data", service)
        yield f"http://127.0.0.1:{port}/console"
    finally:
        service.terminate()
        service.wait(20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def wait_for_answers(data_dir: Path, service: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline:
        assert service.poll() is None, "the service has ended"
        time.sleep(0.5)
        if not (data_dir / "state.sqlite3").exists():
            continue
        store = Store(data_dir / "state.sqlite3", Mode.TEST)
        answered = len(list(store.mentions.in_state(MentionState.ANSWERED)))
        store.close()
        if answered == len(MEDIA):
            return
    raise AssertionError("not everybody was answered")


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(params=[1280, 390], ids=["laptop", "phone"])
def page(browser: playwright.Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": request.param, "height": 844})
    inner = context.new_page()
    page = Page(inner, listen(inner))
    yield page
    assert page.complaints == []
    assert fits(inner)
    context.close()


def test_a_heat_map_is_laid_over_the_picture_and_fades(console: str, page: Page) -> None:
    page.open(f"{console}/mentions/1")
    if page.inner.locator(".evidence figure").count() == 0:
        page.draw()
    layer = page.inner.locator(".stage img.layer")
    assert not layer.is_visible()
    page.inner.get_by_label("Where veritag_image sees signs").check()
    assert layer.is_visible()
    below = page.inner.locator(".stage img.shown").bounding_box()
    assert layer.bounding_box() == pytest.approx(below, abs=0.5)
    page.inner.get_by_label("How strong the colours are").fill("20")
    assert layer.evaluate("element => getComputedStyle(element).opacity") == "0.2"


def test_a_frames_score_leads_to_the_frame(console: str, page: Page) -> None:
    page.open(f"{console}/mentions/2")
    mark = page.inner.locator(".seek[role=button]").nth(4)
    mark.focus()
    mark.press("Enter")
    video = page.inner.locator("video.shown")
    expected = float(mark.get_attribute("data-seconds") or "nan")
    page.inner.wait_for_timeout(500)
    assert video.evaluate("element => element.currentTime") == pytest.approx(expected, abs=0.05)
    assert page.inner.locator(".seek.now").count() == 1


def test_sound_is_played_and_scrubbed_in_its_drawing(console: str, page: Page) -> None:
    page.open(f"{console}/mentions/3")
    if page.inner.locator(".evidence figure").count() == 0:
        page.draw()
    drawing = page.inner.locator("figure[data-sound] img").first
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    assert box is not None
    drawing.click(position={"x": box["width"] * (0.13 + 0.83 / 2), "y": 20})
    at = "element => element.currentTime / element.duration"
    assert page.inner.locator("audio.shown").evaluate(at) == pytest.approx(0.5, abs=0.05)


def test_a_label_is_given_and_taken_back_with_the_forms(console: str, page: Page) -> None:
    page.open(f"{console}/mentions/1")
    page.inner.get_by_label("Note for other operators").fill("a known photograph")
    page.inner.get_by_role("button", name="Real", exact=True).click()
    page.inner.get_by_text("Done: labelled real: a known photograph.").wait_for()
    page.inner.get_by_role("button", name="Undo").first.click()
    page.inner.get_by_text("Done: undid: review.").wait_for()
    assert page.inner.locator("button[aria-pressed=true]").count() == 0


def test_a_correction_is_measured_without_losing_its_words(console: str, page: Page) -> None:
    page.open(f"{console}/mentions/1")
    words = page.inner.get_by_label("In your own words")
    words.fill("x" * 501)
    page.complaints.clear()
    page.inner.get_by_role("button", name="Send the correction").click()
    page.inner.get_by_text("this is 501 long").wait_for()
    assert words.input_value() == "x" * 501
    words.fill("We looked again.")
    page.inner.get_by_role("button", name="Send the correction").click()
    page.inner.get_by_text("The correction is queued.").wait_for()


def test_no_line_of_the_log_fills_a_screen(console: str, page: Page) -> None:
    page.open(f"{console}/mentions/1")
    rows = page.inner.locator(".story tbody tr")
    heights = [box["height"] for row in rows.all() if (box := row.bounding_box()) is not None]
    assert len(heights) >= 5
    assert max(heights) < 844 / 2  # half a screen
    assert rows.filter(has_text="reply queued").first.get_by_text("verdict").is_visible()


@pytest.mark.parametrize("path", ["mentions/1", "mentions/2", "mentions/3"])
def test_everybody_can_use_the_page(console: str, page: Page, path: str) -> None:
    page.open(f"{console}/{path}")
    assert violations(page.inner) == []
