"""Stores on a clock that tests own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from state.model import Mode, NewMention, PostRow
from state.store import Store

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_store(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Store]]:
    stores = []

    def open_(mode: Mode = Mode.LIVE) -> Store:
        stores.append(Store(tmp_path / "state.sqlite3", mode, clock))
        return stores[-1]

    yield open_
    for store in stores:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    return open_store()


def post(name: str, author: str = "ann", age: float = 0, **more: object) -> PostRow:
    created_at = START - timedelta(seconds=age)
    return PostRow("inbox", name, author, author, False, created_at, **more)  # type: ignore[arg-type]


def accept(store: Store, *posts: PostRow, ignore: str | None = None) -> list[bool]:
    return [store.mentions.accept(NewMention(p, ignore), timedelta(seconds=300)) for p in posts]
