"""What the readers share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.errors import ConfigurationError
from analysis.evaluation.items import Item, is_media

LABELS = {"0": 0, "real": 0, "bonafide": 0, "1": 1, "fake": 1, "spoof": 1}


@dataclass(slots=True)
class Found:
    """Items as a reader finds them, and what it passed over with the reason."""

    items: list[Item] = field(default_factory=list)
    passed_over: list[tuple[str, str]] = field(default_factory=list)

    def add(self, item: Item) -> None:
        """Take an item if its file is there and a medium by its name."""
        if not is_media(item.path):
            self.passed_over.append((item.name, "not a medium by its name"))
        elif not item.path.is_file():
            self.passed_over.append((item.name, "listed, but not there"))
        else:
            self.items.append(item)

    def skip(self, name: str, reason: str) -> None:
        """Note something that cannot be used."""
        self.passed_over.append((name, reason))


def files(folder: Path) -> Iterator[Path]:
    """All files below a folder that are not hidden, sorted."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def relative(path: Path, folder: Path) -> str:
    """A path below the data folder as people are shown it."""
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return path.name


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read ({error})") from error


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file that are not empty.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read ({error})") from error
