"""How good is the image detector on sources and generators that it never saw? (see `cross_validate`)

Every left-out group of sources and every left-out generator gets a head fitted without it. Statistics are
learned nowhere, so they are the same in every fold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from detectors import pixels
from detectors.base import Modality
from detectors.record import Measurement
from detectors.tiny_ladeda import TinyLaDeDaNetwork
from detectors.training import dataset
from detectors.training.cross_validate import (
    DELIVERIES,
    GENERATOR_SOURCE,
    GROUPS,
    Scored,
    measurements,
)
from detectors.training.dataset import Fold, Item
from detectors.training.measure import RESAMPLES
from detectors.training.veritag_image import samples
from detectors.training.veritag_image.head import Settings, fit
from detectors.training.veritag_image.samples import Described
from detectors.veritag_image import VeritagImageNetwork
from detectors.weights import read_file

Floats = NDArray[np.float64]
_FEWEST = 30


def folds(items: Sequence[Item]) -> tuple[list[Fold], list[Fold]]:
    """Return the folds that leave sources out, and those that leave a generator out."""
    return dataset.source_folds(items, GROUPS), dataset.generator_folds(items, GENERATOR_SOURCE)


def left_out(
    items: Sequence[Item],
    described: Sequence[Described],
    chosen: Sequence[Fold],
    settings: Settings,
    tick: Callable[[], None] | None = None,
) -> list[list[Scored]]:
    """Score what each fold leaves out by a head fitted on the rest."""
    results = []
    for fold in chosen:
        network = fit([items[i] for i in fold.train], [described[i] for i in fold.train], settings)
        results.append(score(network, [items[i] for i in fold.test], [described[i] for i in fold.test]))
        if tick:
            tick()
    return results


def score(
    network: VeritagImageNetwork, items: Sequence[Item], described: Sequence[Described]
) -> list[Scored]:
    """Score each picture's central crop in both deliveries, as the detector does."""
    with torch.inference_mode():
        return [
            Scored(item, tuple(torch.sigmoid(network(torch.from_numpy(own.scored)).double()).tolist()))
            for item, own in zip(items, described, strict=True)
        ]


def report(
    items: Sequence[Item], by_source: Sequence[list[Scored]], by_generator: Sequence[list[Scored]], date: str
) -> list[Measurement]:
    """Measure pools, folds, sources that have both classes, and the mean over these."""
    sources, generators = folds(items)
    pool = [row for rows in by_source for row in rows]
    found = measurements("left-out sources, all pooled", pool, date)
    found += _mean_over("left-out sources with both classes", _split(pool), date)
    for source, rows in _split(pool).items():
        found += measurements(f"left-out source {source} alone", rows, date)
    for fold, rows in zip(sources, by_source, strict=True):
        if len({row.item.source for row in rows}) > 1:
            found += measurements(f"left-out sources {fold.name}", rows, date)
    named = {fold.name: rows for fold, rows in zip(generators, by_generator, strict=True)}
    if named:
        everything = [row for rows in by_generator for row in rows]
        found += measurements(f"left-out generators of {GENERATOR_SOURCE}, all pooled", everything, date)
        found += _mean_over(f"left-out generators of {GENERATOR_SOURCE}", named, date)
        for name, rows in named.items():
            found += measurements(f"left-out generator {name} of {GENERATOR_SOURCE}", rows, date)
    return found


def _split(pool: Sequence[Scored]) -> dict[str, list[Scored]]:
    """The rows of each source that has both classes."""
    rows: dict[str, list[Scored]] = {}
    for row in pool:
        rows.setdefault(row.item.source, []).append(row)
    return {name: own for name, own in sorted(rows.items()) if len({row.item.label for row in own}) == 2}


def _mean_over(protocol: str, parts: dict[str, list[Scored]], date: str) -> list[Measurement]:
    """Mean AUC over parts, each weighing alike; pictures are drawn anew within each class of each part."""
    found = []
    for n, delivery in enumerate(DELIVERIES if parts else ()):
        arrays = [_arrays(rows, n) for rows in parts.values()]

        def mean(drawn: Sequence[tuple[NDArray[np.int64], Floats]]) -> float:
            return float(np.mean([_auc(labels, scores) for labels, scores in drawn]))

        rng = np.random.default_rng(0)
        values = [mean([_resample(*own, rng) for own in arrays]) for _ in range(RESAMPLES)]
        low, high = np.percentile(values, (2.5, 97.5))
        labels = np.concatenate([own[0] for own in arrays])
        found.append(
            _measurement(f"{protocol}; {delivery}", "mean AUC", mean(arrays), low, high, labels, date)
        )
    return found


def _measurement(
    protocol: str, metric: str, value: float, low: float, high: float, labels: NDArray[np.int64], date: str
) -> Measurement:
    fake = int(labels.sum())
    return Measurement(
        protocol=protocol,
        modality=Modality.IMAGE,
        metric=metric,
        value=round(value, 3),
        low=round(float(low), 3),
        high=round(float(high), 3),
        real=len(labels) - fake,
        fake=fake,
        date=date,
    )


def _arrays(rows: Sequence[Scored], delivery: int) -> tuple[NDArray[np.int64], Floats]:
    return (
        np.array([row.item.label for row in rows], np.int64),
        np.array([row.scores[delivery] for row in rows], np.float64),
    )


def _auc(labels: NDArray[np.int64], scores: Floats) -> float:
    """Area under the ROC curve from ranks (Mann and Whitney): bootstraps ask for it thousands of times."""
    fake = int(labels.sum())
    ranks = rankdata(scores)[labels == 1].sum()
    return float((ranks - fake * (fake + 1) / 2) / (fake * (len(labels) - fake)))


def _draw(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    classes = [np.flatnonzero(labels == label) for label in (0, 1)]
    return np.concatenate([rng.choice(members, len(members)) for members in classes])


def _resample(
    labels: NDArray[np.int64], scores: Floats, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Floats]:
    drawn = _draw(labels, rng)
    return labels[drawn], scores[drawn]


def tiny_ladeda_scores(items: Sequence[Item], checkpoint: Path) -> list[Scored]:
    """Score the same crops by the weights that Tiny-LaDeDa's authors published for WildRF (``left_diag``).

    Raises:
        WeightsError: the file holds other tensors.
    """
    network = TinyLaDeDaNetwork("left_diag").eval()
    network.load_state_dict(read_file(checkpoint, None))

    def probability(view: Tensor) -> float:
        logit = network(pixels.normalise(view, pixels.IMAGENET_MEAN, pixels.IMAGENET_STD))
        return float(torch.sigmoid(logit.double()))

    scored = []
    with torch.inference_mode():
        for item in items:
            crops = samples.deliveries(dataset.read(item.path))
            views = [torch.from_numpy(np.array(crop))[None] for crop in crops]
            scored.append(Scored(item, tuple(probability(view) for view in views)))
    return scored


def compare(
    protocol: str, own: Sequence[Scored], other: Sequence[Scored], name: str, date: str
) -> list[Measurement]:
    """Measure by how much our AUC is above another detector's on the same pictures, drawn anew in pairs.

    Once over all, and once over each source that has both classes and at least thirty pictures.
    """
    theirs = {row.item.key: row for row in other}
    parts = {"all pooled": list(own)}
    parts |= {source: rows for source, rows in _split(own).items() if len(rows) >= _FEWEST}
    found = []
    for part, rows in parts.items():
        for n, delivery in enumerate(DELIVERIES):
            labels, ours = _arrays(rows, n)
            rival = np.array([theirs[row.item.key].scores[n] for row in rows])

            def above(
                drawn: NDArray[np.int64], y: NDArray[np.int64] = labels, a: Floats = ours, b: Floats = rival
            ) -> float:
                return _auc(y[drawn], a[drawn]) - _auc(y[drawn], b[drawn])

            rng = np.random.default_rng(0)
            low, high = np.percentile([above(_draw(labels, rng)) for _ in range(RESAMPLES)], (2.5, 97.5))
            found.append(
                _measurement(
                    f"{protocol}, {part}; {delivery}",
                    f"AUC less {name}'s",
                    above(np.arange(len(labels))),
                    low,
                    high,
                    labels,
                    date,
                )
            )
    return found
