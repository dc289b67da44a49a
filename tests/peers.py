"""The real peers that tests run against: packages that `make peers` puts into `.peers/`.

Tests never install anything; one that misses a peer is skipped, and says what is missing.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def peer(name: str) -> Path:
    """The folder of a peer (`prism`, `bsky`) that holds its `node_modules`; skips the test without it."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    here = ROOT / ".peers" / name
    folder = here if here.is_dir() else Path(os.environ.get("VERITAG_PEERS", ROOT / ".peers")) / name
    if not (folder / "node_modules").is_dir():
        pytest.skip(f"{folder} is not there; `make peers` installs it, VERITAG_PEERS names another place")
    return folder


def shared(path: str) -> Path:
    """A file of the folder `shared` beside the checkout; skips the test without it."""
    found = Path(os.environ.get("VERITAG_SHARED", ROOT.parent / "shared")) / path
    if not found.exists():
        pytest.skip(f"{found} is not there; VERITAG_SHARED names another place")
    return found
