"""Manners: who gets an answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clock import FakeClock
from bot.manners import Manners
from bot.platforms.base import Account, Post
from bot.rows import to_new_mention
from state.model import Mode
from state.store import Store
from tests.state.conftest import START

ME = Account("bot", "veritag")
ANN = Account("a", "ann")


def manners(blocked: frozenset[str] = frozenset(), allowed: frozenset[str] = frozenset()) -> Manners:
    return Manners(3, timedelta(hours=48), blocked, allowed)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "s.sqlite3", Mode.LIVE, FakeClock(START).now)
    yield store
    store.close()


def mention(number: int = 0, author: Account = ANN, text: str = "@veritag?", age: float = 0) -> Post:
    return Post(str(number), author, START - timedelta(hours=age), text)


def decide(store: Store, rules: Manners, post: Post) -> str | None:
    with store.transaction():
        decision = rules.decide(store, "inbox", ME, post)
        store.mentions.accept(to_new_mention("inbox", post, decision), timedelta(0))
    return decision.ignore


@pytest.mark.parametrize(
    ("post", "reason"),
    [
        (mention(), None),
        (mention(author=ME), "own_post"),
        (mention(author=Account("b", "bob", is_bot=True)), "bot"),
        (mention(author=Account("b", "BadBot")), "blocked"),
        (mention(age=49), "too_old"),
        (mention(text="@veritag stop"), "order_stop"),
        (mention(text="@veritag please stop and look at this"), None),
    ],
)
def test_who_is_answered(store: Store, post: Post, reason: str | None) -> None:
    assert decide(store, manners(blocked=frozenset({"badbot"})), post) == reason


def test_with_an_allow_list_nobody_else_is_answered(store: Store) -> None:
    rules = manners(allowed=frozenset({"ann"}))
    assert decide(store, rules, mention(1)) is None
    assert decide(store, rules, mention(2, Account("b", "bob"))) == "blocked"


def test_a_page_of_many_by_one_asker_is_cut_at_the_limit(store: Store) -> None:
    reasons = [decide(store, manners(), mention(number)) for number in range(5)]
    assert reasons == [None, None, None, "asker_limit", "asker_limit"]
    assert decide(store, manners(), mention(9, Account("b", "bob"))) is None


def test_stop_counts_as_the_first_word_of_a_stranger(store: Store) -> None:
    assert decide(store, manners(), mention(1, text="@veritag stop")) == "order_stop"
    assert decide(store, manners(), mention(2)) == "opted_out"


def test_stop_and_start(store: Store) -> None:
    rules = manners()
    assert decide(store, rules, mention(1)) is None
    assert decide(store, rules, mention(2, text="@veritag STOP!")) == "order_stop"
    assert decide(store, rules, mention(3)) == "opted_out"
    assert decide(store, rules, mention(4, text="start @veritag")) == "order_start"
    assert decide(store, rules, mention(5)) is None
