"""The readable text of a web page that a stranger wrote: no scripts, no markup, in bounded time."""

from __future__ import annotations

import codecs
import html
import re
import time
from html.parser import HTMLParser
from typing import Final

from bot.resolver.sniff import sniff

_KINDS = frozenset({"text/html", "application/xhtml+xml", "text/plain"})
_STEP = 16_384
_SECONDS = 3.0
# One tag or comment that is longer is no page's work; waiting for its end would cost time without bound.
_LONGEST_CONSTRUCT = 1_000_000
_UNREAD = frozenset({"script", "style", "noscript", "template", "svg", "math", "iframe", "object", "select"})
_LINES = frozenset(
    {"address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure"}
    | {"footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p"}
    | {"pre", "section", "table", "td", "th", "title", "tr", "ul"}
)
_META_CHARSET = re.compile(rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.I)
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.I)
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What the web uses (encoding.spec.whatwg.org); other codecs of Python's are slow on purpose-made bytes.
_CHARSETS = frozenset(
    {"utf-8", "utf-16-le", "utf-16-be", "cp866", "cp874", "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic"}
    | {f"cp125{number}" for number in range(9)}
    | {f"iso8859-{number}" for number in (*range(2, 12), 13, 14, 15, 16)}
    | {"gbk", "gb18030", "big5", "big5hkscs", "euc_jp", "iso2022_jp", "shift_jis", "euc_kr"}
)
_MEANT = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "utf-16": "utf-16-le"}


def is_text(content_type: str, head: bytes) -> bool:
    """Whether an answer is a page or plain text, by its Content-Type and how its body begins."""
    kind = content_type.partition(";")[0].strip().lower()
    if sniff(head) is not None:
        return False
    return kind in _KINDS or (kind == "" and b"\0" not in head)


def page_text(content: bytes, content_type: str) -> str:
    """The text that a reader of the page would see, one line for each block, blanks collapsed.

    ``content`` may be the beginning of a page only. What takes too long to read is left out, not waited for.
    """
    text = decode_text(content, content_type)
    if content_type.partition(";")[0].strip().lower() != "text/plain":
        text = _without_markup(text)
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def decode_text(content: bytes, content_type: str) -> str:
    """Text by its byte-order mark, its Content-Type or its own `meta` tag; else UTF-8, else Windows-1252."""
    for mark, charset in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(charset, "replace")
    in_header = _HEADER_CHARSET.search(content_type)
    in_page = _META_CHARSET.search(content[:2048])
    named = in_header[1] if in_header else in_page[1].decode("ascii", "replace") if in_page else None
    known = _known(named) if named else None
    if known is not None:
        return content.decode(known, "replace")
    text = content.decode("utf-8", "replace")
    # A cut may halve the last character; more damage than that is another charset.
    return text if text.count("\N{REPLACEMENT CHARACTER}") <= 1 else content.decode("cp1252", "replace")


def _known(label: str) -> str | None:
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return None
    name = _MEANT.get(name, name)
    return name if name in _CHARSETS else None


def _without_markup(markup: str) -> str:
    reader = _Reader()
    until = time.monotonic() + _SECONDS
    for start in range(0, len(markup), _STEP):
        # Never told that the page is over: at its end the parser looks at what is unfinished again and again.
        reader.feed(markup[start : start + _STEP])
        if len(reader.rawdata) > _LONGEST_CONSTRUCT or time.monotonic() > until:
            break
    if not reader.rawdata.startswith("<"):
        # The last words, which the parser keeps in case a reference goes on.
        reader.handle_data(html.unescape(reader.rawdata))
    return "".join(reader.parts)


class _Reader(HTMLParser):
    """Collects text; ``parts`` are to be joined."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unread: str | None = None
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Skip what nobody reads, break lines at blocks."""
        del attrs
        if self._unread is not None:
            self._depth += tag == self._unread
        elif tag in _UNREAD:
            self._unread, self._depth = tag, 1
        elif tag in _LINES:
            self.parts.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<br/>`, and `<svg/>`, which has no inside."""
        if tag not in _UNREAD:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """End of what is skipped, or of a block."""
        if tag == self._unread:
            self._depth -= 1
            if self._depth == 0:
                self._unread = None
        elif tag in _LINES and self._unread is None:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        """Text."""
        if self._unread is None:
            self.parts.append(data)
