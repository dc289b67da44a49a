"""The gate: one refusal is one pause, one request tries an endpoint again, all loops share what is known."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.clock import FakeClock
from bot.errors import (
    CredentialsRefused,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    PostGone,
    RateLimited,
)
from bot.platforms.gate import JITTER, LONGEST_NAMED_WAIT, Gate
from state.model import Mode
from state.store import Store
from tests.state.conftest import START


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    store = Store(tmp_path / "state.sqlite3", Mode.LIVE, clock.now)
    yield store
    store.close()


@pytest.fixture
def gate(clock: FakeClock) -> Gate:
    return Gate("somewhere", clock)


def ask(gate: Gate, problem: Exception | None = None, endpoint: str = "posts") -> str:
    """One request: what became of it."""
    left = False
    try:
        with gate.call(endpoint):
            left = True
            if problem is not None:
                raise problem
    except PlatformError as error:
        return type(error).__name__ if left else "held"
    return "answered"


def closed_for(gate: Gate, clock: FakeClock, endpoint: str = "posts") -> float:
    until = gate.budgets().endpoints[endpoint].closed_until
    return (until - clock.now()).total_seconds() if until else 0.0


def test_a_refusal_with_a_time_closes_until_then_and_only_this_endpoint(gate: Gate, clock: FakeClock) -> None:
    assert ask(gate, RateLimited("429", START + timedelta(minutes=15))) == "RateLimited"
    assert (ask(gate), ask(gate, endpoint="mentions")) == ("held", "answered")
    clock.advance(15 * 60 - 1)
    assert ask(gate) == "held"
    clock.advance(1)
    assert ask(gate) == "answered"


def test_without_a_time_pauses_double_and_never_fall_under_a_minute(gate: Gate, clock: FakeClock) -> None:
    waits = []
    for _ in range(8):
        assert ask(gate, RateLimited("429")) == "RateLimited"
        waits.append(closed_for(gate, clock))
        clock.advance(waits[-1])
    for wait, least in zip(waits, [60, 120, 240, 480, 900, 900, 900, 900], strict=True):
        assert least <= wait <= least * (1 + JITTER)
    assert ask(gate) == "answered"
    ask(gate, RateLimited("429"))
    assert closed_for(gate, clock) <= 60 * (1 + JITTER)


def test_a_429_without_reset_is_asked_at_most_once_a_minute(gate: Gate, clock: FakeClock) -> None:
    asked = []
    for second in range(3600):
        if ask(gate, RateLimited("429")) == "RateLimited":
            asked.append(second)
        clock.advance(1)
    assert len(asked) <= 9
    assert all(later - earlier >= 60 for earlier, later in itertools.pairwise(asked))


@pytest.mark.parametrize("named", [START, START - timedelta(hours=1)])
def test_a_time_that_is_over_counts_as_none(gate: Gate, clock: FakeClock, named: datetime) -> None:
    ask(gate, RateLimited("429", named))
    assert closed_for(gate, clock) >= 60


def test_a_time_in_the_far_future_is_not_believed(gate: Gate, clock: FakeClock) -> None:
    refusal = RateLimited("429", datetime(2999, 1, 1, tzinfo=UTC))
    ask(gate, refusal)
    assert closed_for(gate, clock) == LONGEST_NAMED_WAIT.total_seconds()
    assert refusal.retry_at == START + LONGEST_NAMED_WAIT
    with gate.call("mentions") as call:
        call.budget(limit=1, remaining=0, reset_at=datetime(2999, 1, 1, tzinfo=UTC))
    clock.advance(LONGEST_NAMED_WAIT.total_seconds())
    assert ask(gate, endpoint="mentions") == "answered"


def test_a_refusal_leaves_with_the_time_at_which_the_endpoint_opens(gate: Gate, clock: FakeClock) -> None:
    refusal = RateLimited("429")
    ask(gate, refusal)
    assert refusal.retry_at == gate.budgets().endpoints["posts"].closed_until


@pytest.mark.parametrize("problem", [PlatformUnavailable("503"), OutcomeUnknown("time-out")])
def test_failures_in_a_row_close_and_an_answer_forgets_them(
    gate: Gate, clock: FakeClock, problem: Exception
) -> None:
    for _ in range(5):
        assert [ask(gate, problem), ask(gate, problem)] == [type(problem).__name__] * 2
        assert ask(gate, PostGone("404")) == "PostGone"
    for _ in range(3):
        ask(gate, problem)
    assert ask(gate) == "held"
    clock.advance(60 * (1 + JITTER))
    assert ask(gate, problem) == type(problem).__name__
    assert closed_for(gate, clock) >= 120


def test_refused_credentials_close_nothing(gate: Gate) -> None:
    assert [ask(gate, CredentialsRefused("401")) for _ in range(5)] == ["CredentialsRefused"] * 5


def test_after_a_pause_one_request_goes_and_the_others_wait_for_its_answer(
    gate: Gate, clock: FakeClock
) -> None:
    ask(gate, RateLimited("429"))
    clock.advance(60 * (1 + JITTER))
    with gate.call("posts"):
        assert [ask(gate) for _ in range(5)] == ["held"] * 5
    assert [ask(gate) for _ in range(5)] == ["answered"] * 5


@pytest.mark.parametrize("problem", [CredentialsRefused("401"), KeyboardInterrupt()])
def test_a_trial_that_says_nothing_is_made_again(
    gate: Gate, clock: FakeClock, problem: BaseException
) -> None:
    ask(gate, RateLimited("429"))
    clock.advance(60 * (1 + JITTER))
    with suppress(CredentialsRefused, KeyboardInterrupt), gate.call("posts"):
        raise problem
    with gate.call("posts"):
        assert ask(gate) == "held"


def test_many_refusals_at_once_are_one_pause(gate: Gate, clock: FakeClock) -> None:
    barrier = threading.Barrier(8)

    def refused(_: int) -> None:
        with suppress(RateLimited), gate.call("posts"):
            barrier.wait(10)
            raise RateLimited("429")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(refused, range(8)))
    assert closed_for(gate, clock) <= 60 * (1 + JITTER)


def test_an_answer_to_an_older_request_opens_nothing(gate: Gate) -> None:
    with gate.call("posts"):
        ask(gate, RateLimited("429"))
    assert ask(gate) == "held"


def test_the_budget_of_the_headers_is_kept(gate: Gate, clock: FakeClock) -> None:
    with gate.call("posts") as call:
        call.budget(limit=300, remaining=2, reset_at=START + timedelta(minutes=15))
    assert [ask(gate) for _ in range(4)] == ["answered", "answered", "held", "held"]
    assert gate.budgets().endpoints["posts"].limit == 300
    clock.advance(15 * 60)
    assert ask(gate) == "answered"


def test_answers_in_any_order_never_raise_a_budget(gate: Gate) -> None:
    reset_at = START + timedelta(minutes=15)
    with gate.call("posts") as early, gate.call("posts") as late:
        late.budget(limit=2, remaining=0, reset_at=reset_at)
        early.budget(limit=2, remaining=1, reset_at=reset_at)
    assert ask(gate) == "held"


def test_an_answer_without_headers_leaves_what_is_known(gate: Gate) -> None:
    with gate.call("posts") as call:
        call.budget(limit=300, remaining=1, reset_at=START + timedelta(minutes=15))
    with gate.call("posts") as call:
        call.budget()
    assert ask(gate) == "held"


def test_threads_together_never_spend_more_than_the_budget(gate: Gate) -> None:
    with gate.call("posts") as call:
        call.budget(limit=100, remaining=25, reset_at=START + timedelta(minutes=15))
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda _: ask(gate), range(200)))
    assert said.count("answered") == 25


def test_a_restart_keeps_pauses_and_spent_budgets_and_asks_once(store: Store, clock: FakeClock) -> None:
    before = Gate("somewhere", clock, pauses=store.pauses.of("somewhere"))
    ask(before, RateLimited("429"))
    with before.call("mentions") as call:
        call.budget(limit=15, remaining=0, reset_at=START + timedelta(minutes=15))
    for _ in range(5):
        after = Gate("somewhere", clock, pauses=store.pauses.of("somewhere"))
        assert [ask(after), ask(after, endpoint="mentions"), ask(after, endpoint="me")] == [
            "held",
            "held",
            "answered",
        ]
    assert ask(Gate("elsewhere", clock, pauses=store.pauses.of("elsewhere"))) == "answered"
    clock.advance(15 * 60)
    assert ask(Gate("somewhere", clock, pauses=store.pauses.of("somewhere"))) == "answered"
