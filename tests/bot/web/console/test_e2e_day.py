"""An operator's day, in a real browser over the real service with its shipped detectors, in test mode.

With VERITAG_SCREENSHOTS=FOLDER the pages are kept there as pictures (`docs/console/` is made so).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.bot.web.console.chromium import browsing, fits, playwright, violations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]
ROOT = Path(__file__).parents[4]
SAMPLES = ROOT / "samples" / "inbox"
PASSWORD = "correct horse battery"
SETTLED = 120.0
LABELLED = 20


@dataclass(frozen=True)
class Service:
    """A running bot, and how to get at it."""

    address: str
    folder: Path

    def command(self, *arguments: str, typed: str = "") -> str:
        return command(self.folder, *arguments, typed=typed)


def command(folder: Path, *arguments: str, typed: str = "") -> str:
    """What a command says; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", "--config", str(folder / "veritag.toml"), *arguments],
        cwd=ROOT,
        env=clean(),
        input=typed,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return done.stdout


def clean() -> dict[str, str]:
    """The environment, without anybody's configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VERITAG_")}
    return kept | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A bot that has dealt with the sample inbox, with an admin's account."""
    folder = tmp_path_factory.mktemp("day")
    shutil.copytree(SAMPLES, folder / "inbox")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (folder / "veritag.toml").write_text(
        f'data_dir = "{folder}/data"\ntest_mode = true\n'
        f'platforms = ["inbox"]\ninbox.folder = "{folder}/inbox"\n'
        f'watch.first_start = "all"\nwatch.max_age_hours = 1e7\nmanners.per_asker_per_hour = 1000\n'
        f'web.port = {port}\nweb.public_url = "http://127.0.0.1:{port}"\n'
        f'public.enabled = true\npublic.contact = "desk@example.org"\nlog.level = "warning"\n'
    )
    command(folder, "accounts", "add", "ada", "--role", "admin", typed=f"{PASSWORD}\n")
    program = [sys.executable, "-m", "bot.cli", "--config", str(folder / "veritag.toml"), "run"]
    with subprocess.Popen(program, cwd=ROOT, env=clean(), stdout=subprocess.DEVNULL) as process:
        try:
            yield wait_until_settled(Service(f"http://127.0.0.1:{port}", folder), process)
        finally:
            process.terminate()
            process.wait(20)


def wait_until_settled(service: Service, process: subprocess.Popen[bytes]) -> Service:
    deadline = time.monotonic() + SETTLED
    while time.monotonic() < deadline:
        assert process.poll() is None, "the service has ended"
        time.sleep(1)
        if not (service.folder / "data" / "state.sqlite3").exists():
            continue
        report = json.loads(service.command("status", "--json"))
        if report["mentions"]["answered"] and not sum(report["open_jobs"].values()):
            return service
    raise AssertionError("the sample inbox was not done with in time")


def sign_in(page: playwright.Page, service: Service) -> None:
    page.goto(f"{service.address}/")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{service.address}/console")


def keep(page: playwright.Page, name: str) -> None:
    """Keep a picture of the page, where somebody asked for pictures."""
    if folder := os.environ.get("VERITAG_SCREENSHOTS"):
        page.wait_for_load_state("networkidle")
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_twenty_mentions_are_labelled_by_keyboard_and_one_is_undone(service: Service) -> None:
    with browsing() as page:
        sign_in(page, service)
        page.wait_for_selector(".mention")
        keep(page, "queue")
        page.keyboard.press("j")
        done = 0
        for _ in range(page.locator(".mention").count()):
            before = page.locator("#said").inner_text()
            page.keyboard.press("1" if done % 2 else "2")
            page.wait_for_function(
                "before => document.querySelector('#said').innerText !== before", arg=before
            )
            done += not page.locator("#said .problem").count()
            page.evaluate("document.querySelector('#said').replaceChildren()") if done < LABELLED else None
        assert page.locator(".mention").count() >= LABELLED
        reviewed = service.command("export", "jsonl").splitlines()
        labels = {json.loads(line)["label"] for line in reviewed}
        assert labels == {"real", "fake"}


def test_a_reply_is_corrected_and_the_correction_goes_out(service: Service) -> None:
    with browsing() as page:
        sign_in(page, service)
        page.goto(f"{service.address}/console?state=answered")
        page.locator(".mention .open").last.click()
        page.get_by_label("In your own words").fill("We looked again: this is an old photograph.")
        page.get_by_role("button", name="Send the correction").click()
        page.get_by_text("The correction is queued.").wait_for()
        for _ in range(30):
            page.reload()
            if page.get_by_text("Simulated correction").count() and page.get_by_text("sent").count():
                break
            page.wait_for_timeout(500)
        keep(page, "verdict")
        simulated = service.folder / "data" / "simulated" / "inbox.jsonl"
        assert "this is an old photograph" in simulated.read_text("utf-8")


def test_a_fit_from_reviews_is_previewed_or_says_what_is_missing(service: Service) -> None:
    with browsing() as page:
        sign_in(page, service)
        page.goto(f"{service.address}/console/calibration")
        page.get_by_role("button", name="Show what would change").click()
        page.wait_for_load_state("load")
        keep(page, "calibration")
        page.get_by_role("button", name="Fit and show").click()
        page.wait_for_load_state("load")
        words = page.locator("main").inner_text()
        assert re.search(r"[Tt]oo few|review|Use it", words)


def test_reviews_are_downloaded(service: Service) -> None:
    with browsing() as page:
        sign_in(page, service)
        page.goto(f"{service.address}/console/data")
        for form, begins in (("csv", b"sha256,"), ("zip", b"PK")):
            page.check(f"input[value={form}]")
            with page.expect_download() as download:
                page.get_by_role("button", name="Download").click()
            assert Path(download.value.path()).read_bytes().startswith(begins)


@pytest.mark.parametrize("medium", ["cat.jpg", "astronaut-zoom.mp4"])
def test_a_file_is_tried_without_a_mention(service: Service, medium: str) -> None:
    with browsing() as page:
        sign_in(page, service)
        page.goto(f"{service.address}/console/try")
        page.set_input_files("input[type=file]", SAMPLES / "media" / medium)
        page.get_by_role("button", name="Try it").click()
        page.wait_for_selector("#reply", timeout=90_000)
        page.select_option("select[name=language]", "ar")
        page.wait_for_selector(".words[lang=ar]")
        assert page.evaluate("getComputedStyle(document.querySelector('.words')).direction") == "rtl"
        keep(page, f"try-{Path(medium).suffix[1:]}")


PAGES = [
    *("", "/mentions/12", "/try", "/detectors", "/detectors/veritag_image", "/calibration", "/data"),
    *("/operations", "/people", "/account"),
]


@pytest.mark.parametrize("width", [1280, 390], ids=["laptop", "phone"])
def test_every_page_is_for_everybody_and_fits(service: Service, width: int) -> None:
    with browsing(width) as page:
        page.goto(f"{service.address}/console/sign-in")
        assert violations(page) == []
        sign_in(page, service)
        for path in PAGES:
            page.goto(f"{service.address}/console{path}")
            keep(page, f"{path.strip('/').replace('/', '-') or 'queue'}-{width}")
            assert violations(page) == [], path
            assert fits(page), path
            assert page.locator(".test-mode").is_visible(), path


@pytest.mark.parametrize("width", [1280, 390], ids=["laptop", "phone"])
def test_a_public_page_needs_no_account_and_is_for_everybody(service: Service, width: int) -> None:
    pages = re.findall(r"http://\S+/v/\S+", service.command("public", "list"))
    assert pages
    with browsing(width) as page:
        page.goto(pages[-1])
        keep(page, f"public-{width}")
        assert violations(page) == []
        assert fits(page)
        assert page.context.cookies() == []
        described = page.locator('meta[property="og:image"]').get_attribute("content")
        card = page.request.get(str(described))
        assert (card.status, card.headers["content-type"]) == (200, "image/png")


def test_the_browsers_policy_lets_no_foreign_script_run(service: Service) -> None:
    """What a stranger wrote is text, also where it looks like a page."""
    answer = httpx.get(f"{service.address}/console/sign-in", trust_env=False)
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
