"""`veritag replies`, and the page that it makes."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from bot.cli.app import app
from bot.replies import languages
from bot.replies.wordings import wordings

ROOT = Path(__file__).parents[3]
runner = CliRunner()


def test_every_language_is_listed_with_its_own_name() -> None:
    done = runner.invoke(app, ["replies"])
    assert done.exit_code == 0
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert all(wordings(language).name in lines[language] for language in languages())


def test_the_page_in_docs_is_up_to_date() -> None:
    page = runner.invoke(app, ["replies", "--markdown"]).stdout
    written = (ROOT / "docs" / "replies.md").read_text("utf-8")
    assert page == written, "run `veritag replies --markdown > docs/replies.md`"


def test_every_row_of_the_page_has_the_cells_of_its_table() -> None:
    page = runner.invoke(app, ["replies", "--markdown"]).stdout
    columns = 0
    for line in page.splitlines():
        if line.startswith("| place"):
            columns = len(line.split(" | "))
        if line.startswith("| "):
            assert len(line.split(" | ")) == columns, line
    assert columns
    assert "{{" not in page
