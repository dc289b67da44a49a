from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import detectors
from detectors.base import Detector
from detectors.errors import UnknownDetector
from detectors.record import WeightsFile, load
from detectors.weights.store import kept_name

ROOT = Path(__file__).parents[2]


def test_every_detector_has_a_record_and_every_record_a_detector() -> None:
    records = {path.stem for path in (ROOT / "detectors" / "records").glob("*.json")}
    assert records == set(detectors.names())
    for name in detectors.names():
        assert load(name).name == name


def test_what_two_records_keep_under_one_name_is_one_file() -> None:
    kept: dict[str, WeightsFile] = {}
    for part in (part for name in detectors.names() for part in detectors.record(name).files()):
        assert kept.setdefault(kept_name(part), part.file) == part.file, part.name


@pytest.mark.parametrize("name", [name for name in detectors.names() if detectors.record(name).file.bundled])
def test_bundled_detectors_load(name: str) -> None:
    detector = detectors.create(name)
    assert isinstance(detector, Detector)
    assert detector.record == detectors.record(name)


def test_an_unknown_name_lists_the_known() -> None:
    for door in (detectors.create, detectors.record):
        with pytest.raises(UnknownDetector, match=r"no detector 'tiny'.*known: .*tiny_ladeda"):
            door("tiny")


def test_listing_imports_no_torch() -> None:
    code = (
        "import sys, detectors; [detectors.record(n) for n in detectors.names()]; "
        "sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'PIL')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
