"""How good is it on faces of sources that it never saw, and on real face swaps?

Everything is scored through the detector as it runs in production. Pictures of `validation` sets are face
crops already and are given to it whole; they are measured as they are, encoded anew at quality 75, and both
again with blur equalised (see `blur`). Bootstrap intervals draw whole videos where a file's name tells them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score

from detectors.base import Detector, Modality
from detectors.generation.base import Pixels
from detectors.generation.self_blending import Face
from detectors.record import Measurement
from detectors.training import dataset, levelling
from detectors.training.cross_validate import COLUMNS
from detectors.training.measure import METRICS, RESAMPLES, Metric
from detectors.training.veritag_face.blur import equalise, sharpness
from detectors.training.veritag_face.faces import SourceFace
from detectors.training.veritag_face.pairs import VIEW_SIDE, FaceCoder, Sources, face_box

DELIVERIES = ("as_is", "jpeg75")
SELF_BLENDED = "self_blended"
MARGIN = 1.2  # the record's face_margin
_PER_FACE = 2


@dataclass(frozen=True, slots=True)
class Crop:
    """One face crop to be scored. ``group`` is the video it comes from, or its own key."""

    key: str
    source: str
    generator: str
    label: int
    group: str
    picture: Image.Image


def read_crops(folder: Path) -> list[Crop]:
    """Read ``real`` and ``fake`` face crops; equal files count once.

    The video is the first word of ten letters in names such as ``test_aaragvjucp_1.jpg``.

    Raises:
        ValueError: see `dataset.scan`.
    """
    return [
        Crop(item.key, item.source, item.generator, item.label, _video(item), dataset.read(item.path))
        for item in dataset.scan(folder, min_side=64)
    ]


def _video(item: dataset.Item) -> str:
    words = [word for word in item.path.stem.split("_") if len(word) == 10 and word.isalpha()]
    return words[0] if words else item.key


def self_blended_crops(faces: Sequence[SourceFace], seed: int) -> list[Crop]:
    """Make one real crop of each of one source's faces, and `_PER_FACE` of pseudo-fakes of it.

    The pictures are as they came, and cut as the view FACES cuts them; what is pasted in comes from the
    source's own faces.
    """
    own, rng = [entry.face for entry in faces], np.random.default_rng([seed, len(faces)])
    sources = Sources(own, FaceCoder(own))
    crops = []
    for number, entry in enumerate(faces):
        group = f"{entry.key}-face{number}"
        crops.append(Crop(f"{group}-real", entry.source, "", 0, group, _cut(entry.face, entry.face.picture)))
        for copy in range(_PER_FACE):
            fake = _cut(entry.face, sources.fake(entry.face, rng))
            crops.append(Crop(f"{group}-fake{copy}", entry.source, SELF_BLENDED, 1, group, fake))
    return crops


def _cut(face: Face, picture: Pixels) -> Image.Image:
    box = face_box(face.points, (picture.shape[1], picture.shape[0]), MARGIN)
    return Image.fromarray(picture).resize((VIEW_SIDE, VIEW_SIDE), Image.Resampling.BILINEAR, box)


def delivered(crop: Crop, delivery: str) -> Image.Image:
    """The crop as it is, or encoded anew."""
    return levelling.jpeg(crop.picture, 75) if delivery == "jpeg75" else crop.picture


def scores(detector: Detector, pictures: Sequence[Image.Image]) -> list[float]:
    """Score face crops one by one, each as the view FACES gives it."""
    squares = (picture.resize((VIEW_SIDE, VIEW_SIDE), Image.Resampling.BILINEAR) for picture in pictures)
    return [detector.detect(torch.from_numpy(np.array(square))[None]).score for square in squares]


def interval(
    metric: Metric, crops: Sequence[Crop], values: Sequence[float], resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a metric, whole videos drawn anew within each class."""
    rng, label, of = np.random.default_rng(0), np.array([crop.label for crop in crops]), np.asarray(values)
    groups: list[list[NDArray[np.int64]]] = []
    for wanted in (0, 1):
        members: dict[str, list[int]] = {}
        for number, crop in enumerate(crops):
            if crop.label == wanted:
                members.setdefault(crop.group, []).append(number)
        groups.append([np.array(numbers) for numbers in members.values()])
    found = []
    for _ in range(resamples):
        drawn = np.concatenate([kind[n] for kind in groups for n in rng.integers(len(kind), size=len(kind))])
        found.append(metric(label[drawn], of[drawn]))
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)


def measurements(
    protocol: str, crops: Sequence[Crop], values: Sequence[float], date: str
) -> list[Measurement]:
    """Measure one set of scores with every metric."""
    label = np.array([crop.label for crop in crops])
    fake = int(label.sum())
    found = []
    for name, metric in METRICS.items():
        low, high = interval(metric, crops, values)
        found.append(
            Measurement(
                protocol=protocol,
                modality=Modality.IMAGE,
                metric=name,
                value=round(metric(label, np.asarray(values)), 3),
                low=round(low, 3),
                high=round(high, 3),
                real=len(label) - fake,
                fake=fake,
                date=date,
            )
        )
    return found


def measure_crops(detector: Detector, crops: Sequence[Crop], name: str, date: str) -> list[Measurement]:
    """Measure a set of crops in each delivery, as they are and with blur equalised."""
    labels = [crop.label for crop in crops]
    found = []
    for delivery in DELIVERIES:
        plain = [delivered(crop, "as_is") for crop in crops]
        for protocol, pictures in ((name, plain), (f"{name}, blur equalised", equalise(plain, labels))):
            sent = [levelling.jpeg(p, 75) if delivery == "jpeg75" else p for p in pictures]
            found += measurements(f"{protocol}; {delivery}", crops, scores(detector, sent), date)
    return found


def leaks(crops: Sequence[Crop]) -> dict[str, dict[str, float]]:
    """AUC, either way round, of features that know nothing of faces, as the crops are and blur equalised."""
    labels = [crop.label for crop in crops]
    plain = [crop.picture for crop in crops]
    probes: dict[str, Callable[[Image.Image], float]] = {
        "blur": sharpness,
        "bits per pixel at quality 75": _bits_per_pixel,
        "contrast": lambda picture: float(np.asarray(picture.convert("L")).std()),
        "mean red": lambda picture: float(np.asarray(picture)[..., 0].mean()),
        "mean green": lambda picture: float(np.asarray(picture)[..., 1].mean()),
        "mean blue": lambda picture: float(np.asarray(picture)[..., 2].mean()),
    }
    return {
        kind: {name: _either_way(labels, [probe(p) for p in pictures]) for name, probe in probes.items()}
        for kind, pictures in (("as is", plain), ("blur equalised", equalise(plain, labels)))
    }


def _bits_per_pixel(picture: Image.Image) -> float:
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=75)
    return 8 * encoded.tell() / (picture.width * picture.height)


def _either_way(labels: Sequence[int], values: Sequence[float]) -> float:
    auc = float(roc_auc_score(labels, values))
    return round(max(auc, 1 - auc), 3)


def write_scores(detector: Detector, crops: Sequence[Crop], path: Path) -> None:
    """Write one CSV row per crop and delivery; the detector must never have seen the crops' sources."""
    columns = [scores(detector, [delivered(crop, way) for crop in crops]) for way in DELIVERIES]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number, crop in enumerate(crops):
            for delivery, column in zip(DELIVERIES, columns, strict=True):
                fields = (crop.key, Modality.IMAGE, crop.source, crop.generator, crop.label, delivery)
                writer.writerow((*fields, f"{column[number]:.6f}"))
