"""The queue's filters as they stand in an address, and back.

Addresses are shared and edited by hand: what cannot be understood is left out, never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import isfinite
from typing import Final, TypeVar
from urllib.parse import parse_qsl, urlencode

from analysis.ensemble.combine import ReviewLabel
from state.model import MentionState, Mode
from state.triage_model import Cursor, Filters, Order

LONGEST_WORDS: Final = 200
LONGEST_VALUE: Final = 40
MOST_VALUES: Final = 20
# One word for several values.
ALIASES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("states", "open"): tuple(state.value for state in MentionState if not state.final),
    ("reviews", "any"): tuple(label.value for label in ReviewLabel),
}
# The names in the address, and the fields that they fill with one value or more.
FIELDS: Final = {
    "band": "bands",
    "state": "states",
    "reply": "replies",
    "review": "reviews",
    "platform": "platforms",
    "language": "languages",
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class View:
    """A tab of the queue: its name, and the query that it stands for. ``id``: an operator has kept it."""

    name: str
    query: str
    id: int | None = None


VIEWS: Final = (
    View("Newest", ""),
    View("Needs review", "band=high&band=uncertain&state=answered&review=none"),
    View("Uncertain first", "review=none&order=doubt"),
    View("High reach first", "reach=2&order=reach"),
    View("Detectors disagree", "spread=0.5&order=spread"),
    View("Failed", "state=failed"),
)


def read_filters(query: str, mode: Mode) -> Filters:
    """The filters in an address's query; `mode` where it names none."""
    pairs = parse_qsl(query, max_num_fields=100) if query.count("&") < 100 else []
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value.strip())
    last = {name: values[-1] for name, values in given.items()}
    several = {field: _values(field, given.get(name, ())) for name, field in FIELDS.items()}
    until = _read(_day, last.get("until"))
    return Filters(
        mode=_read(Mode, last.get("mode")) or mode,
        bands=several["bands"],
        states=several["states"],
        replies=several["replies"],
        reviews=several["reviews"],
        platforms=several["platforms"],
        languages=several["languages"],
        spread=_read(_share, last.get("spread")),
        reach=_read(_number, last.get("reach")),
        since=_read(_day, last.get("since")),
        until=None if until is None else until + timedelta(days=1),
        words=last.get("q", "")[:LONGEST_WORDS],
        order=_read(Order, last.get("order")) or Order.NEWEST,
    )


def write_filters(filters: Filters, mode: Mode) -> str:
    """The query of these filters: one and the same for the same filters; empty for none."""
    pairs: list[tuple[str, str]] = []
    for name, field in FIELDS.items():
        values: tuple[str, ...] = getattr(filters, field)
        alias = next(
            (key for (of, key), meant in ALIASES.items() if of == field and set(meant) == set(values)), None
        )
        pairs += [(name, value) for value in ((alias,) if alias else values)]
    if filters.spread is not None:
        pairs.append(("spread", f"{filters.spread:g}"))
    if filters.reach is not None:
        pairs.append(("reach", str(filters.reach)))
    if filters.since is not None:
        pairs.append(("since", filters.since.date().isoformat()))
    if filters.until is not None:
        pairs.append(("until", (filters.until - timedelta(days=1)).date().isoformat()))
    if filters.words:
        pairs.append(("q", filters.words))
    if filters.order is not Order.NEWEST:
        pairs.append(("order", filters.order))
    if filters.mode is not mode:
        pairs.append(("mode", filters.mode))
    return urlencode(pairs)


def read_cursor(text: str) -> Cursor | None:
    """The cursor in an address, None where it is none."""
    return _read(Cursor.parse, text)


def _values(field: str, given: Iterable[str]) -> tuple[str, ...]:
    values: dict[str, None] = {}
    for value in given:
        for meant in ALIASES.get((field, value), (value,)):
            if 0 < len(meant) <= LONGEST_VALUE and meant.isprintable():
                values[meant] = None
    return tuple(sorted(values)[:MOST_VALUES])


def _read(kind: Callable[[str], T], text: str | None) -> T | None:
    if not text:
        return None
    try:
        return kind(text)
    except (ValueError, OverflowError):
        return None


def _share(text: str) -> float:
    number = float(text)
    if not isfinite(number) or not 0 <= number <= 1:
        raise ValueError(text)
    return number


def _number(text: str) -> int:
    number = int(text)
    if not 1 <= number < 1 << 31:
        raise ValueError(text)
    return number


def _day(text: str) -> datetime:
    found = date.fromisoformat(text)
    if not 1970 <= found.year < 9999:  # room for the day after
        raise ValueError(text)
    return datetime.combine(found, time(), UTC)
