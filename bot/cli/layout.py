"""Paragraphs in a terminal: wrapped to its width, with a hanging indent and nothing behind the last word."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.text import Text


def paragraph(out: Console, words: str, *, indent: int = 2, label: str = "", style: str = "") -> None:
    """Print words behind a label (such as `- `), with further lines set below the first word.

    No word is broken, however narrow the terminal: URLs and commands are there to be copied.
    """
    first = " " * indent + label
    wrapped = textwrap.fill(
        first + words,
        width=out.width,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
    text = Text(wrapped, style)
    if label.endswith(": "):
        text.stylize("dim", 0, len(first))
    out.print(text, soft_wrap=True)
