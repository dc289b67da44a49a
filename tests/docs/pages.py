"""Pages of documentation as programs: their code blocks are put where the page says, their commands run.

A fenced block is placed by the sentence right before it:

    New file `PATH`:                                   the block is that file
    In `PATH`, at the beginning of `ANCHOR`:           the block goes right behind the anchor
    In `PATH`, above `ANCHOR`:  (or below)             the block goes above (below) the line that holds it

An anchor stands once in its file. Blocks of the language `sh` are commands of a reader in the checkout, and
are run; `console` blocks (that need a network, a daemon or minutes) are not.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs"
# What a reader's checkout has, as far as the pages need it.
CHECKOUT = (
    *("analysis", "bot", "detectors", "docs", "state", "templates", "tests"),
    *("pyproject.toml", "veritag.example.toml", "samples/inbox"),
)
LONGEST_COMMAND = 100

_NEW = re.compile(r"(?:.* )?[Nn]ew file `(?P<path>[^`]+)`[^`]*:")
_EDIT = re.compile(
    r"(?:.* )?In `(?P<path>[^`]+)`, (?P<how>at the beginning of|above|below) `(?P<anchor>[^`]+)`:"
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: the last line of text before it, its language, its content."""

    lead: str
    language: str
    text: str


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a page of `docs/`, in order."""
    found: list[Block] = []
    lead, language, inside = "", "", None
    for line in (PAGES / page).read_text("utf-8").splitlines():
        if line.startswith("```"):
            if inside is None:
                language, inside = line[3:].strip(), list[str]()
            else:
                found.append(Block(lead, language, "".join(f"{each}\n" for each in inside)))
                inside = None
        elif inside is not None:
            inside.append(line)
        elif line.strip():
            lead = line.strip()
    assert inside is None, f"{page}: a block is not closed"
    return found


def make_checkout(folder: Path) -> Path:
    """A copy of what a reader of the pages has before them."""
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", "replies.jsonl")
    for name in CHECKOUT:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=ignored)
        else:
            shutil.copyfile(ROOT / name, target)
    _script(folder / ".bin" / "python", f'exec "{sys.executable}" "$@"')
    _script(folder / ".bin" / "veritag", f'exec "{sys.executable}" -m bot.cli "$@"')
    return folder


def _script(path: Path, command: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{command}\n", "utf-8")
    path.chmod(0o755)


def follow(page: str, checkout: Path) -> list[Path]:
    """Do everything that a page says, in order; returns the files that it made or changed and that are there.

    A command that fails is an error.
    """
    touched = []
    for block in blocks(page):
        if block.language == "sh":
            run(block.text, checkout)
        elif new := _NEW.fullmatch(block.lead):
            path = checkout / new["path"]
            assert not path.exists(), f"{page}: {new['path']} is not new"
            path.write_text(block.text, "utf-8")
            touched.append(path)
        elif edit := _EDIT.fullmatch(block.lead):
            touched.append(checkout / edit["path"])
            _put(touched[-1], edit["how"], edit["anchor"], block.text)
        else:
            assert block.language in {"", "console"}, f"{page}: nobody knows where this goes: {block.lead}"
    return [path for path in touched if path.exists()]


def _put(path: Path, how: str, anchor: str, text: str) -> None:
    content = path.read_text("utf-8")
    assert content.count(anchor) == 1, f"{path.name}: {anchor!r} does not stand there once"
    place = content.index(anchor)
    if how == "at the beginning of":
        place += len(anchor)
        text = f"\n{text.rstrip()}" if content[place] == "\n" else f"\n{text}"
    elif how == "above":
        place = content.rfind("\n", 0, place) + 1
    else:
        place = content.index("\n", place) + 1
    path.write_text(content[:place] + text + content[place:], "utf-8")


def run(commands: str, folder: Path, **environment: str) -> str:
    """Run commands as a reader would, each of which must succeed; their standard output."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("VERITAG_")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env=outside
        | {"PATH": f"{folder / '.bin'}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        | {"PYTEST_ADDOPTS": "-p no:cacheprovider"}
        | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_COMMAND,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout
