"""The manifest: one JSON line per file that was made, beside ``real/`` and ``fake/``.

===============  ====================================================================================
file             path of the medium, relative to the manifest
label            ``real`` or ``fake``
sha256           of that file
modality         ``image`` or ``audio``
source           the collection that the real medium is of, "" where there is one only
input            path of the real medium it was made of, relative to the folder that was searched
input_sha256     of that
generator        what made the fake; "" for real ones
seed             of the run
parameters       what the generator drew; empty for real ones
laundering       what both went through afterwards: ``asked``, ``preset`` and ``steps``
mask             path of the mask (PNG, 0 = left alone), or null
===============  ====================================================================================

Lines are appended as pairs are finished, and sorted when the run is complete; a line that was torn by a crash
is dropped. No line holds a date or a place on the machine: the same run gives the same bytes.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from detectors.errors import GenerationError
from detectors.generation.base import Description

NAME = "manifest.jsonl"
PASSED_OVER = "passed_over.jsonl"


@dataclass(frozen=True, slots=True)
class Row:
    """One line; the module's table says what stands in it."""

    file: str
    label: str
    sha256: str
    modality: str
    source: str
    input: str
    input_sha256: str
    generator: str
    seed: int
    parameters: Description
    laundering: Description
    mask: str | None

    def line(self) -> str:
        """As it stands in the file, with its line end."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True) + "\n"


@dataclass(frozen=True, slots=True)
class PassedOver:
    """One line of `PASSED_OVER`: a real medium of which no fake could be made, and why."""

    input: str
    input_sha256: str
    reason: str

    def line(self) -> str:
        """As it stands in the file, with its line end."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True) + "\n"


def read(path: Path) -> list[Row]:
    """Read a manifest; none is an empty one, and a torn last line is left out.

    Raises:
        GenerationError: some other line is no manifest line.
    """
    lines = path.read_text("utf-8").splitlines(keepends=True) if path.is_file() else []
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(Row(**json.loads(line)))
        except (ValueError, TypeError) as error:
            if number == len(lines):
                break
            raise GenerationError(f"{path}, line {number}, is no line of a manifest; remove it") from error
    return rows


def append(path: Path, lines: Iterable[Row | PassedOver]) -> None:
    """Append lines and have them on the disk when this returns."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(line.line() for line in lines)
        file.flush()
        os.fsync(file.fileno())


def write(path: Path, lines: Iterable[Row | PassedOver]) -> None:
    """Write the whole file anew, all at once; no file where there are no lines."""
    text = "".join(line.line() for line in lines)
    if not text:
        path.unlink(missing_ok=True)
        return
    written = path.with_name(path.name + ".part")
    written.write_text(text, "utf-8")
    written.replace(path)
