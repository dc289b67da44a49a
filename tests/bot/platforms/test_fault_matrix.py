"""Every fault at every call on every platform ends in one reply or a named failure: see `docs/faults.md`."""

from __future__ import annotations

import pytest

from tests.bot.platforms.faults.matrix import LASTING, ONCE, PLATFORMS, outcomes
from tests.bot.platforms.faults.networks import CALLS
from tests.bot.platforms.faults.page import PAGE, page, read_page

SAID = read_page(PAGE.read_text("utf-8"))


def test_the_page_holds_what_was_said_and_no_more() -> None:
    assert page(SAID) == PAGE.read_text("utf-8")
    assert len(SAID) == 4 * 7 * (12 * 2 + 2)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("lasts", [ONCE, pytest.param(LASTING, marks=pytest.mark.e2e)])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_fault_ends_in_one_reply_or_a_named_failure(platform: str, call: str, lasts: str) -> None:
    found = dict(outcomes(platform, call, lasts))
    assert found == {
        cell: said
        for cell, said in SAID.items()
        if (cell.platform, cell.call, cell.lasts) == (platform, call, lasts)
    }
