"""Money: reserved before it is spent, kept under the cap, forgotten by no restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.checks import check_money
from bot.clock import FakeClock
from bot.config import Settings
from bot.errors import PlatformUnavailable, RateLimited
from bot.gates import build_gates
from bot.platforms.gate import Gate
from state.model import Mode
from state.store import Store
from tests.state.conftest import START

DAY = START.date()
CENT = Decimal("0.01")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    store = Store(tmp_path / "state.sqlite3", Mode.LIVE, clock.now)
    yield store
    store.close()


@pytest.fixture
def open_gate(store: Store, clock: FakeClock) -> Callable[..., Gate]:
    def open_(cap: str | None = "0.10") -> Gate:
        daily_cap = Decimal(cap) if cap else None
        return Gate(
            "x", clock, ledger=store.spending.of("x"), pauses=store.pauses.of("x"), daily_cap=daily_cap
        )

    return open_


def buy(gate: Gate, cost: Decimal = CENT, really: Decimal | None = None, endpoint: str = "posts") -> None:
    with gate.call(endpoint, cost=cost) as call:
        if really is not None:
            call.charge(really)


def events(store: Store) -> list[str]:
    return [event.name for event in store.events.of_none(10)][::-1]


def test_the_cap_is_reached_and_never_passed(open_gate: Callable[..., Gate], store: Store) -> None:
    gate = open_gate()
    for _ in range(10):
        buy(gate)
    with pytest.raises(RateLimited, match=r"x.daily_cap of 0.10 US dollars is reached") as refusal:
        buy(gate)
    assert refusal.value.retry_at == datetime.combine(DAY, time(), UTC) + timedelta(days=1)
    with pytest.raises(RateLimited):
        buy(gate, endpoint="mentions")
    assert store.spending.by_endpoint("x", DAY) == {"posts": (10, Decimal("0.1"))}
    buy(gate, cost=Decimal(0))  # what costs nothing goes on


def test_the_next_day_begins_at_midnight_utc(open_gate: Callable[..., Gate], clock: FakeClock) -> None:
    gate = open_gate("0.01")
    buy(gate)
    with pytest.raises(RateLimited) as refusal:
        buy(gate)
    assert refusal.value.retry_at is not None
    clock.advance((refusal.value.retry_at - clock.now()).total_seconds() - 1)
    with pytest.raises(RateLimited):
        buy(gate)
    clock.advance(1)
    buy(gate)


def test_a_raised_cap_is_used_after_a_restart(open_gate: Callable[..., Gate]) -> None:
    gate = open_gate("0.01")
    buy(gate)
    with pytest.raises(RateLimited):
        buy(gate)
    with pytest.raises(RateLimited):
        buy(open_gate("0.01"))
    buy(open_gate("0.02"))


def test_what_was_reserved_is_replaced_by_what_it_cost(open_gate: Callable[..., Gate], store: Store) -> None:
    gate = open_gate()
    buy(gate, cost=Decimal("0.10"), really=Decimal("0.0351"))
    buy(gate, cost=Decimal("0.05"), really=Decimal(0))
    assert store.spending.by_endpoint("x", DAY) == {"posts": (2, Decimal("0.0351"))}
    with pytest.raises(PlatformUnavailable), gate.call("posts", cost=CENT):
        raise PlatformUnavailable("the platform may charge for it all the same")
    assert gate.budgets().spent_today == Decimal("0.0451")


def test_a_request_that_outlasts_midnight_is_settled_on_its_day(
    open_gate: Callable[..., Gate], clock: FakeClock, store: Store
) -> None:
    gate = open_gate()
    with gate.call("posts", cost=CENT) as call:
        clock.advance(86_400)
        call.charge(Decimal(0))
    assert (store.spending.of("x").spent(DAY), gate.budgets().spent_today) == (0, 0)


def test_parts_of_a_cent_add_up_exactly(store: Store) -> None:
    ledger = store.spending.of("x")
    for _ in range(1000):
        ledger.reserve(DAY, "mentions", Decimal("0.000001"), None)
    assert ledger.spent(DAY) == Decimal("0.001")
    ledger.reserve(DAY, "mentions", Decimal("0.0000001"), None)  # rounded up
    assert ledger.spent(DAY) == Decimal("0.001001")
    assert ledger.spent(date(2020, 1, 1)) == 0
    assert store.spending.of("y").spent(DAY) == 0


def test_threads_together_never_spend_more_than_the_cap(open_gate: Callable[..., Gate]) -> None:
    gate = open_gate("0.25")

    def bought(_: int) -> bool:
        try:
            buy(gate)
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(bought, range(100))) == 25


def test_operators_are_warned_once_before_the_cap_and_once_at_it(
    open_gate: Callable[..., Gate], store: Store
) -> None:
    for number in range(14):
        try:
            buy(gate := open_gate())  # a restart before each
            buy(gate, cost=Decimal(0))
        except RateLimited:
            assert number >= 10
            break
    for _ in range(3):
        with pytest.raises(RateLimited):
            buy(gate)
    assert events(store) == ["spending_near_cap", "spending_cap_reached"]


def test_the_health_check_warns_and_then_fails(open_gate: Callable[..., Gate]) -> None:
    gate = open_gate()
    assert check_money(gate.budgets()).detail == "0.00 of 0.10 US dollars today"
    for _ in range(8):
        buy(gate)
    near = check_money(gate.budgets())
    assert (near.name, near.ok, near.detail) == (
        "money:x",
        True,
        "0.08 of 0.10 US dollars today, near the cap",
    )
    with pytest.raises(RateLimited):
        buy(gate, cost=Decimal("0.05"))
    assert not check_money(gate.budgets()).ok
    assert check_money(open_gate(None).budgets()).detail == "0.08 US dollars today, no cap"


def test_gates_of_one_store_share_its_money(store: Store) -> None:
    settings = Settings(platforms=["mastodon"])
    (gate,) = build_gates(settings, store).values()
    buy(gate, cost=Decimal(1))
    (again,) = build_gates(settings, store).values()
    today = datetime.now(UTC).date()
    assert (again.platform, again.purse.daily_cap) == ("mastodon", None)
    assert store.spending.of("mastodon").spent(today) == 1
    (forgetful,) = build_gates(settings).values()
    assert forgetful.budgets().spent_today == 0
