"""Whoever follows a page on adding something to the letter has it working."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, follow, run


@pytest.mark.parametrize("page", sorted(path.name for path in PAGES.glob("adding-*.md")))
def test_a_page_followed_to_the_letter_works_and_is_tidy(page: str, checkout: Path) -> None:
    touched = follow(page, checkout)
    assert touched
    code = " ".join(str(path) for path in touched if path.suffix == ".py")
    run(f"python -m ruff check {code} && python -m ruff format --check {code}", checkout)
