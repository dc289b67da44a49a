"""Figures with their uncertainty, and what features that know nothing of generators reach alone."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detectors import resampling
from detectors.base import Modality
from detectors.metrics import auc, balanced_accuracy
from detectors.record import Measurement
from detectors.training.dataset import Item, read
from detectors.training.levelling import centre_crop

RESAMPLES = resampling.RESAMPLES
Metric = Callable[[NDArray[np.int64], NDArray[np.float64]], float]

METRICS: dict[str, Metric] = {"AUC": auc, "balanced accuracy at 0.5": balanced_accuracy}


def interval(
    metric: Metric,
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a metric, items drawn anew within each class."""
    found = resampling.bootstrap(resampling.plain(metric), labels, scores, resamples=resamples)
    return found.low, found.high


def measure(
    protocol: str, modality: Modality, labels: Sequence[int], scores: Sequence[float], date: str
) -> list[Measurement]:
    """Measure one set of scores in [0, 1] (labels: 1 = fake) with every metric."""
    y, s = np.asarray(labels, dtype=np.int64), np.asarray(scores, dtype=np.float64)
    fake = int(y.sum())
    found = []
    for name, metric in METRICS.items():
        low, high = interval(metric, y, s)
        found.append(
            Measurement(
                protocol=protocol,
                modality=modality,
                metric=name,
                value=round(metric(y, s), 3),
                low=round(low, 3),
                high=round(high, 3),
                real=len(y) - fake,
                fake=fake,
                date=date,
            )
        )
    return found


def trivial_features(items: Sequence[Item], side: int) -> dict[str, float]:
    """AUC, either way round, that single numbers reach alone on these files.

    The first three see the files as they came, the last two the common centre crop of `side` pixels, once
    encoded as JPEG of quality 75.
    """
    columns: dict[str, list[float]] = {
        "bits per pixel as is": [8 * item.path.stat().st_size / (item.width * item.height) for item in items],
        "shorter side as is": [float(item.min_side) for item in items],
        "is a PNG": [float(item.path.suffix.lower() == ".png") for item in items],
        "bits per pixel levelled": [],
        "blur levelled": [],
    }
    for item in items:
        encoded = io.BytesIO()
        centre_crop(read(item.path), side).save(encoded, "JPEG", quality=75)
        with Image.open(encoded) as image:
            gray = np.asarray(image.convert("L"), dtype=np.float64)
        columns["bits per pixel levelled"].append(8 * encoded.tell() / gray.size)
        columns["blur levelled"].append(laplacian_variance(gray))
    labels = [item.label for item in items]
    return {name: _either_way(labels, values) for name, values in columns.items()}


def laplacian_variance(gray: NDArray[np.float64]) -> float:
    """Variance of the discrete Laplacian of ``(H, W)``: small for blurred pictures."""
    inner = gray[1:-1, 1:-1]
    around = gray[:-2, 1:-1] + gray[2:, 1:-1] + gray[1:-1, :-2] + gray[1:-1, 2:]
    return float((around - 4 * inner).var())


def _either_way(labels: Sequence[int], values: Sequence[float]) -> float:
    found = auc(labels, values)
    return round(max(found, 1 - found), 3)
