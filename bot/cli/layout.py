"""Paragraphs in a terminal: wrapped to its width, with a hanging indent and nothing behind the last word."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.text import Text


def paragraph(out: Console, words: str, *, indent: int = 2, label: str = "", style: str = "") -> None:
    """Print words behind a label (such as `- `), with further lines set below the first word."""
    first = " " * indent + label
    wrapped = textwrap.fill(
        first + words, width=out.width, subsequent_indent=" " * (indent + 2), drop_whitespace=True
    )
    text = Text(wrapped, style)
    if label.endswith(": "):
        text.stylize("dim", 0, len(first))
    out.print(text, soft_wrap=True)
