"""How good the weights are that a training has at the moment, on what it does not learn from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from detectors.training.recipe import Batch, Objective


@torch.no_grad()
def validate(objective: Objective, batches: Iterable[Batch]) -> dict[str, float]:
    """Return the mean of every scalar of the objective, and ``auc``, ``accuracy`` (at 0.5), ``eer``.

    Args:
        objective: it is put into evaluation mode and back.
        batches: on the objective's device, with a ``label`` (1 = fake) each.
    """
    was_training = objective.training
    objective.eval()
    sums: dict[str, float] = defaultdict(float)
    labels: list[int] = []
    logits: list[float] = []
    for batch in batches:
        found = objective(batch)
        truth = batch["label"].int().tolist()
        labels += truth
        logits += found.pop("logit").float().tolist()
        for name, value in found.items():
            sums[name] += float(value) * len(truth)
    objective.train(was_training)
    means = {name: total / len(labels) for name, total in sums.items()}
    return means | scored(np.array(labels), np.array(logits))


def scored(labels: NDArray[np.int64], logits: NDArray[np.float64]) -> dict[str, float]:
    """Return AUC, accuracy at logit 0 and equal error rate; logits that are no numbers count as worst."""
    if not np.isfinite(logits).all():
        return {"auc": 0.0, "accuracy": 0.0, "eer": 1.0}
    false_alarms, hits, _ = roc_curve(labels, logits)
    nearest = int(np.argmin(np.abs(1 - hits - false_alarms)))
    return {
        "auc": float(roc_auc_score(labels, logits)),
        "accuracy": float(((logits > 0) == (labels == 1)).mean()),
        "eer": float((false_alarms[nearest] + 1 - hits[nearest]) / 2),
    }
