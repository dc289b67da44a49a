"""The HTML of a status as plain text, with its links as they lead and not as they are shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

_PARAGRAPHS = {"p", "ul", "ol", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6"}
_LINES = {"br", "li", "div"}
_VOID = {"br", "img", "hr", "wbr", "input"}
_SILENT = {"script", "style"}


@dataclass(frozen=True, slots=True)
class Plain:
    """What a status says. ``links`` are the addresses in it, without those of accounts and hashtags."""

    text: str
    links: tuple[str, ...]


def plain(html: str) -> Plain:
    """Read the HTML of a status; broken HTML is read as far as it goes.

    Mastodon shortens links by `invisible` spans and repeats a quoted post's address in a paragraph
    `quote-inline` for servers that know no quotes: of both, only the whole address is of use.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = re.sub(r"[^\S\n]*\n[^\S\n]*", "\n", "".join(reader.parts))
    return Plain(re.sub(r"\n{3,}", "\n\n", text).strip(), tuple(dict.fromkeys(reader.links)))


class _Reader(HTMLParser):
    """Collects text; inside a link, a hidden paragraph or a script nothing that is shown counts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.links: list[str] = []
        self._skipped: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        if self._skipped:
            if tag not in _VOID:
                self._skipped.append(tag)
            return
        given = dict(attrs)
        classes = (given.get("class") or "").split()
        address = given.get("href") or ""
        if tag in _SILENT or "quote-inline" in classes:
            self._skipped.append(tag)
        elif tag == "a" and address.startswith(("http://", "https://")) and not _is_name(classes):
            self.parts.append(address)
            self.links.append(address)
            self._skipped.append(tag)
        elif tag in _LINES:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """An element ends; one that was left open inside it ends with it."""
        if tag in self._skipped:
            while self._skipped.pop() != tag:
                pass
        elif not self._skipped and tag in _PARAGRAPHS:
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        """Text between elements."""
        if not self._skipped:
            self.parts.append(data)


def _is_name(classes: list[str]) -> bool:
    return "mention" in classes or "hashtag" in classes
