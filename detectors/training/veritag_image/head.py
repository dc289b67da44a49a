"""Fit the head of the image detector: a discriminant that is to hold for every source alike.

A classifier trained on pooled pictures learns the largest collection, and what its fakes show. Here each
generator of each source has one vote on the direction from real to fake, however many pictures it has, and
each of its pictures is held against the photographs that show the like (matching, as in Rosenbaum and Rubin,
Biometrika 1983; Guillaro et al., 2025, arXiv 2412.17671, keep content alike for the same end). The direction
is then turned away from whatever varies within such groups, and from whatever scaling and encoding change
(within-class covariance normalisation, Hatch et al., Interspeech 2006, with the laundering of `samples` as
one more nuisance), and from how sources differ as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from detectors.training import dataset
from detectors.training.dataset import Item
from detectors.training.veritag_image.samples import Described
from detectors.veritag_image import BLOCKS, CONTENT, REACH, VeritagImageNetwork

Floats = NDArray[np.float64]
Group = tuple[str, str, int]

FAMILIES = {
    **dict.fromkeys(
        ("faces_stylegan", "portraits_tpdne", "quiz_kurlyto", "kurlyto_gansites"), "StyleGAN and its like"
    ),
    **dict.fromkeys(("SDXL_2_1", "SDXL_Base", "SDXL_Turbo", "sd15_supagruen"), "Stable Diffusion"),
}
"""Generators that are known to be built alike, by the names that `dataset.scan` gives them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the head depends on besides the figures; the fit itself draws nothing at random.

    Attributes:
        laundering: weight of what laundering changes, against what differs between pictures of one group.
        sources: weight of how sources differ as a whole, midway between their photographs and their fakes.
        photographs: weight of how the photographs of sources differ.
        likeness: the cosine by which one photograph must show more of the like than another to count 2.7
            times as much.
        ridges: added to the covariance's diagonal, in squared units of the figures' spread, by block.
        shares: of each block's discriminant in the sum. What the networks see is much alike: half each.
    """

    laundering: float = 2.0
    sources: float = 1.0
    photographs: float = 0.1
    likeness: float = 0.05
    ridges: Mapping[str, float] = field(default_factory=lambda: _by_block(0.005, 0.05))
    shares: Mapping[str, float] = field(default_factory=lambda: _by_block(1.0, 0.5))


def _by_block(statistics: float, networks: float) -> dict[str, float]:
    return {name: statistics if name == "statistics" else networks for name in BLOCKS}


@dataclass(frozen=True, slots=True)
class _Pictures:
    """Figures ``(N, V, D)`` of N pictures, with weights that add up to 1, and groups.

    A group is a source's photographs, or its pictures of one generator: ``(source, generator, label)``.
    ``likes`` ``(fakes, photographs)``: how much each photograph counts beside each generated picture, adding
    up to 1 for each of these; both in the order of the pictures.
    """

    figures: Floats
    weights: Floats
    groups: tuple[Group, ...]
    likes: Floats

    def members(self, group: Group) -> NDArray[np.bool_]:
        return np.array([own == group for own in self.groups])


def fit(items: Sequence[Item], described: Sequence[Described], settings: Settings) -> VeritagImageNetwork:
    """Fit the head: a discriminant for each block of figures, and their sum in fixed shares.

    Fitted together, a few hundred groups could not tell thousands of figures apart.

    Args:
        items: the labelled pictures, both classes.
        described: their figures, in the same order; as many laundered crops of each, two or more.

    Returns:
        The network in evaluation mode. Logits have unit deviation within a group.
    """
    weights = dataset.sampling_weights(items)
    groups = tuple((item.source, item.generator, item.label) for item in items)
    content = np.stack([own.laundered[:, CONTENT].mean(0, dtype=np.float64) for own in described])
    likes = _likes(content, np.array([item.label for item in items]), settings.likeness)
    found, first = [], 0
    for name, count in BLOCKS.items():
        raw = np.stack([own.laundered[:, first : first + count] for own in described]).astype(np.float64)
        found.append(_fit_block(_Pictures(raw, weights, groups, likes), settings, name))
        first += count
    logits = np.sum([block.logits for block in found], axis=0)
    spread = np.sqrt(_within(_Pictures(logits[:, None, None], weights, groups, likes))[0, 0])
    network = VeritagImageNetwork()
    network.centre.copy_(torch.from_numpy(np.concatenate([block.centre for block in found])))
    network.scale.copy_(torch.from_numpy(np.concatenate([block.scale for block in found])))
    network.weight.copy_(torch.from_numpy(np.concatenate([block.weight for block in found]) / spread))
    return network.eval()


@dataclass(frozen=True, slots=True)
class _Block:
    """What was fitted on one block; ``logits`` ``(N,)`` are means over each picture's crops."""

    centre: Floats
    scale: Floats
    weight: Floats
    logits: Floats


def _likes(content: Floats, labels: NDArray[np.int64], likeness: float) -> Floats:
    """Share of each photograph in what each generated picture is held against, by the cosine of what the two
    show; see `_Pictures`.

    Photographs of all sources take part alike: the picture's own source has no better ones than another.
    """
    standard = (content - content.mean(0)) / (content.std(0) + 1e-6)
    standard /= np.linalg.norm(standard, axis=1, keepdims=True) + 1e-6
    cosines = standard[labels == 1] @ standard[labels == 0].T
    shares: Floats = softmax(cosines / likeness, axis=1)
    return shares


def _fit_block(raw: _Pictures, settings: Settings, name: str) -> _Block:
    """Fit one block's discriminant; its logits deviate by its share within a group."""
    centre = np.einsum("n,nd->d", raw.weights, raw.figures.mean(1))
    scale = np.sqrt(np.einsum("n,nd->d", raw.weights, ((raw.figures - centre) ** 2).mean(1))) + 1e-6
    pictures = replace(raw, figures=np.clip((raw.figures - centre) / scale, -REACH, REACH))
    within = _within(pictures)
    ridge = settings.ridges[name] * np.eye(len(centre))
    nuisance = settings.laundering * _laundering(pictures) + _between(pictures, settings)
    turned = np.linalg.solve(within + nuisance + ridge, _direction(pictures))
    length = float(np.sqrt(turned @ within @ turned))
    weight = np.asarray(turned * (settings.shares[name] / length), dtype=np.float64)
    return _Block(centre, scale, weight, pictures.figures.mean(1) @ weight)


def _direction(pictures: _Pictures) -> Floats:
    """Mean step from photographs that show the like to generated pictures.

    Each generator of each source has one vote; a family of n has the square root of n votes.
    """
    means, labels = pictures.figures.mean(1), np.array([group[2] for group in pictures.groups])
    steps = means[labels == 1] - pictures.likes @ means[labels == 0]
    owners = [group for group in pictures.groups if group[2] == 1]
    families = {group: FAMILIES.get(group[1], group[1]) for group in set(owners)}
    members, sizes = Counter(owners), Counter(families.values())
    votes = [sizes[families[group]] ** -0.5 / members[group] for group in owners]
    mean: Floats = np.average(steps, axis=0, weights=votes)
    return mean


def _middles(pictures: _Pictures) -> tuple[dict[str, Floats], dict[Group, Floats]]:
    """Mean figures of each source's photographs, and of each group of generated pictures."""
    means = pictures.figures.mean(1)
    middle = {group: means[pictures.members(group)].mean(0) for group in sorted(set(pictures.groups))}
    photographs = {group[0]: own for group, own in middle.items() if group[2] == 0}
    return photographs, {group: own for group, own in middle.items() if group[2] == 1}


def _between(pictures: _Pictures, settings: Settings) -> Floats:
    """Covariance of what differs between sources while it has nothing to do with the label."""
    photographs, fakes = _middles(pictures)
    wholes = []
    for source, own in photographs.items():
        others = [middle for group, middle in fakes.items() if group[0] == source]
        if others:
            wholes.append((own + np.mean(others, axis=0)) / 2)
    total = np.zeros((pictures.figures.shape[2],) * 2)
    for weight, points in (
        (settings.sources, wholes),
        (settings.photographs, list(photographs.values())),
    ):
        if len(points) > 1:
            total += weight * np.cov(np.stack(points), rowvar=False)
    return total


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
