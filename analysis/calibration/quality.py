"""`python -m analysis.calibration.quality`: fit the curves of `analysis/quality.json`.

Two questions to the data. How weak is a detector's evidence on recompressed media beside the same media as
they were (out-of-fold scores by delivery)? And down to which size, compression, blur ... were detectors
measured at all (the media behind those scores, decoded and measured here)? What the data does not answer
keeps its stated curve.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from analysis.calibration.__main__ import RECORDS
from analysis.calibration.fitting import fit_calibration, llrs
from analysis.calibration.scores import ScoreTable, read_scores, table_of
from analysis.decoding.decoder import Decoder
from analysis.errors import MediumRefused
from analysis.limits import Limits
from analysis.model import Kind
from analysis.quality import QUALITY_FILE, Curve, QualityMap, measure
from detectors.base import Modality
from detectors.errors import NotMeasurable
from detectors.metrics import Floats
from detectors.record import Calibration, WeightsRecord

AS_IS, JPEG, JPEG_QUALITY = "as_is", "jpeg75", 75  # JPEG: the delivery that a curve can show
BEST_JPEG = 90
"""JPEGs of at least this quality, and what is no JPEG, show what compression to 75 costs."""
LEAST_MEDIA = 30
PERCENTILE = 1.0
"""Below this percentile of the measured media lies what counts as not measured."""
NOTHING_AT = 0.25
"""At this share of the lowest measured value, and below, no evidence counts: an assumption, not a fit."""
_TRACE = 0.05  # evidence that never exceeds this LLR says nothing that could shrink
_RESAMPLES = 300
_ROUNDED = {"short_side", "jpeg_quality", "bandwidth"}


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """What a delivery costs one detector's evidence.

    ``share``: what of its evidence, by a calibrator for all deliveries together, predicts the labels best on
    this one; None where it has none to lose. ``interval`` holds 95 % of bootstrap samples of sources of the
    ratio to the same factor for the media as they were: ``supported`` where it excludes that nothing is lost.
    """

    detector: str
    delivery: str
    media: int
    share: float | None
    interval: tuple[float, float] | None

    @property
    def supported(self) -> bool:
        """Whether evidence is certainly lost."""
        return self.interval is not None and self.interval[1] < 1


def shrinkage(
    detector: str, table: ScoreTable, calibration: Calibration, delivery: str = JPEG, seed: int = 0
) -> Shrinkage:
    """Fit how much weaker evidence is on media delivered in a way than on the same media as they were.

    Raises:
        NotMeasurable: one class, or one of the deliveries, is missing.
    """
    media = len(np.unique(table.item))
    if not media:
        return Shrinkage(detector, delivery, 0, None, None)
    evidence = llrs([calibration], table.scores)[:, 0]
    if np.abs(evidence).max(initial=0.0) < _TRACE:
        return Shrinkage(detector, delivery, media, None, None)
    if not {AS_IS, delivery} <= set(table.delivery.tolist()):
        raise NotMeasurable(f"scores of {detector}: no media scored both {AS_IS} and {delivery}")
    rng, sources = np.random.default_rng(seed), np.unique(table.source)
    weights = table.weights()
    ratios = []
    for _ in range(_RESAMPLES):
        drawn, counts = np.unique(rng.choice(sources, len(sources)), return_counts=True)
        times = np.array([dict(zip(drawn, counts, strict=True)).get(name, 0) for name in table.source])
        before, after = (_on(way, evidence, table, weights * times) for way in (AS_IS, delivery))
        ratios.append(after / max(before, 1e-6))
    low, high = (round(float(limit), 3) for limit in np.percentile(ratios, [2.5, 97.5]))
    share = min(1.0, round(_on(delivery, evidence, table, weights), 3))
    return Shrinkage(detector, delivery, media, share, (low, high))


def _on(delivery: str, evidence: Floats, table: ScoreTable, weights: Floats) -> float:
    mine = table.delivery == delivery
    return _scale(evidence[mine], table.label[mine], weights[mine])


def _scale(evidence: Floats, label: NDArray[np.int64], weights: Floats) -> float:
    """The factor in [0, 5] on the evidence that predicts the labels best (logistic loss)."""

    def loss(scale: float) -> float:
        z = scale * evidence
        return float(np.sum(weights * (np.logaddexp(0, z) - label * z)))

    return float(minimize_scalar(loss, bounds=(0.0, 5.0), method="bounded").x)


def measured(files: Iterable[Path], scored: Collection[str]) -> dict[Kind, dict[str, dict[str, float]]]:
    """The measures of every medium that was scored by kind and item, the first 16 digits of its SHA-256."""
    found: dict[Kind, dict[str, dict[str, float]]] = {kind: {} for kind in Kind}
    with closing(Decoder(Limits())) as decoder:
        for file in files:
            item = _item(file)
            if item not in scored:
                continue
            try:
                medium = decoder.decode(file, provenance=False)
            except MediumRefused:
                continue
            found[medium.probe.kind][item] = measure(medium)
    return found


def _item(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:16]


def fitted(
    before: QualityMap,
    media: Mapping[Kind, Mapping[str, Mapping[str, float]]],
    shrinkages: Mapping[Kind, Sequence[Shrinkage]],
    *,
    date: str,
    note: str,
) -> QualityMap:
    """The curves that the data supports, over those that were there before."""
    curves = {kind: dict(before.curves.get(kind, {})) for kind in Kind}
    for kind, items in media.items():
        for name in sorted({name for found in items.values() for name in found} - {"unclipped"}):
            values = [found[name] for found in items.values() if name in found]
            if len(values) >= LEAST_MEDIA:
                curves[kind][name] = _curve(name, values, _worst(shrinkages.get(kind, ())))
    return QualityMap(date=date, note=note, curves={kind: found for kind, found in curves.items() if found})


def _worst(found: Sequence[Shrinkage]) -> float:
    """What the greatest loss by JPEG that the data supports leaves over; 1 where it supports none."""
    shares = (item.share for item in found if item.supported and item.delivery == JPEG)
    return min((share for share in shares if share is not None), default=1.0)


def _curve(name: str, values: Sequence[float], recompressed: float) -> Curve:
    lowest = float(np.percentile(values, PERCENTILE))
    if name == "jpeg_quality":
        lowest = min(lowest, JPEG_QUALITY)  # the deliveries were measured, too
    lowest = round(lowest) if name in _ROUNDED else float(f"{lowest:.3g}")
    knots = [(lowest * NOTHING_AT, 0.0), (lowest, 1.0)]
    if name == "jpeg_quality" and recompressed < 1:
        knots = [knots[0], (lowest, recompressed), (JPEG_QUALITY, recompressed), (BEST_JPEG, 1.0)]
        knots = sorted(set(knots))
    return Curve(knots=tuple(knots), ground="measured", media=len(values))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis.calibration.quality", description=__doc__)
    add = parser.add_argument
    add(
        "--media",
        nargs="+",
        type=Path,
        default=[],
        metavar="DIR",
        help="media that detectors were measured on",
    )
    add("--date", required=True, metavar="YYYY-MM-DD", help="date to record")
    add(
        "--records",
        type=Path,
        default=RECORDS,
        metavar="DIR",
        help="records, with NAME.scores.csv beside them",
    )
    add("--file", type=Path, default=QUALITY_FILE, help="file to update")
    add("--write", action="store_true", help="update the file instead of printing it")
    return parser


def _shrinkages(
    records: Path, media: Mapping[Kind, Mapping[str, Mapping[str, float]]], date: str
) -> dict[Kind, list[Shrinkage]]:
    """Every detector's losses by every delivery; one without a calibration gets one from the same scores."""
    found: dict[Kind, list[Shrinkage]] = {}
    for file in sorted(records.glob("*.scores.csv")):
        name = file.name.removesuffix(".scores.csv")
        record = WeightsRecord.model_validate_json((records / f"{name}.json").read_text("utf-8"))
        rows = read_scores(file)
        for kind in Kind:
            table = table_of(name, rows, kind)
            if not len(table):
                continue
            own = record.calibration.get(Modality(kind)) or fit_calibration(table, "platt", date=date)
            fine = fine_ones(table, media.get(kind, {}))
            for way in sorted(set(table.delivery.tolist()) - {AS_IS}):
                found.setdefault(kind, []).append(shrinkage(name, fine if way == JPEG else table, own, way))
    return found


def fine_ones(table: ScoreTable, media: Mapping[str, Mapping[str, float]]) -> ScoreTable:
    """The rows of media that were measured and not strongly compressed before."""
    fine = {item for item, found in media.items() if found.get("jpeg_quality", 100) >= BEST_JPEG}
    return table.rows(np.array([item in fine for item in table.item.tolist()], dtype=bool))


def _scored(records: Path) -> set[str]:
    return {row.item for file in records.glob("*.scores.csv") for row in read_scores(file)}


def _words(found: Mapping[Kind, Sequence[Shrinkage]]) -> str:
    told = [_word(kind, item) for kind, items in found.items() for item in items]
    return "; ".join(told) or "no out-of-fold scores"


def _word(kind: Kind, found: Shrinkage) -> str:
    told = f"{found.detector} on {found.media} media ({kind}) after {found.delivery}: "
    if not found.media:
        return told + "none of its media were at hand in a finer state"
    if found.share is None:
        return told + "no evidence, so none to lose"
    said = f"{found.share} of the evidence counts" if found.supported else "no loss supported"
    return f"{told}{said} (evidence after to before: 95 % interval {found.interval})"


def main(arguments: Sequence[str]) -> None:
    """Fit, and print or write the file."""
    asked = _parser().parse_args(arguments)
    files = [file for folder in asked.media for file in sorted(folder.rglob("*")) if file.is_file()]
    media = measured(files, _scored(asked.records))
    shrinkages = _shrinkages(asked.records, media, asked.date)
    before = QualityMap.model_validate_json(asked.file.read_text("utf-8"))
    after = fitted(before, media, shrinkages, date=asked.date, note=_words(shrinkages))
    text = json.dumps(after.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"
    if asked.write:
        asked.file.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
