"""The try page: what comes in is bounded and proven, what is seen is whole, and no row comes of it."""

from __future__ import annotations

import re
import time
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from bot.replies import languages
from tests.bot.web.console.conftest import Browser, Console, OpenConsole
from tests.bot.world import png

PAGES = [
    "",
    "/try",
    "/operations",
    "/data",
    "/people",
    "/detectors",
    "/calibration",
    "/mentions/1",
    "/sign-in",
    "/mentions/999999",
]


def send(
    browser: Browser, content: bytes | None = None, *, url: str = "", name: str = "a.png", **more: Any
) -> Any:
    files = {"file": (name, content if content is not None else b"", "application/octet-stream")}
    if content is None:
        files = {"file": ("", b"", "application/octet-stream")}
    fields = {"csrf": browser.csrf(), "url": url} | more
    return browser.post("/console/try", data=fields, files=files)


def tried(browser: Browser, content: bytes, **more: Any) -> str:
    """The address of a try that has come to its end."""
    answer = send(browser, content, **more)
    assert answer.status_code == 303, answer.text
    where = str(answer.headers["location"])
    deadline = time.monotonic() + 10
    while "hx-refresh" not in browser.get(where, headers={"HX-Target": "progress"}).headers:
        assert time.monotonic() < deadline, "it did not come to its end"
        time.sleep(0.02)
    return where


def rows(console: Console) -> dict[str, int]:
    store = console.parts.store
    tables = [row["name"] for row in store.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        table: next(iter(store.rows(f"SELECT count(*) AS number FROM {table}")))["number"]
        for table in tables
        if table not in {"audit", "sqlite_sequence"}
    }


def left(console: Console) -> list[str]:
    folder = console.parts.settings.data_dir / "tries"
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def test_a_file_is_judged_and_answered_and_no_row_comes_of_it(console: Console) -> None:
    browser = console.client()
    before = rows(console)
    page = browser.get(tried(browser, png(7), name="holiday.png")).text
    assert rows(console) == before
    assert "holiday.png" in page
    assert "received" in page
    assert "Nothing of this is posted." in page
    assert "The detectors" in page
    assert re.search(r"\d+ of 500, as the inbox counts", page)
    (noted,) = [row for row in console.parts.store.audit.latest() if row.action == "try"]
    assert noted.data == {"given": "holiday.png"}


def test_what_the_sender_calls_a_file_is_only_words(console: Console) -> None:
    browser = console.client()
    page = browser.get(tried(browser, png(7), name="../../<b>x</b>.png")).text
    assert "&lt;b&gt;x" in page or "b&gt;.png" in page
    assert "<b>x" not in page


@pytest.mark.parametrize(
    ("content", "url"),
    [
        (None, ""),
        (png(1), "https://example.org/"),
        (None, "file:///etc/passwd"),
        (None, "/etc/passwd"),
        (None, "javascript:alert(1)"),
        (None, "https://example.org/" + "a" * 9000),
    ],
)
def test_nothing_begins_without_one_link_or_one_file(
    console: Console, content: bytes | None, url: str
) -> None:
    answer = send(console.client(), content, url=url)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert left(console) == []


def test_a_link_that_leads_inside_is_refused_in_words(console: Console) -> None:
    browser = console.client()
    where = str(send(browser, url="http://127.0.0.1:1/x.png").headers["location"])
    deadline = time.monotonic() + 10
    while "hx-refresh" not in browser.get(where, headers={"HX-Target": "progress"}).headers:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "Blocked address" in browser.get(where).text


def test_without_the_forms_proof_nothing_begins(console: Console) -> None:
    browser = console.client()
    browser.get("/console/try")
    answer = browser.post("/console/try", data={"csrf": "0" * 64}, files={"file": ("a", png(1))})
    assert (answer.status_code, left(console)) == (403, [])
    answer = browser.post("/console/try", content=b"rubbish", headers={"Content-Type": "multipart/form-data"})
    assert (answer.status_code, left(console)) == (400, [])


def test_reviewers_try_and_viewers_do_not(console: Console) -> None:
    console.account("vic", "viewer")
    console.account("rita", "reviewer")
    nobody, viewer, reviewer = console.client(), console.client(), console.client()
    viewer.sign_in("vic")
    reviewer.sign_in("rita")
    assert nobody.post("/console/try", files={"file": ("a", png(1))}).status_code == 303
    assert viewer.get("/console/try").status_code == 403
    assert send(viewer, png(1)).status_code == 403
    assert left(console) == []
    where = tried(reviewer, png(1))
    assert viewer.get(where).status_code == 403
    assert reviewer.get(where).status_code == 200


def test_what_is_too_large_is_not_read(open_console: OpenConsole) -> None:
    console = open_console(analysis={"max_bytes": 1000})
    browser = console.client()
    answer = send(browser, b"x" * 1001)
    assert answer.status_code == 413
    assert "larger than 1.0 kB" in answer.text
    token = browser.csrf()
    unread = browser.post(
        "/console/try",
        content=iter([b"x"]),
        headers={"Content-Type": "multipart/form-data; boundary=b", "X-CSRF-Token": token},
    )
    assert unread.status_code == 411
    huge = browser.post(
        "/console/try",
        content=b"x" * 100_000,
        headers={"Content-Type": "multipart/form-data; boundary=b", "X-CSRF-Token": token},
    )
    assert huge.status_code == 413
    assert left(console) == []


def test_the_reply_is_shown_as_chosen(console: Console) -> None:
    browser = console.client()
    where = tried(browser, png(7))
    seen = set()
    for language in languages():
        part = browser.get(f"{where}?platform=x&language={language}", headers={"HX-Target": "reply"}).text
        assert part.lstrip().startswith("<div"), "a part, not a page"
        direction = "rtl" if language == "ar" else "ltr"
        assert f'lang="{language}" dir="{direction}"' in part
        assert re.search(r"\d+ of 280, as X counts", part)
        assert "It does not fit" not in part
        seen.add(words_of(part))
    assert len(seen) == len(languages())
    others = {words_of(browser.get(f"{where}?wording={turn}").text) for turn in (1, 2, 3)}
    assert len(others) == 3


def words_of(html: str) -> str:
    found = re.search(r'<p class="words"[^>]*>(.*?)</p>', html, re.DOTALL)
    assert found
    return found[1]


def test_a_choice_that_does_not_exist_is_the_usual_one(console: Console) -> None:
    browser = console.client()
    page = browser.get(tried(browser, png(7)) + "?platform=nowhere&language=tlh").text
    assert 'lang="en" dir="ltr"' in page
    assert "as the inbox counts" in page


def test_the_file_is_shown_in_a_sandbox_and_goes_with_the_try(console: Console) -> None:
    browser = console.client()
    where = tried(browser, png(7))
    answer = browser.get(f"{where}/media/1/file")
    assert (answer.status_code, answer.content) == (200, png(7))
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert browser.get(f"{where}/media/2/file").status_code == 404
    assert browser.get(f"{where}/media/1").headers["location"].endswith("#medium-1")
    assert browser.get(f"{where}/media/1/evidence/x.png").status_code == 404
    assert browser.submit(f"{where}/forget").status_code == 303
    assert browser.get(where).status_code == 404
    assert browser.get(f"{where}/media/1/file").status_code == 404
    assert left(console) == []


def test_an_engine_that_draws_nothing_says_so(console: Console) -> None:
    browser = console.client()
    where = tried(browser, png(7))
    token = browser.csrf()
    drawn = browser.post(f"{where}/media/1/evidence", data={"csrf": token}, headers={"HX-Request": "true"})
    assert "draws no evidence" in drawn.text
    assert f'action="{where}/media/1/evidence"' in drawn.text


def test_tries_are_listed_for_whoever_began_them(console: Console) -> None:
    for name in ("rita", "rob"):
        console.account(name, "reviewer")
    rita, rob = console.client(), console.client()
    rita.sign_in("rita")
    rob.sign_in("rob")
    where = tried(rita, png(7), name="mine.png")
    assert where in rita.get("/console/try").text
    assert where not in rob.get("/console/try").text


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("test_mode", [True, False])
def test_every_page_tells_test_mode_and_live_mode_does_not(
    open_console: OpenConsole, page: str, test_mode: bool
) -> None:
    console = open_console(test_mode=test_mode)
    console.settle()
    if page == "/sign-in":
        console.account("ann", "admin")
    shown = console.client().get(f"/console{page}").text
    assert ('<div class="test-mode" role="note">' in shown) is test_mode
    assert ("(test mode)</title>" in shown) is test_mode


def test_the_card_goes_with_the_reply(console: Console) -> None:
    browser = console.client()
    where = tried(browser, png(7))
    address = re.search(r'class="card-image" src="([^"]+)"', browser.get(where).text)
    assert address
    answer = browser.get(address[1].replace("&amp;", "&"))
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(BytesIO(answer.content)).size == (1200, 630)
    broken = tried(browser, b"nothing")
    assert "card-image" not in browser.get(broken).text
    assert browser.get(f"{broken}/card.png").status_code == 404


def test_replies_go_without_a_card_where_they_are_set_up_so(open_console: OpenConsole) -> None:
    browser = open_console(reply={"card": False}).client()
    where = tried(browser, png(7))
    assert "card-image" not in browser.get(where).text
    assert browser.get(f"{where}/card.png").status_code == 404


def test_a_stored_reply_is_shown_with_its_card(console: Console) -> None:
    console.settle()
    browser = console.client()
    replies = console.parts.store.rows("SELECT id, mention_id FROM replies WHERE kind = 'verdict' LIMIT 1")
    reply = next(iter(replies))
    page = browser.get(f"/console/mentions/{reply['mention_id']}").text
    assert re.search(r"\d+ of 500, as the inbox counts", page)
    where = f"/console/replies/{reply['id']}/card.png"
    assert f'src="{where}"' in page
    answer = browser.get(where)
    assert Image.open(BytesIO(answer.content)).size == (1200, 630)
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert browser.get("/console/replies/999999/card.png").status_code == 404
