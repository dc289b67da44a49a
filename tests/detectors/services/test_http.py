from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from detectors.errors import BudgetSpent, ServiceFailed
from detectors.services.budget import Budget
from detectors.services.http import HttpService, Patience, bearer, is_loopback
from tests.detectors.services.peer import Reply, serving

KEY = "sk-very-secret-0123456789"
QUICK = Patience(connect=1, read=0.3, total=3, attempts=3, backoff=0.01)


def service(url: str, budget: Budget | None = None, **kwargs: Any) -> HttpService:
    kwargs.setdefault("patience", QUICK)
    return HttpService(url, "the service", headers=bearer(KEY), budget=budget or Budget(0), **kwargs)


def plain(reply: Any) -> tuple[Any, float | None]:
    return reply["answer"], 0.0


def test_an_answer_comes_back_and_the_key_went_along() -> None:
    with serving(Reply({"answer": 42})) as peer:
        assert service(peer.url).post("ask", plain, most=0, json={"q": 1}) == 42
    assert peer.asked[0].path == "/v1/ask"
    assert peer.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert peer.asked[0].json == {"q": 1}


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_brief_faults_are_tried_again_after_growing_pauses(status: int) -> None:
    pauses: list[float] = []
    replies = (Reply(status=status), Reply(status=status), Reply({"answer": 1}))
    with serving(*replies) as peer:
        assert service(peer.url, sleep=pauses.append).post("ask", plain, most=0, json={}) == 1
    assert len(peer.asked) == 3
    assert 0.005 <= pauses[0] <= 0.01 <= pauses[1] <= 0.02


def test_a_server_that_names_a_pause_gets_it() -> None:
    pauses: list[float] = []
    with serving(Reply(status=429, headers={"retry-after": "2"}), Reply({"answer": 1})) as peer:
        service(peer.url, sleep=pauses.append).post("ask", plain, most=0, json={})
    assert pauses == [2.0]


def test_a_pause_beyond_the_time_that_is_left_ends_it() -> None:
    with serving(Reply(status=429, headers={"retry-after": "3600"})) as peer:
        with pytest.raises(ServiceFailed, match=r"the service at 127\.0\.0\.1 answers with status 429$"):
            service(peer.url).post("ask", plain, most=0, json={})
        assert len(peer.asked) == 1


@pytest.mark.parametrize(
    ("status", "mend"), [(400, ""), (401, "; check its key"), (404, "; check its"), (302, "")]
)
def test_a_refusal_is_final_and_redirects_are_not_followed(status: int, mend: str) -> None:
    with serving(Reply(status=status, headers={"location": "/v1/other"})) as peer:
        with pytest.raises(ServiceFailed, match=f"refuses with status {status}{mend}"):
            service(peer.url).post("ask", plain, most=0, json={})
        assert [asked.path for asked in peer.asked] == ["/v1/ask"]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 100_000, {"other": 1}]
)
def test_an_answer_in_another_form_is_asked_for_again_and_then_fails(body: object) -> None:
    with serving(Reply(body)) as peer:
        with pytest.raises(ServiceFailed, match=r"not answer in the form .* \(3 tries\)"):
            service(peer.url).post("ask", plain, most=0, json={})
        assert len(peer.asked) == 3


def test_silence_ends_in_time() -> None:
    began = time.monotonic()
    with serving(Reply({"answer": 1}, delay=0.6)) as peer, pytest.raises(ServiceFailed, match="in time"):
        service(peer.url).post("ask", plain, most=0, json={})
    assert time.monotonic() - began < 3


def test_dripping_ends_in_time() -> None:
    patience = Patience(connect=1, read=1, total=0.4, attempts=3, backoff=0.01)
    with serving(Reply({"answer": "x" * 2_000}, drip=0.1)) as peer:
        began = time.monotonic()
        with pytest.raises(ServiceFailed, match="too slowly"):
            service(peer.url, patience=patience).post("ask", plain, most=0, json={})
        assert time.monotonic() - began < 2


def test_an_endless_answer_is_given_up() -> None:
    with serving(Reply({"answer": "x" * 5_000_000})) as peer:
        with pytest.raises(ServiceFailed, match="more than 4000000 bytes"):
            service(peer.url).post("ask", plain, most=0, json={})
        assert len(peer.asked) == 1


def test_nobody_there() -> None:
    with serving(Reply({})) as peer:
        url = peer.url
    with pytest.raises(ServiceFailed, match=r"cannot be reached \(3 tries\)"):
        service(url).post("ask", plain, most=0, json={})


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(Reply({"answer": 1})) as peer:
        assert service(peer.url).post("ask", plain, most=0, json={}) == 1


def test_the_key_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(Reply({"error": f"bad key {KEY}"}, status=401)) as peer:
        asking = service(peer.url)
        with pytest.raises(ServiceFailed) as caught:
            asking.post("ask", plain, most=0, json={})
    shown = [str(caught.value), repr(caught.value), repr(asking), repr(caught.value.__cause__), caplog.text]
    assert not any(KEY in text for text in shown)


@pytest.mark.parametrize("key", ["", "  ", "two\nlines", "ключ"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(key: str) -> None:
    with pytest.raises(ValueError, match="copy it again") as caught:
        bearer(key)
    assert not key.strip() or key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *("", "api.example.org", "ftp://example.org", "https://", "https://user:pass@example.org"),
        *("https://example.org/?key=1", "http://example.org/v1", "http://127.0.0.1.example.org", "http://["),
    ],
)
def test_addresses_that_are_none_or_would_show_the_key_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"must be http|use https"):
        service(url)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *(("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True)),
        *(("0.0.0.0", False), ("10.0.0.1", False), ("example.org", False)),
        *(("localhost.example.org", False), ("127.0.0.1.example.org", False), ("2130706433", False)),
    ],
)
def test_what_counts_as_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def priced(reply: Any) -> tuple[Any, float | None]:
    return reply["answer"], reply.get("cost")


def test_the_budget_pays_what_it_came_to() -> None:
    budget = Budget(1.0)
    with serving(Reply({"answer": 1, "cost": 0.25}), Reply({"answer": 1})) as peer:
        service(peer.url, budget).post("ask", priced, most=0.5, json={})
        assert budget.spent() == pytest.approx(0.25)
        service(peer.url, budget).post("ask", priced, most=0.5, json={})
        assert budget.spent() == pytest.approx(0.75)  # the cost was not told
        with pytest.raises(BudgetSpent, match=r"too little of today's 1\.00 dollars"):
            service(peer.url, budget).post("ask", priced, most=0.5, json={})
        assert len(peer.asked) == 2


@pytest.mark.parametrize(
    ("reply", "owed"), [(Reply(status=500), 0.0), (Reply(status=401), 0.0), (Reply(b"no json"), 0.3)]
)
def test_failed_tries_count_only_if_work_may_have_been_done(reply: Reply, owed: float) -> None:
    budget = Budget(1.0)
    with serving(reply) as peer, pytest.raises(ServiceFailed):
        service(peer.url, budget).post("ask", priced, most=0.1, json={})
    assert budget.spent() == pytest.approx(owed)
