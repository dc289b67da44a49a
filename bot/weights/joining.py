"""How a detector that does not judge by default comes to count: what people are told."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.ensemble.reasons import PLURAL
from analysis.model import Kind
from detectors.record import WeightsRecord

ANY = "NAME"
"""Stands for a detector where none is named."""


def steps(record: WeightsRecord) -> Iterator[str]:
    """What is left to do for one detector whose weights are there, a sentence each."""
    yield _named(record.name)
    unmeasured = [
        PLURAL[Kind(modality.value)]
        for modality in record.modalities
        if modality not in record.calibration and modality not in record.in_the_wild
    ]
    if unmeasured:
        yield _measured(record.name, " and ".join(unmeasured))


def guide() -> Iterator[str]:
    """How any detector of the list joins, a sentence each."""
    yield f"fetch its weights: `veritag weights fetch {ANY}` (the list says where that takes another command)"
    yield _named(ANY)
    yield _measured(ANY, "whatever it was not calibrated on")


def _named(name: str) -> str:
    return (
        f'name it: add "{name}" to `detectors` under [analysis] of veritag.toml, or to --detectors of a check'
    )


def _measured(name: str, media: str) -> str:
    return (
        f"measure it: under the policy `calibrated` its score counts for nothing on {media} before its "
        "errors are measured, on media of yours and together with the others that judge: "
        f"`veritag evaluate --detector {name},OTHERS --data DIR --report OUT` (docs/evaluation.md says what "
        "DIR holds), then `veritag calibrate --write` with --scores D=OUT/scores/D.csv for each detector D "
        "of them"
    )
