"""A site's JSON, read so that whatever is missing is named: "site changed" and where."""

from __future__ import annotations

import html
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.errors import ResolveError, ResolveFailure

_MOST_VALUES = 400_000


def site_changed(site: str, missing: str) -> ResolveError:
    """The error for an answer that came and cannot be read: ``missing`` says what was looked for."""
    return ResolveError(ResolveFailure.SITE_CHANGED, f"{site} answers in a form not known here: {missing}")


def parse_json(site: str, text: str) -> Payload:
    """JSON that stands in a page.

    Raises:
        ResolveError: SITE_CHANGED if it is none.
    """
    try:
        return Payload(site, json.loads(text))
    except (ValueError, RecursionError):
        raise site_changed(site, "the data in its page is cut off or no JSON") from None


@dataclass(frozen=True, slots=True)
class Payload:
    """A JSON value of ``site`` and the ``path`` by which it was reached.

    Methods take a path of keys further down. Those named `maybe_...` return None where nothing stands (or
    null, or another type than wanted); the others raise SITE_CHANGED that names the place.
    """

    site: str
    value: Any
    path: str = ""

    def find(self, *keys: str) -> Payload | None:
        """What stands there; None where nothing does, or null."""
        value = self.value
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            return None
        return Payload(self.site, value, ".".join((self.path, *keys)).lstrip("."))

    def at(self, *keys: str) -> Payload:
        """What stands there and must."""
        found = self.find(*keys)
        if found is None:
            raise site_changed(self.site, f"no {self._name(keys)}")
        return found

    def items(self, *keys: str) -> list[Payload]:
        """The members of the list there, or the values of the object; none where there is neither."""
        found = self.find(*keys)
        values = found.value if found is not None else []
        values = list(values.values()) if isinstance(values, dict) else values
        if found is None or not isinstance(values, list):
            return []
        return [Payload(self.site, value, f"{found.path}[]") for value in values]

    def names(self) -> list[str]:
        """The names in this object; none where it is another value."""
        return list(self.value) if isinstance(self.value, dict) else []

    def must_have_items(self, *keys: str) -> list[Payload]:
        """The members of the list that must be there; it may be empty."""
        found = self.at(*keys)
        if not isinstance(found.value, list):
            raise site_changed(self.site, f"{self._name(keys)} is no list")
        return found.items()

    def maybe_text(self, *keys: str) -> str | None:
        """The text there, without blanks around it; None where it is empty."""
        found = self.find(*keys)
        return found.value.strip() or None if found is not None and isinstance(found.value, str) else None

    def text(self, *keys: str) -> str:
        """The text that must be there."""
        found = self.maybe_text(*keys)
        if found is None:
            raise site_changed(self.site, f"no text as {self._name(keys)}")
        return found

    def texts(self, *keys: str) -> list[str]:
        """The texts in the list there."""
        return [each.value for each in self.items(*keys) if isinstance(each.value, str)]

    def maybe_number(self, *keys: str) -> float | None:
        """The number there, or in the text there; None where it is negative or not finite."""
        found = self.find(*keys)
        if found is None or isinstance(found.value, bool) or not isinstance(found.value, int | float | str):
            return None
        try:
            number = float(found.value)
        except (ValueError, OverflowError):
            return None
        return number if 0 <= number < float("inf") else None

    def maybe_whole(self, *keys: str) -> int | None:
        """The number there, rounded down; None for nought too: sites say so where they do not know."""
        return int(self.maybe_number(*keys) or 0) or None

    def maybe_size(
        self, *keys: str, names: tuple[str, str] = ("width", "height")
    ) -> tuple[int | None, int | None]:
        """Width and height there, by their names; None for what is not known."""
        return self.maybe_whole(*keys, names[0]), self.maybe_whole(*keys, names[1])

    def maybe_url(self, *keys: str) -> str | None:
        """The absolute http(s) URL there, its HTML entities undone; None where it is something else."""
        return absolute_url(self.maybe_text(*keys))

    def url(self, *keys: str) -> str:
        """The URL that must be there."""
        found = self.maybe_url(*keys)
        if found is None:
            raise site_changed(self.site, f"no URL as {self._name(keys)}")
        return found

    def maybe_time(self, *keys: str) -> datetime | None:
        """The moment there: ISO 8601, or seconds since 1970; timezone-aware."""
        seconds = self.maybe_number(*keys)
        try:
            if seconds is not None:
                return datetime.fromtimestamp(seconds, UTC)
            return iso_time(self.maybe_text(*keys))
        except (ValueError, OverflowError, OSError):
            return None

    def says_yes(self, *keys: str) -> bool:
        """Whether true stands there."""
        found = self.find(*keys)
        return found is not None and found.value is True

    def says_no(self, *keys: str) -> bool:
        """Whether false stands there."""
        found = self.find(*keys)
        return found is not None and found.value is False

    def anywhere(self, key: str) -> Iterator[Payload]:
        """Every value under this key, however deep, shallow ones first; of vast payloads, the nearer part."""
        waiting = deque([self.value])
        for _ in range(_MOST_VALUES):
            if not waiting:
                return
            value = waiting.popleft()
            if isinstance(value, dict):
                if value.get(key) is not None:
                    yield Payload(self.site, value[key], f"{self.path}..{key}".lstrip("."))
                waiting.extend(value.values())
            elif isinstance(value, list):
                waiting.extend(value)

    def _name(self, keys: tuple[str, ...]) -> str:
        return ".".join((self.path, *keys)).lstrip(".") or "answer"


def absolute_url(text: str | None) -> str | None:
    """An http(s) URL with its HTML entities undone, https for one that begins with //; else None."""
    url = html.unescape(text or "").strip()
    if url.startswith("//"):
        url = f"https:{url}"
    return url if url.lower().startswith(("https://", "http://")) else None


def iso_time(text: str | None) -> datetime | None:
    """A moment in ISO 8601, timezone-aware (UTC where it names no zone); None for anything else."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
