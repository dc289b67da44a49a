"""Tables of labelled media.

A manifest is a CSV or JSON Lines file with one row per medium: ``path`` (or ``file``, ``filename``,
``output``; relative to the manifest) and ``label`` (0, 1, real, fake), and maybe ``source``, ``generator``,
``group`` and ``split``. `veritag generate` writes one.

Deepfake-Eval-2024 (huggingface.co/datasets/nuriachandra/Deepfake-Eval-2024) has a CSV for each kind,
{image,video,audio}-metadata-publish[-with-links].csv, with the columns ``Filename``, ``Ground Truth``
(videos: ``Video Ground Truth``, ``Audio Ground Truth``) and ``Finetuning Set``; the media are in
{image,video,audio}-data/.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from analysis.errors import ConfigurationError
from analysis.evaluation.items import Item
from analysis.evaluation.readers.base import LABELS, Found, relative

_MANIFESTS = ("manifest.jsonl", "manifest.csv", "labels.jsonl", "labels.csv")
_PATH_COLUMNS = ("path", "output", "file", "filename")
_EVAL_NAME = re.compile(r"(?P<kind>image|video|audio)-metadata-publish(?:-with-links)?\.csv")

Row = Mapping[str, Any]


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            if path.suffix.lower() == ".csv":
                reader = csv.DictReader(file)
                yield from ((reader.line_num, row) for row in reader)
                return
            for number, line in enumerate(file, 1):
                if line.strip():
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise ConfigurationError(f"{path.name} line {number} is not a JSON object")
                    yield number, row
    except (OSError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read ({error})") from error


def _manifest(data: Path) -> Path | None:
    if data.is_file():
        return data if data.suffix.lower() in (".csv", ".jsonl") else None
    return next((data / name for name in _MANIFESTS if (data / name).is_file()), None)


def is_manifest(data: Path) -> bool:
    """Say whether it is, or holds, a CSV or JSON Lines file that names and labels media."""
    path = _manifest(data)
    if path is None:
        return False
    for _, row in _rows(path):
        return "label" in row and any(column in row for column in _PATH_COLUMNS)
    return False


def read_manifest(data: Path, split: str | None) -> Found:
    """Read a manifest; paths that lead out of its folder are passed over."""
    path = _manifest(data)
    if path is None:
        raise ConfigurationError(f"{data} is no manifest (CSV or JSON Lines) and holds none")
    found, folder = Found(), path.parent
    for number, row in _rows(path):
        name = next((str(row[column]) for column in _PATH_COLUMNS if row.get(column)), "")
        label = LABELS.get(str(row.get("label", "")).strip().lower())
        if not name or label is None:
            found.skip(f"{path.name} line {number}", "no path or no label (0, 1, real or fake)")
            continue
        file = (folder / name).resolve()
        if not file.is_relative_to(folder.resolve()):
            found.skip(name, "outside the manifest's folder")
            continue
        part = str(row.get("split") or "")
        if split in (None, "all", part):
            found.add(_item(file, name, label, row, folder, part))
    return found


def _item(file: Path, name: str, label: int, row: Row, folder: Path, split: str) -> Item:
    source = str(row.get("source") or folder.resolve().name)
    generator = str(row.get("generator") or source) if label else ""
    # What was made of one medium, and that medium, are alike.
    group = str(row.get("group") or row.get("input_sha256") or "")
    return Item(file, name, label, source, generator, group, split)


def _eval_tables(folder: Path) -> dict[str, Path]:
    """One table per kind; the one with links repeats the other."""
    found: dict[str, Path] = {}
    if folder.is_dir():
        for path in sorted(folder.iterdir(), key=lambda entry: len(entry.name)):
            if named := _EVAL_NAME.fullmatch(path.name):
                found.setdefault(named["kind"], path)
    return found


def is_deepfake_eval(data: Path) -> bool:
    """Say whether it holds one of the published tables."""
    return bool(_eval_tables(data))


def read_deepfake_eval(data: Path, split: str | None) -> Found:
    """Each kind is a source; the default split is `Test`. What is neither Real nor Fake is passed over."""
    found = Found()
    for kind, path in _eval_tables(data).items():
        for number, row in _rows(path):
            name = str(row.get("Filename") or "").strip()
            truth = row.get(f"{kind.capitalize()} Ground Truth") or row.get("Ground Truth") or ""
            label = LABELS.get(str(truth).strip().lower())
            part = str(row.get("Finetuning Set") or "").strip()
            if (split or "test").lower() not in ("all", part.lower()):
                continue
            file = data / f"{kind}-data" / Path(name).name
            if not name or label is None:
                found.skip(name or f"{path.name} line {number}", f"ground truth {str(truth)!r}")
                continue
            generator = "in the wild" if label else ""
            source = f"deepfake-eval-2024 {kind}"
            found.add(Item(file, relative(file, data), label, source, generator, "", part))
    return found
