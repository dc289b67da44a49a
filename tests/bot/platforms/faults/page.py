"""The page `docs/faults.md`: the outcomes as tables, and read back from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from bot.standins.faults import FaultKind
from tests.bot.platforms.faults.matrix import HANGING, LASTING, ONCE, PLATFORMS, Cell
from tests.bot.platforms.faults.networks import CALLS

PAGE = Path(__file__).parents[4] / "docs" / "faults.md"

HEAD = """\
# Faults: what comes of a mention when the platform fails

Made by `python -m tests.bot.platforms.faults`; a test holds that it is what comes out. Not edited by hand.

Somebody posts a picture, somebody else tags the bot on it, and one kind of request (the table's heading)
meets one fault (the row), on each platform (the column). Everything between watcher and reply is the real
thing, over the stand-ins of the platforms on loopback (`veritag stand-in`), with the platforms' own client
libraries; only detectors and time are not. Drafts carry a picture, so that uploads happen. `inbox` is a
folder; it fails by order, has no uploads, and keeps no idempotency keys here.

**once**: the first such request fails. **lasting**: each one does, for three days (`me` and `mentions`: for
three hours, as nobody is seen meanwhile). A cell with one outcome says that both end so. Lasting time-outs
are left out: they end as lasting resets do, after a long time.

| outcome | means |
|---|---|
| answered | exactly one reply stands, and the bot knows it |
| answered afterwards | the mention could not be read while it lasted; then it was answered |
| answered after a restart | the same, with a restart of the bot, as after new credentials |
| `reason`, told | the mention failed with this reason; exactly one reply says so |
| `reason`, not told | it failed with this reason, and no reply stands |
| `reason`, the reply stands | exactly one reply stands, and the bot never could learn it |
| taken back | the reply is gone |
| believed gone | the platform said so, though it was not |
| an error's name | it could not be taken back, for this reason |

Nowhere do two replies stand, and no mention is left without an end. Reasons are those of
[operations.md](operations.md).
"""

TITLES = {
    "me": "The bot's own account (`me`)",
    "mentions": "Reading mentions (`mentions`)",
    "fetch_post": "Reading a post (`fetch_post`)",
    "upload": "Uploading a picture",
    "reply": "Posting a reply (`reply`)",
    "find_reply": "Reading back whether a reply stands, after one whose fate is unknown (`find_reply`)",
    "retract": "Taking a reply back (`retract`)",
}


def page(found: Mapping[Cell, str]) -> str:
    """The whole page."""
    return "\n".join((HEAD, *("\n".join(_table(call, found)) for call in CALLS)))


def _table(call: str, found: Mapping[Cell, str]) -> list[str]:
    lines = [
        f"## {TITLES[call]}",
        "",
        f"| fault | {' | '.join(PLATFORMS)} |",
        "|---" * (len(PLATFORMS) + 1) + "|",
    ]
    for kind in FaultKind:
        row = [_said(found, platform, call, kind) for platform in PLATFORMS]
        lines.append(f"| {kind.replace('_', ' ')} | {' | '.join(row)} |")
    return [*lines, ""]


def _said(found: Mapping[Cell, str], platform: str, call: str, kind: FaultKind) -> str:
    once = found[Cell(platform, call, kind, ONCE)]
    lasting = found.get(Cell(platform, call, kind, LASTING), once)
    return once if once == lasting else f"{once}; lasting: {lasting}"


def read_page(text: str) -> dict[Cell, str]:
    """What the page's tables say.

    Raises:
        ValueError: a table or a row is missing.
    """
    said = {}
    sections = re.split(r"^## .*\n", text, flags=re.MULTILINE)[1:]
    for call, section in zip(CALLS, sections, strict=True):
        rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")][2:]
        for kind, row in zip(FaultKind, rows, strict=True):
            for platform, found in zip(PLATFORMS, row[1:], strict=True):
                once, _, lasting = found.partition("; lasting: ")
                said[Cell(platform, call, kind, ONCE)] = once
                if kind not in HANGING:
                    said[Cell(platform, call, kind, LASTING)] = lasting or once
    return said
