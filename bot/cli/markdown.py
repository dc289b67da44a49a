"""Markdown as the generated pages need it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: int = 0) -> str:
    """A table whose last ``right`` columns are numbers."""
    rule = ["---"] * (len(head) - right) + ["--:"] * right
    lines = [head, rule, *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def section(title: str, body: str) -> str:
    """A heading of the second level and what stands below it."""
    return f"## {title}\n\n{body}"


def folded(title: str, body: str) -> str:
    """A part of a page that is opened by a click."""
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n</details>\n"
