"""`veritag replies`: the languages that the bot answers in, and the page of what it says."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from bot.cli.options import console, print_text


def replies(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page with every sentence.")] = False,
) -> None:
    """List the languages that the bot answers in."""
    if markdown:
        from bot.cli.replies_page import page

        print_text(page())
        return
    from bot.replies import languages
    from bot.replies.wordings import wordings

    table = Table("language", "name", "verdicts", "reasons", box=None, pad_edge=False)
    for language in languages():
        words = wordings(language)
        verdicts = sum(map(len, words.verdict.values()))
        reasons = sum(len(each.wordings) for each in words.failure.values())
        table.add_row(language, words.name, str(verdicts), str(reasons))
    console().print(table)
