"""Runs the whole matrix and prints `docs/faults.md`; takes some minutes."""

from __future__ import annotations

import logging

from bot.log import configure
from tests.bot.platforms.faults.matrix import LASTING, ONCE, PLATFORMS, outcomes
from tests.bot.platforms.faults.networks import CALLS
from tests.bot.platforms.faults.page import page

if __name__ == "__main__":
    configure("error")
    logging.disable()
    found = {}
    for platform in PLATFORMS:
        for call in CALLS:
            for lasts in (ONCE, LASTING):
                found |= dict(outcomes(platform, call, lasts))
    print(page(found), end="")
