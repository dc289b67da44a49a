"""Who is let in, what they may do, and that nobody else's page can do it for them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bot.accounts import FREE_TRIES, Gatekeeper, Role, SignInRefused, Throttle, hash_password
from bot.errors import BotError
from bot.web.console.signing_in import own_page
from bot.web.headers import POLICY
from tests.bot.web.console.conftest import PASSWORD, Console, OpenConsole
from tests.state.conftest import START

PAGE = "/console/operations"


def test_without_accounts_this_machine_is_let_in(console: Console) -> None:
    answer = console.client().get(PAGE)
    assert answer.status_code == 200
    assert "local" in answer.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8080", "localhost.evil.example"])
def test_a_name_that_is_not_ours_gets_nothing(console: Console, host: str) -> None:
    answer = console.client(host=host).get(PAGE)
    assert answer.status_code == 403
    assert "does not go by that name" in answer.text


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via"])
def test_whoever_comes_through_a_proxy_must_sign_in(console: Console, header: str) -> None:
    answer = console.client().get(PAGE, headers={header: "203.0.113.9"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in")


def test_another_machine_must_sign_in(console: Console) -> None:
    assert console.client(address="203.0.113.9").get(PAGE).status_code == 303


def test_with_an_account_everybody_must_sign_in(console: Console) -> None:
    console.account("ann", "viewer")
    browser = console.client()
    answer = browser.get(PAGE)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/console/sign-in?next=%2Fconsole%2Foperations",
    )
    assert browser.get(PAGE, headers={"HX-Request": "true"}).headers["hx-redirect"]
    answer = browser.sign_in("ANN")
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert "ann" in browser.get(PAGE).text
    assert browser.submit("/console/sign-out").status_code == 303
    assert browser.get(PAGE).status_code == 303


def test_over_https_the_cookie_is_for_this_host_alone(open_console: OpenConsole) -> None:
    console = open_console(web={"public_url": "https://bot.example"})
    console.account("ann", "viewer")
    browser = console.client(host="bot.example")
    answer = browser.sign_in("ann")
    assert answer.headers["set-cookie"].startswith("__Host-veritag=")
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


def test_a_wrong_name_and_a_wrong_password_read_alike(console: Console) -> None:
    console.account("ann", "viewer")
    answers = [console.client().sign_in("ann", "wrong"), console.client().sign_in("bob", "wrong")]
    texts = [re.sub(r'value="(ann|bob)"', "", answer.text) for answer in answers]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert texts[0] == texts[1]


def test_guessing_is_slowed_down_also_for_the_right_password(console: Console) -> None:
    console.account("ann", "viewer")
    browser = console.client()
    for _ in range(FREE_TRIES):
        assert browser.sign_in("ann", "wrong").status_code == 403
    answer = browser.sign_in("ann")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


def test_the_pause_doubles_and_ends() -> None:
    throttle = Throttle()
    for _ in range(FREE_TRIES):
        assert throttle.closed_until("key", START) is None
        throttle.failed("key", START)
    assert throttle.closed_until("key", START) == START + timedelta(seconds=2)
    throttle.failed("key", START)
    assert throttle.closed_until("key", START) == START + timedelta(seconds=4)
    assert throttle.closed_until("key", START + timedelta(seconds=4)) is None
    throttle.succeeded("key")
    assert throttle.closed_until("key", START) is None


def test_a_short_password_is_refused() -> None:
    with pytest.raises(BotError, match="at least 10"):
        hash_password("short")


def test_a_disabled_account_is_out_at_once(console: Console) -> None:
    console.account("ann", "viewer")
    browser = console.client()
    browser.sign_in("ann")
    console.parts.store.accounts.disable("ann")
    console.account("bob", "admin")
    assert browser.get(PAGE).status_code == 303
    assert browser.sign_in("ann").status_code == 403


def test_a_session_ends_with_its_time(console: Console) -> None:
    console.account("ann", "viewer")
    store = console.parts.store
    token = Gatekeeper(store, timedelta(seconds=-1)).sign_in("ann", PASSWORD, "127.0.0.1")
    assert store.accounts.signed_in(token) is None
    with pytest.raises(SignInRefused):
        Gatekeeper(store, timedelta(hours=1)).sign_in("ann", "", "127.0.0.1")


def test_the_file_holds_neither_passwords_nor_tokens(console: Console) -> None:
    console.account("ann", "viewer")
    token = Gatekeeper(console.parts.store, timedelta(hours=1)).sign_in("ann", PASSWORD, "127.0.0.1")
    kept = "\n".join(console.parts.store.db.conn.iterdump())
    assert "ann" in kept
    assert token not in kept
    assert PASSWORD not in kept


# Changes


def test_a_change_needs_the_form_token(console: Console) -> None:
    console.account("ann", "viewer")
    browser = console.client()
    browser.sign_in("ann")
    for fields in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        answer = browser.post("/console/sign-out", data=fields)
        assert answer.status_code == 403
        assert "expired" in answer.text
    assert browser.post("/console/sign-out", headers={"X-CSRF-Token": browser.csrf()}).status_code == 303


def test_the_token_of_another_browser_does_not_help(console: Console) -> None:
    console.account("ann", "viewer")
    one, other = console.client(), console.client()
    one.sign_in("ann")
    other.sign_in("ann")
    assert one.post("/console/sign-out", data={"csrf": other.csrf()}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_cannot_send_forms(console: Console, site: str) -> None:
    console.account("ann", "viewer")
    browser = console.client()
    foreign = {"Sec-Fetch-Site": site}
    data = {"name": "ann", "password": PASSWORD}
    assert browser.post("/console/sign-in", data=data, headers=foreign).status_code == 403
    browser.sign_in("ann")
    data = {"csrf": browser.csrf()}
    assert browser.post("/console/sign-out", data=data, headers=foreign).status_code == 403


@pytest.mark.parametrize("path", ["/console/sign-in", "/console/people/add", "/console/nothing", "/resolve"])
def test_a_great_body_is_refused_unread_whoever_sends_it(console: Console, path: str) -> None:
    browser = console.client()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.post(path, content=b"a=" + b"x" * 300_000, headers=kind).status_code == 413
    assert browser.post(path, content=iter([b"a=1"]), headers=kind).status_code == 411


def test_roles_hold_those_below() -> None:
    assert Role.ADMIN.may(Role.VIEWER)
    assert Role.REVIEWER.may(Role.REVIEWER)
    assert not Role.VIEWER.may(Role.REVIEWER)


# Answers


def test_every_answer_is_guarded(console: Console) -> None:
    for address in (PAGE, "/console/sign-in", "/console/static/console.css", "/console/nothing", "/health"):
        headers = console.client().get(address).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
    assert "unsafe" not in POLICY


@pytest.mark.parametrize("name", ["../base.html", "%2e%2e/base.html", "..%2f..%2f__init__.py", "mark.svg/"])
def test_static_files_are_those_in_the_folder(console: Console, name: str) -> None:
    assert console.client().get(f"/console/static/{name}").status_code in {404, 307}


def test_pages_hold_no_inline_script_or_style(console: Console) -> None:
    for address in (PAGE, "/console/nothing"):
        text = console.client().get(address).text
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", text)


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("/console/mentions/3?x=1", "/console/mentions/3?x=1"),
        ("https://evil.example/console", "/console"),
        ("//evil.example/console", "/console"),
        ("/\\evil.example", "/console"),
        ("/consoles", "/console"),
        ("/console/\r\nX: y", "/console"),
    ],
)
def test_signing_in_leads_to_our_own_pages_only(address: str, safe: str) -> None:
    assert own_page(address) == safe
