"""What a training leaves behind: the weights, and a file beside them that says where they come from."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detectors import weights
from detectors.record import DataSet, Licence, WeightsRecord
from detectors.training.dataset import Labelled

_UNMEASURED = "Trained on this machine; nothing but its own validation was measured."
_VERSIONS = ("torch", "lightning-fabric", "timm", "numpy", "safetensors")


def data_sets(items: Sequence[Labelled]) -> tuple[DataSet, ...]:
    """Return the sources of items with their sizes."""
    counts = Counter((item.source, item.label) for item in items)
    sources = sorted({source for source, _ in counts})
    return tuple(DataSet(name=name, real=counts[name, 0], fake=counts[name, 1]) for name in sources)


def describe(
    record: WeightsRecord,
    part: str | None,
    file: Path,
    trained_on: tuple[DataSet, ...],
    recipe: str,
    *,
    from_scratch: bool,
) -> WeightsRecord:
    """Return the record of trained weights: nothing of it is taken over that others measured.

    Args:
        record: of the detector, as it is known beforehand.
        part: which of its files was trained.
        from_scratch: nothing of anybody's weights is in the file, so that their licence does not bind it.
    """
    before = record.part(part).file
    update: dict[str, Any] = {
        "name": file.name,
        "sha256": weights.digest(file),
        "bundled": False,
        "dead": (),
        **dict.fromkeys(("url", "hub", "page", "wrapper")),
    }
    if from_scratch:
        said = "yours, as far as the licences of what it was trained on allow"
        update["licence"] = Licence(code=record.licence.code, weights=said)
    trained = before.model_copy(update=update)
    files = {"file": trained} if part is None else {"parts": {**record.parts, part: trained}}
    return record.model_copy(
        update={
            **files,
            "title": f"{record.name}, trained on this machine",
            "limits": (_UNMEASURED,),
            "trained_on": trained_on,
            "recipe": recipe,
            "calibration": {},
            "in_the_wild": {},
            "measured": (),
        }
    )


def write(path: Path, record: WeightsRecord, facts: Mapping[str, Any]) -> None:
    """Write the file beside the weights."""
    versions = {name: importlib.metadata.version(name) for name in _VERSIONS}
    text = json.dumps(
        {
            **facts,
            "versions": {"python": platform.python_version(), **versions},
            "record": record.model_dump(mode="json"),
        },
        indent=1,
    )
    being_written = path.with_suffix(".new")
    being_written.write_text(f"{text}\n", "utf-8")
    being_written.replace(path)
