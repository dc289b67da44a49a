"""docs/sites.md says what the table does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.resolver.sites.table import SITES, SiteRecord
from tests.bot.resolver.sites.replaying import site_for

PAGE = (Path(__file__).parents[4] / "docs" / "sites.md").read_text("utf-8")
ROWS = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| `")]
EXAMPLES = [
    (name, url)
    for name, text in re.findall(r"^- \*\*(\w+)\*\*: ((?:`http.*\n|  `http.*\n)+)", PAGE, re.M)
    for url in re.findall(r"`(https?://[^`]+)`", text)
]


def written(record: SiteRecord) -> str:
    """The routes of a record as the page writes them: in italics where they may be wrong."""
    asked, others = ([each for each in record.routes if each.asked is is_asked] for is_asked in (True, False))
    listed = [
        ", ".join(f"`{each.name}`" if each.sure else f"*{each.name}*" for each in routes)
        for routes in (asked, others)
    ]
    return "; on demand ".join(filter(None, listed))


def test_the_page_lists_every_site_with_its_routes_and_keys_in_order() -> None:
    listed = [(row[0].strip(), row[1].strip()) for row in ROWS]
    assert listed == [(f"`{record.name}`", written(record)) for record in SITES]
    for row, record in zip(ROWS, SITES, strict=True):
        needs = {key for route in record.routes for key in route.needs}
        assert set(re.findall(r"`(\w+)`", row[2])) - {route.name for route in record.routes} == needs
        assert any(route.paid for route in record.routes) <= ("paid" in row[2])


@pytest.mark.parametrize(("name", "url"), EXAMPLES)
def test_the_pages_examples_are_the_sites_own(name: str, url: str) -> None:
    assert site_for(url) == name


def test_every_site_has_examples() -> None:
    assert {name for name, _ in EXAMPLES} == {record.name for record in SITES}
