"""How often one may ask."""

from __future__ import annotations

from fastapi import Request

from bot.web.public.pace import Pace, address_of


class Clock:
    """Seconds that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_budget_fills_up_again() -> None:
    clock = Clock()
    pace = Pace(60, clock)
    assert [pace.allows("a") for _ in range(61)] == [True] * 60 + [False]
    clock.now = 2.0
    assert [pace.allows("a") for _ in range(3)] == [True, True, False]


def test_all_together_have_one_too() -> None:
    pace = Pace(10, Clock())
    assert sum(pace.allows(f"198.51.100.{number}") for number in range(200)) == 100


def asking(client: str, forwarded: str | None) -> Request:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    return Request({"type": "http", "client": (client, 1), "headers": headers})


def test_only_a_proxy_on_this_machine_is_believed() -> None:
    assert address_of(asking("127.0.0.1", "1.2.3.4, 203.0.113.9")) == "203.0.113.9"
    assert address_of(asking("203.0.113.9", "1.2.3.4")) == "203.0.113.9"
    assert address_of(asking("127.0.0.1", None)) == "127.0.0.1"
