"""Fit the head of the image detector: a discriminant that is to hold for every source alike.

A classifier trained on pooled pictures learns the largest collection. Here each pair of a source's
photographs and one generator's pictures has one vote on the direction from real to fake, however many
pictures it has; the direction is then turned away from whatever varies within such groups, and from whatever
scaling and encoding change (within-class covariance normalisation, Hatch et al., Interspeech 2006, with the
laundering of `samples` as one more nuisance).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from detectors.training import dataset
from detectors.training.dataset import Item
from detectors.training.veritag_image.samples import Described
from detectors.veritag_image import REACH, VeritagImageNetwork

Floats = NDArray[np.float64]
Group = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the head depends on besides the statistics; the fit itself draws nothing at random.

    Attributes:
        laundering: weight of what laundering changes, against what differs between pictures of one group.
        ridge: added to the covariance's diagonal, in squared units of the statistics' spread.
    """

    laundering: float = 2.0
    ridge: float = 0.005


@dataclass(frozen=True, slots=True)
class _Pictures:
    """Standardised statistics ``(N, V, D)`` of N pictures, with weights that add up to 1, and groups.

    A group is a source's photographs, or its pictures of one generator: ``(source, generator, label)``.
    """

    figures: Floats
    weights: Floats
    groups: tuple[Group, ...]

    def members(self, group: Group) -> NDArray[np.bool_]:
        return np.array([own == group for own in self.groups])


def fit(items: Sequence[Item], described: Sequence[Described], settings: Settings) -> VeritagImageNetwork:
    """Fit the head.

    Args:
        items: the labelled pictures, both classes.
        described: their statistics, in the same order; as many laundered crops of each, two or more.

    Returns:
        The network in evaluation mode. Logits have unit deviation within a group.
    """
    raw = np.stack([own.laundered for own in described]).astype(np.float64)
    weights = dataset.sampling_weights(items)
    centre = np.einsum("n,nd->d", weights, raw.mean(1))
    scale = np.sqrt(np.einsum("n,nd->d", weights, ((raw - centre) ** 2).mean(1))) + 1e-6
    groups = tuple((item.source, item.generator, item.label) for item in items)
    pictures = _Pictures(np.clip((raw - centre) / scale, -REACH, REACH), weights, groups)
    within = _within(pictures)
    nuisance = within + settings.laundering * _laundering(pictures) + settings.ridge * np.eye(len(centre))
    weight = np.linalg.solve(nuisance, _direction(pictures))
    weight /= np.sqrt(weight @ within @ weight)
    network = VeritagImageNetwork()
    for buffer, values in ((network.centre, centre), (network.scale, scale), (network.weight, weight)):
        buffer.copy_(torch.from_numpy(values))
    return network.eval()


def _direction(pictures: _Pictures) -> Floats:
    """Mean step from photographs to generated pictures, one vote for each generator of each source.

    Generators of a source without photographs are held against the photographs of sources without fakes,
    each such source counting alike.
    """
    means = pictures.figures.mean(1)
    found = Counter(pictures.groups)
    middle = {group: means[pictures.members(group)].mean(0) for group in found}
    fakes = [group for group in found if group[2] == 1]
    reals = {group[0]: middle[group] for group in found if group[2] == 0}
    lonely = [source for source in reals if source not in {group[0] for group in fakes}]
    others = np.mean([reals[source] for source in lonely or reals], axis=0)
    steps = [middle[group] - reals.get(group[0], others) for group in fakes]
    mean: Floats = np.mean(steps, axis=0)
    return mean


def _within(pictures: _Pictures) -> Floats:
    """Covariance of the pictures of a group, means over their crops; without bias for small groups."""
    means = pictures.figures.mean(1)
    total = np.zeros((means.shape[1], means.shape[1]))
    for group, size in Counter(pictures.groups).items():
        chosen = pictures.members(group)
        apart = means[chosen] - means[chosen].mean(0)
        total += (apart.T * pictures.weights[chosen]) @ apart * (size / max(size - 1, 1))
    return total


def _laundering(pictures: _Pictures) -> Floats:
    """Covariance of the laundered crops of one picture."""
    apart = pictures.figures - pictures.figures.mean(1, keepdims=True)
    count = apart.shape[1]
    weighted = (apart * np.sqrt(pictures.weights / (count - 1))[:, None, None]).reshape(-1, apart.shape[2])
    covariance: Floats = weighted.T @ weighted
    return covariance
