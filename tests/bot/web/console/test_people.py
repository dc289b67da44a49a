"""Accounts, keys, blocks and the posting switch, from the console; and the log of it all."""

from __future__ import annotations

import re

import pytest

from state.manners import PAUSE
from tests.bot.web.console.conftest import PASSWORD, Browser, Console

PAGE = "/console/people"


@pytest.fixture
def admin(console: Console) -> Browser:
    console.account("ada", "admin")
    browser = console.client()
    browser.sign_in("ada")
    return browser


def secret_in(text: str) -> str:
    found = re.search(r'class="secret">([^<]+)<', text)
    assert found
    return found[1]


def deeds(console: Console) -> list[tuple[str, str, str]]:
    """The audit log without sign-ins: who did what to what."""
    rows = console.parts.store.audit.latest()
    return [(row.actor, row.action, row.subject) for row in rows if row.action != "sign_in"]


def test_the_first_account_must_be_an_admin(console: Console) -> None:
    browser = console.client()
    answer = browser.submit(f"{PAGE}/add", PAGE, name="ann", role="viewer")
    assert answer.status_code == 400
    assert "make it an admin" in answer.text
    assert not console.parts.store.accounts.any()
    answer = browser.submit(f"{PAGE}/add", PAGE, name="ada", role="admin")
    password = secret_in(answer.text)
    assert browser.get(PAGE).status_code == 303
    assert browser.sign_in("ada", password).status_code == 303
    assert password not in browser.get(PAGE).text


def test_people_come_and_go(console: Console, admin: Browser) -> None:
    password = secret_in(admin.submit(f"{PAGE}/add", PAGE, name=" ann ", role="viewer").text)
    other = console.client()
    assert other.sign_in("ann", password).status_code == 303
    assert other.get(PAGE).status_code == 403
    assert admin.submit(f"{PAGE}/role", PAGE, name="ann", role="admin").status_code == 200
    assert other.get(PAGE).status_code == 200
    admin.submit(f"{PAGE}/disable", PAGE, name="ann")
    assert other.get(PAGE).status_code == 303
    admin.submit(f"{PAGE}/enable", PAGE, name="ann")
    assert secret_in(admin.submit(f"{PAGE}/password", PAGE, name="ann").text) != password
    assert [deed[1] for deed in deeds(console)][::-1] == [
        *("account_add", "account_role", "account_disable", "account_enable", "account_password")
    ]


def test_the_last_admin_stays(console: Console, admin: Browser) -> None:
    for action, more in (("disable", {}), ("role", {"role": "viewer"})):
        answer = admin.submit(f"{PAGE}/{action}", PAGE, name="ada", **more)
        assert answer.status_code == 400
        assert "last admin" in answer.text
    assert admin.get(PAGE).status_code == 200
    assert deeds(console) == []


@pytest.mark.parametrize(
    ("action", "fields", "fault"),
    [
        ("add", {"name": "ada", "role": "viewer"}, "already"),
        ("add", {"name": " ", "role": "viewer"}, "printable"),
        ("role", {"name": "nobody", "role": "viewer"}, "no account"),
        ("disable", {"name": "nobody"}, "no account"),
        ("keys/disable", {"name": "nothing"}, "no key"),
        ("block", {"platform": "inbox", "handle": "@"}, "no handle"),
        ("unblock", {"platform": "inbox", "handle": "eve"}, "not blocked"),
    ],
)
def test_what_cannot_be_done_is_named(
    admin: Browser, action: str, fields: dict[str, str], fault: str
) -> None:
    answer = admin.submit(f"{PAGE}/{action}", PAGE, **fields)
    assert answer.status_code == 400
    assert fault in answer.text


def test_keys_are_shown_once_and_can_be_taken_back(console: Console, admin: Browser) -> None:
    key = secret_in(admin.submit(f"{PAGE}/keys/add", PAGE, name="archive").text)
    bearer = {"Authorization": f"Bearer {key}"}
    assert console.client().get("/api/v1/health", headers=bearer).status_code == 200
    assert key not in admin.get(PAGE).text
    admin.submit(f"{PAGE}/keys/disable", PAGE, name="archive")
    assert console.client().get("/api/v1/health", headers=bearer).status_code == 401


def test_who_is_turned_away_gets_no_answer(console: Console, admin: Browser) -> None:
    admin.submit(f"{PAGE}/block", PAGE, platform="inbox", handle="@ann", reason="<b>spam</b>")
    text = admin.get(PAGE).text
    assert "@ann" in text
    assert "&lt;b&gt;spam" in text
    console.settle()
    reasons = {row.reason for row in console.parts.store.mentions.in_state("ignored")}
    assert "blocked" in reasons
    admin.submit(f"{PAGE}/unblock", PAGE, platform="inbox", handle="ann")
    assert console.parts.store.blocks.list() == []


def test_posting_is_paused_and_goes_on(console: Console, admin: Browser) -> None:
    admin.submit(f"{PAGE}/pause", PAGE, reason="storm")
    assert console.parts.store.switches.is_on(PAUSE)
    console.settle()
    assert console.world.replies() == []
    assert "Paused by ada" in admin.get(PAGE).text
    admin.submit(f"{PAGE}/resume", PAGE)
    console.settle()
    assert console.world.replies()
    assert [deed[1] for deed in deeds(console)] == ["resume", "pause"]


def test_the_log_is_paged(console: Console, admin: Browser) -> None:
    for number in range(60):
        console.parts.store.audit.add("ada", "note", f"thing:{number}")
    text = admin.get(PAGE).text
    older = re.search(r'href="(/console/people\?before=\d+)#audit"', text)
    assert "thing:59" in text
    assert "thing:5<" not in text
    assert older
    assert "thing:5<" in admin.get(older[1]).text


def test_everybody_changes_the_own_password_with_the_old_one(console: Console) -> None:
    console.account("ann", "viewer")
    browser = console.client()
    browser.sign_in("ann")
    page = "/console/account"
    answer = browser.submit(page, page, old="wrong", new="another password")
    assert answer.status_code == 400
    assert browser.submit(page, page, old=PASSWORD, new="short").status_code == 400
    assert browser.submit(page, page, old=PASSWORD, new="another password").status_code == 303
    assert browser.get(page).status_code == 303
    assert browser.sign_in("ann", "another password").status_code == 303
