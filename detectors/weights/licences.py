"""The operator's word on licences: one line of the file ``accepted`` for each licence of each detector."""

from __future__ import annotations

from pathlib import Path

from detectors.record import WeightsRecord
from detectors.weights.store import folder

ACCEPTED = "accepted"


def is_accepted(record: WeightsRecord, weights_dir: Path | None = None) -> bool:
    """Say whether nothing forbids the use of these weights: the operator has accepted the licences that need
    it, of all their files, as they stand now. A changed licence asks again.
    """
    return _needed(record) <= _given(weights_dir)


def accept_licence(record: WeightsRecord, weights_dir: Path | None = None) -> None:
    """Note the operator's word in the weights folder. Saying it twice changes nothing."""
    new = sorted(_needed(record) - _given(weights_dir))
    if not new:
        return
    directory = folder(weights_dir)
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ACCEPTED).open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in new))


def _given(weights_dir: Path | None) -> set[str]:
    file = folder(weights_dir) / ACCEPTED
    return set(file.read_text("utf-8").splitlines()) if file.is_file() else set()


def _needed(record: WeightsRecord) -> set[str]:
    licences = [part.licence for part in record.files() if part.licence.needs_acceptance]
    return {f"{record.name}\t{' '.join(licence.weights.split())}" for licence in licences}
