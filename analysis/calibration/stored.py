"""What the out-of-fold scores that are stored beside a weights record say of the detector's calibration."""

from __future__ import annotations

import io
import re
from importlib import resources
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from analysis.calibration.measuring import Measured, measure
from analysis.calibration.report import plot_evidence, plot_reliability
from analysis.calibration.scores import read_scores, table_of
from analysis.ensemble.calibrated import Limits
from analysis.model import Kind
from detectors.errors import NotMeasurable
from detectors.record import WeightsRecord


def measured_again(record: WeightsRecord, kind: Kind, records: Path | None = None) -> Measured | None:
    """Measure a detector alone, each source left out in turn, from its stored scores.

    Args:
        record: its calibration says how calibrators are fitted.
        kind: of media.
        records: the folder of records; default: the one that ships.

    Returns:
        None where it was never calibrated on that kind, no scores are stored, or they do not suffice.

    Raises:
        NotMeasurable: the stored scores are malformed.
    """
    folder = Path(str(resources.files("detectors").joinpath("records"))) if records is None else records
    path = folder / f"{record.name}.scores.csv"
    fitted = next((of for modality, of in record.calibration.items() if modality.value == kind.value), None)
    if fitted is None or not path.is_file():
        return None
    table = table_of(record.name, read_scores(path), kind)
    if not len(table):
        return None
    try:
        return measure({record.name: table}, (record.name,), {record.name: fitted}, date=fitted.date)
    except NotMeasurable:
        return None


def reliability_svg(found: Measured, limits: Limits | None = None) -> str:
    """Draw reliability and evidence side by side; no dates, no paths: the same scores give the same bytes."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_reliability(left, found)
    plot_evidence(right, found, limits or Limits())
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "veritag", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return re.sub(r"\s*<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
