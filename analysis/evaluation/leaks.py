"""What the trivial features of `probes` reach alone on the very media that were judged, and together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from analysis.evaluation.items import Known
from analysis.evaluation.measuring import FEWEST, Meter
from analysis.evaluation.result import Figure, Judged, Probe
from analysis.evaluation.rows import Cache
from detectors import figures
from detectors.metrics import Floats, Labels

TOGETHER = "all of these together (logistic regression, 5-fold)"
MARGIN = 0.03
"""A probe this close below a subject's AUC is said to come near it."""
_ORNOT = ("format ", "codec ")


def probes(
    media: Sequence[Known], delivery: str, cache: Cache, judged: Sequence[Judged], meter: Meter
) -> tuple[Probe, ...]:
    """Measure every feature that differs between media; best first."""
    columns = _columns([cache.probes[known.sha256, delivery].features for known in media])
    labels = np.array([known.item.label for known in media], dtype=np.int64)
    found = [_probe(name, delivery, labels, values, judged, meter) for name, values in columns.items()]
    if len(columns) > 1 and min((labels == 0).sum(), (labels == 1).sum()) >= FEWEST:
        together = _together(labels, np.column_stack(list(columns.values())))
        found.append(_probe(TOGETHER, delivery, labels, together, judged, meter, either_way=False))
    return tuple(sorted(found, key=lambda probe: (-(probe.auc.value or 0), probe.feature)))


def _columns(features: Sequence[dict[str, float]]) -> dict[str, Floats]:
    """One array per feature, NaN where a medium has none; constant ones are left out."""
    names = dict.fromkeys(name for of_one in features for name in of_one)
    found = {}
    for name in names:
        absent = 0.0 if name.startswith(_ORNOT) else np.nan
        values = np.array([of_one.get(name, absent if of_one else np.nan) for of_one in features])
        known = values[np.isfinite(values)]
        if len(known) and known.min() < known.max():
            found[name] = values
    return found


def _probe(
    name: str,
    delivery: str,
    labels: Labels,
    values: Floats,
    judged: Sequence[Judged],
    meter: Meter,
    *,
    either_way: bool = True,
) -> Probe:
    known = np.isfinite(values)
    y, x = labels[known], values[known]
    auc = meter.figure("AUC", figures.auc, y, x, None)
    if either_way and auc.value is not None and auc.value < 0.5:
        auc = _turned(auc)
    near = tuple(of.subject for of in judged if _comes_near(auc, of.figure("AUC")))
    return Probe(name, delivery, auc, int((y == 0).sum()), int((y == 1).sum()), near)


def _turned(auc: Figure) -> Figure:
    low, high = (None if end is None else round(1 - end, 4) for end in (auc.high, auc.low))
    return Figure(auc.name, None if auc.value is None else round(1 - auc.value, 4), low, high, auc.note)


def _comes_near(probe: Figure, subject: Figure) -> bool:
    """Whether both surely tell the classes apart, and the probe does so about as well as the subject."""
    if probe.value is None or subject.value is None or probe.low is None or subject.low is None:
        return False
    return min(probe.low, subject.low) > 0.5 and probe.value >= subject.value - MARGIN


def _together(labels: Labels, values: Floats) -> Floats:
    """Out-of-fold scores of all features, from their ranks (tied ones alike) and their logarithms."""
    filled = np.where(np.isfinite(values), values, np.nanmedian(values, axis=0))
    inputs = np.hstack([rankdata(filled, axis=0), np.log1p(np.abs(filled))])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_predict(model, inputs, labels, cv=folds, method="predict_proba")
    return np.asarray(scores[:, 1], dtype=np.float64)
