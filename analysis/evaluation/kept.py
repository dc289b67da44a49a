"""Robustness curves of one detector, kept from an evaluation's report for its model card."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from analysis.errors import ConfigurationError
from analysis.evaluation.result import Rung
from analysis.evaluation.rows import Role


@dataclass(frozen=True, slots=True)
class Curves:
    """How a detector's AUC changes with its media, on one kind of them.

    ``weights`` is the digest of the weights that were measured, ``trained_on`` names those of ``sources``
    that they were trained on. ``real`` and ``fake`` media were scored without a change.
    """

    detector: str
    weights: str
    kind: str
    data: str
    sources: tuple[str, ...]
    trained_on: tuple[str, ...]
    delivery: str
    real: int
    fake: int
    date: str
    resamples: int
    rungs: tuple[Rung, ...]


_ADAPTER = TypeAdapter(Curves)


def curves(report: Path) -> Iterator[Curves]:
    """Read every detector's curves from a folder that `veritag evaluate --robustness --report` wrote.

    Raises:
        ConfigurationError: it is no such folder, or none of its detectors has curves.
    """
    path = report / "figures.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        read = [_curves(found, kind, judged) for kind in found["kinds"] for judged in kind["judged"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} cannot be used ({error}); make it with veritag evaluate") from error
    measured = [of for of in read if of is not None]
    if not measured:
        raise ConfigurationError(
            f"{path} has no detector's curves; evaluate with --detector and --robustness"
        )
    yield from measured


def _curves(found: dict[str, Any], kind: dict[str, Any], judged: dict[str, Any]) -> Curves | None:
    name = judged["subject"]
    rungs = [rung for rung in kind["robustness"] if rung["subject"] == name]
    if judged["role"] != Role.DETECTOR or name not in judged["weights"] or not rungs:
        return None
    return _ADAPTER.validate_python(
        {
            "detector": name,
            "weights": judged["weights"][name],
            "kind": kind["kind"],
            "data": found["data"],
            "sources": tuple(found["sources"]),
            "trained_on": judged["trained_on"],
            "delivery": kind["delivery"],
            "real": judged["real"],
            "fake": judged["fake"],
            "date": found["date"],
            "resamples": found["resamples"],
            "rungs": rungs,
        }
    )


def write(of: Curves, path: Path) -> None:
    """Keep curves as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_ADAPTER.dump_json(of, indent=1) + b"\n")


def read(path: Path) -> Curves:
    """Read kept curves.

    Raises:
        ConfigurationError: the file is not what `write` wrote.
    """
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ConfigurationError(f"{path} cannot be used ({error}); make it again") from error
