"""A web page of a stranger as a flat list of its elements, read in bounded time."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin

from bot.resolver.reading.payload import absolute_url

_STEP = 16_384
_SECONDS = 3.0
# One tag or script that is longer is no page's work; waiting for its end would cost time without bound.
_LONGEST_CONSTRUCT = 4_000_000
_MOST_ELEMENTS = 200_000
_NAMED_BY = ("property", "name", "itemprop")
_BACKGROUND = re.compile(r"background-image:\s*url\(\s*['\"]?([^'\")]{1,4000})")


@dataclass(frozen=True, slots=True)
class Element:
    """One tag as it opens: ``text`` is what stands between it and the next tag (of a script: all of it)."""

    tag: str
    attributes: dict[str, str]
    text: str

    @property
    def classes(self) -> list[str]:
        """The names in its `class`."""
        return self.attributes.get("class", "").split()

    @property
    def background(self) -> str | None:
        """The absolute URL of its background picture, where its style names one."""
        found = _BACKGROUND.search(self.attributes.get("style", ""))
        return absolute_url(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Page:
    """A page: ``elements`` in the order in which they open, ``url`` where it was found."""

    url: str
    elements: tuple[Element, ...]

    def tags(self, *names: str) -> Iterator[Element]:
        """The elements with one of these tags."""
        return (element for element in self.elements if element.tag in names)

    def with_class(self, *names: str) -> Iterator[Element]:
        """The elements that have one of these classes."""
        return (element for element in self.elements if not set(names).isdisjoint(element.classes))

    def meta(self, *names: str) -> list[str]:
        """What the `meta` tags of these names (properties or itemprops) say, in the page's order."""
        found = ((element.attributes.get("content", "").strip(), element) for element in self.tags("meta"))
        return [
            content
            for content, element in found
            if content and any(element.attributes.get(key, "").lower() in names for key in _NAMED_BY)
        ]

    def scripts(self, kind: str | None = None, *, identity: str | None = None) -> Iterator[str]:
        """The texts of scripts, of this type only, or with this id only."""
        for element in self.tags("script"):
            given = element.attributes.get("type", "").partition(";")[0].strip().lower()
            if kind in {None, given} and identity in {None, element.attributes.get("id")}:
                yield element.text

    def absolute(self, reference: str | None) -> str | None:
        """A URL of this page, absolute; None for what is none that can be fetched."""
        if not reference:
            return None
        try:
            return absolute_url(urljoin(self.url, reference.strip()))
        except ValueError:
            return None


def read_page(text: str, url: str) -> Page:
    """The page that stands at ``url``. What takes too long to read is left out, not waited for."""
    reader = _Reader()
    until = time.monotonic() + _SECONDS
    for start in range(0, len(text), _STEP):
        # Never told that the page is over: at its end the parser looks at what is unfinished again and again.
        reader.feed(text[start : start + _STEP])
        if (
            len(reader.rawdata) > _LONGEST_CONSTRUCT
            or len(reader.opened) > _MOST_ELEMENTS
            or time.monotonic() > until
        ):
            break
    return Page(url, tuple(reader.elements()))


class _Reader(HTMLParser):
    """Collects the tags that open, each with the text behind it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.opened: list[tuple[str, dict[str, str], list[str]]] = []
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag opens; of an attribute that comes twice, the first counts, as in browsers."""
        self._text = []
        attributes = {name: value or "" for name, value in reversed(attrs)}
        self.opened.append((tag, attributes, self._text))

    def handle_endtag(self, tag: str) -> None:
        """What follows belongs to no tag that opened."""
        del tag
        self._text = []

    def handle_data(self, data: str) -> None:
        """Text."""
        self._text.append(data)

    def elements(self) -> Iterator[Element]:
        """Everything that was read."""
        for tag, attributes, text in self.opened:
            yield Element(tag, attributes, "".join(text).strip())
