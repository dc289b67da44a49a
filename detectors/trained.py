"""Weights that were trained on this machine, by the file that `veritag train` writes beside them."""

from __future__ import annotations

import json
from pathlib import Path

from detectors.errors import TrainingError
from detectors.record import WeightsFile, WeightsRecord

SUFFIX = ".json"


def is_trained(name: str) -> bool:
    """Say whether a detector is named by such a file, and not by its registered name."""
    return name.endswith(SUFFIX)


def load_record(path: Path) -> WeightsRecord:
    """Return the record of the weights; files beside it are named by their whole paths.

    Raises:
        TrainingError: it is no such file.
    """
    try:
        known = WeightsRecord.model_validate(json.loads(path.read_text("utf-8"))["record"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise TrainingError(f"{path} is not what a training writes beside its weights") from error
    folder = path.resolve().parent

    def placed(file: WeightsFile) -> WeightsFile:
        here = folder / file.name
        return file.model_copy(update={"name": str(here)}) if here.is_file() else file

    parts = {name: placed(file) for name, file in known.parts.items()}
    return known.model_copy(update={"file": placed(known.file), "parts": parts})
