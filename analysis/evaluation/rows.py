"""Scores as they are kept: one row per medium, delivery and subject, in a JSON Lines file that grows.

A run that ends early leaves whole lines behind, and the next one goes on from there: a row counts again only
under the same fingerprint, so that other weights, another policy or another engine never take it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Self

from analysis.errors import ConfigurationError


class Role(StrEnum):
    """What is measured: a detector alone, or a policy's verdict over several."""

    DETECTOR = "detector"
    POLICY = "policy"


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """Somebody who judges."""

    role: Role
    name: str

    def __str__(self) -> str:
        return f"policy {self.name}" if self.role is Role.POLICY else self.name


@dataclass(frozen=True, slots=True)
class Row:
    """What a subject said of one medium in one delivery.

    ``score`` in [0, 1] is a detector's score or a policy's probability; ``band`` is a policy's. Neither: it
    did not judge, and ``reason`` says why. ``fault`` names what went wrong (a refusal's or a `NotDelivered`'s
    code, ``crashed``, ``engine_failed``); a fault that could be another next time is not kept.
    """

    item: str
    delivery: str
    subject: Subject
    fingerprint: str
    kind: str | None
    score: float | None = None
    band: str | None = None
    reason: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """The trivial features of one medium in one delivery; none where it could not be read."""

    item: str
    delivery: str
    features: dict[str, float]


Key = tuple[str, str, Subject, str]


class Cache:
    """Rows on disk, or in memory alone (``folder`` None). One thread at a time; a context manager."""

    def __init__(self, folder: Path | None) -> None:
        """Read what is there.

        Raises:
            ConfigurationError: the folder cannot be made, or the file cannot be read.
        """
        self.rows: dict[Key, Row] = {}
        self.probes: dict[tuple[str, str], ProbeRow] = {}
        self._file: IO[str] | None = None
        if folder is not None:
            path = folder / "scores.jsonl"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                cut_short = self._read(path) if path.exists() else False
                self._file = path.open("a", encoding="utf-8")
                self._file.write("\n" if cut_short else "")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigurationError(
                    f"--report {folder} cannot be used ({error}); name another"
                ) from error

    def _read(self, path: Path) -> bool:
        text = path.read_text("utf-8")
        for value in _objects(text.splitlines()):
            if "features" in value:
                self._keep_probe(ProbeRow(**value))
            else:
                role, name = value.pop("subject")
                self._keep(Row(subject=Subject(Role(role), name), **value))
        return bool(text) and not text.endswith("\n")

    def _keep(self, row: Row) -> None:
        self.rows[row.item, row.delivery, row.subject, row.fingerprint] = row

    def _keep_probe(self, row: ProbeRow) -> None:
        self.probes[row.item, row.delivery] = row

    def add(self, rows: Iterable[Row | ProbeRow], *, keep: bool = True) -> None:
        """Take rows, and write them at once unless they need not hold next time (``keep``)."""
        for row in rows:
            value: dict[str, Any] = asdict(row)
            if isinstance(row, ProbeRow):
                self._keep_probe(row)
            else:
                self._keep(row)
                value["subject"] = [row.subject.role, row.subject.name]
            if self._file is not None and keep:
                self._file.write(json.dumps(value) + "\n")
        if self._file is not None:
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._file is not None:
            self._file.close()


def _objects(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The whole JSON objects; a line that was cut short by a kill is passed over."""
    for line in lines:
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(value, dict) and "item" in value:
            yield value
