from __future__ import annotations

import pytest

from bot.errors import ResolveFailure as Why
from bot.resolver.base import Answer
from bot.resolver.reading.asking import refused, status_and_json
from tests.bot.resolver.conftest import failure


def answer(status: int = 200, body: bytes = b"", url: str = "https://h.example/a", **headers: str) -> Answer:
    return Answer(url, status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (answer(), None),
        (answer(404), Why.GONE),
        (answer(401), Why.LOGIN_NEEDED),
        (answer(403), Why.PRIVATE),
        (answer(451), Why.REGION),
        (answer(403, cf_mitigated="challenge"), Why.RATE_LIMITED),
        (answer(200, b"<html><title>Just a moment...</title>"), Why.RATE_LIMITED),
        (answer(200, b"x" * 30_000 + b"<title>Just a moment...</title>"), None),
        (answer(url="https://h.example/accounts/login/?next=a"), Why.LOGIN_NEEDED),
        (answer(url="https://h.example/v3/signin/identifier"), Why.LOGIN_NEEDED),
        (answer(url="https://h.example/login.php"), Why.LOGIN_NEEDED),
        (answer(url="https://h.example/login-tips/"), None),
        (answer(url="https://h.example/@login/1"), None),
    ],
)
def test_answers_that_are_refusals(given: Answer, why: Why | None) -> None:
    error = refused(given)
    assert (error.reason if error is not None else None) is why


def test_errors_in_json_are_the_sites_to_read() -> None:
    status, payload = status_and_json(answer(404, b'{"error": "gone"}'), "Lamps")
    assert (status, payload.text("error")) == (404, "gone")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (answer(200, b"<html>"), Why.SITE_CHANGED), (answer(404, b"<html>"), Why.GONE),
        (answer(403, b"<html>"), Why.LOGIN_NEEDED), (answer(200, b'{"cut": '), Why.SITE_CHANGED),
        (answer(200, b""), Why.SITE_CHANGED),
    ],
)  # fmt: skip
def test_without_json_the_status_counts(given: Answer, why: Why) -> None:
    assert failure(lambda: status_and_json(given, "Lamps")).reason is why
