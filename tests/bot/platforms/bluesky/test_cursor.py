"""Sweeps through a list that is newest first, whatever it does meanwhile."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import PlatformUnavailable
from bot.platforms.bluesky.cursor import OVERLAP, Cursor, Entry, parse

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Listing:
    """Bluesky's list, as its AppView pages it: everything older than the cursor's time."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.numbers = itertools.count()

    def add(self, *seconds_ago: float) -> list[str]:
        new = [Entry(f"at://{next(self.numbers)}", NOW - timedelta(seconds=ago)) for ago in seconds_ago]
        self.entries += new
        return [entry.uri for entry in new]

    def page(self, cursor: str | None, size: int) -> tuple[list[Entry], str | None]:
        before = datetime.fromisoformat(cursor) if cursor else datetime.max.replace(tzinfo=UTC)
        older = [entry for entry in self.entries if entry.time < before]
        page = sorted(older, key=lambda entry: (entry.time, entry.uri), reverse=True)[:size]
        return page, page[-1].time.isoformat(timespec="milliseconds") if page else None

    def sweep(self, text: str, size: int, now: datetime = NOW) -> tuple[list[str], str]:
        """Everything new, page by page with a restart before each, and the cursor at the end."""
        found: list[str] = []
        for _ in range(500):
            cursor = parse(text)
            entries, listed_next = self.page(cursor.page, size)
            found += [entry.uri for entry in entries if cursor.is_new(entry)]
            after = cursor.after(entries, listed_next, now)
            text = str(after)
            if not after.more:
                return found, text
        raise AssertionError("the sweep has no end")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_sweep_finds_everything_once_also_of_one_millisecond(size: int) -> None:
    listing = Listing()
    made = listing.add(*(n // 2 for n in range(40)))  # two of each moment
    found, text = listing.sweep(str(Cursor()), size)
    # A page of one cannot hold both of one moment: Bluesky itself never shows the second then.
    assert sorted(found) == sorted(made) if size > 1 else set(found) <= set(made)
    assert listing.sweep(text, size)[0] == []


def test_what_is_indexed_late_is_found_within_the_overlap() -> None:
    listing = Listing()
    listing.add(5, 10)
    _, text = listing.sweep(str(Cursor()), 100)
    late = listing.add(OVERLAP.total_seconds() - 10)
    assert listing.sweep(text, 100)[0] == late
    too_late = OVERLAP.total_seconds() + 10
    listing.add(too_late)
    assert listing.sweep(text, 100)[0] == late


def test_what_is_old_is_forgotten_and_not_read_again() -> None:
    listing = Listing()
    listing.add(*range(0, 100_000, 100))
    _, text = listing.sweep(str(Cursor()), 100)
    assert len(parse(text).seen) <= OVERLAP.total_seconds() / 100 + 1
    entries, listed_next = listing.page(None, 100)
    assert parse(text).after(entries, listed_next, NOW).page is None


def test_what_came_during_a_long_sweep_is_found_before_it_counts_as_ended() -> None:
    listing = Listing()
    made = listing.add(10, 20, 30, 40, 50)
    cursor = Cursor()
    entries, listed_next = listing.page(None, 2)
    found = [entry.uri for entry in entries]
    text = str(cursor.after(entries, listed_next, NOW))
    made += listing.add(1, 2, 3)  # while the process is away
    rest, text = listing.sweep(text, 2)
    assert sorted(found + rest) == sorted(made)
    assert listing.sweep(text, 2)[0] == []


def test_a_time_from_the_future_does_not_lift_the_floor() -> None:
    listing = Listing()
    listing.add(-864_000)
    _, text = listing.sweep(str(Cursor()), 100)
    new = listing.add(1)
    assert listing.sweep(text, 100)[0] == new


def test_the_list_may_change_under_a_sweep() -> None:
    chance = random.Random(7)
    for _ in range(30):
        listing, found, text = Listing(), [], str(Cursor())
        for round_ in range(12):
            listing.add(*(chance.randrange(600) - round_ * 30 for _ in range(chance.randrange(8))))
            listing.entries = [entry for entry in listing.entries if chance.random() > 0.02]
            new, text = listing.sweep(text, chance.choice([2, 3, 10]), NOW + timedelta(seconds=600))
            found += new
        assert len(found) == len(set(found))
        assert {entry.uri for entry in listing.entries} <= set(found)


@pytest.mark.parametrize("text", ["", "rubbish", "[]", '{"floor": "x"}', '{"seen": 3}', '{"floor": 1e99}'])
def test_rubbish_is_no_cursor(text: str) -> None:
    with pytest.raises(PlatformUnavailable, match="no cursor"):
        parse(text)
