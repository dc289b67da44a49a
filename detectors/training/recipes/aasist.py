"""AASIST and AASIST-L on raw waveforms (arXiv 2110.01200, the published training).

Adam and a cosine from the first rate to 5e-6, cross entropy that weighs genuine speech nine times as much,
windows of 64 600 samples cut at random. The weights of the best validations are averaged at the end, and kept
if they are better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from detectors.aasist.detector import WINDOW, cut_windows
from detectors.aasist.network import AASIST, AASIST_L, AasistNetwork, Sizes
from detectors.base import View
from detectors.training import view_files
from detectors.training.recipe import Batch, Context, Examples, Objective, Plan, Recipe
from detectors.training.settings import Count, Metric, Positive, Settings, Share, Weight
from detectors.training.view_files import ViewItem

_SPOOFED, _GENUINE = 0, 1


class AasistSettings(Settings):
    """The published settings.

    ``genuine_weight`` is the weight of genuine speech in the loss, that of fakes is one less it: published
    for a set with nine fakes to each genuine one.
    """

    epochs: Count = 100
    batch: Count = 24
    lr: Positive = 1e-4
    weight_decay: Weight = 1e-4
    metric: Metric = "eer"
    swa: bool = True
    genuine_weight: Share = 0.9
    last_lr: Positive = 5e-6


class _Windows:
    """Windows of 64 600 samples; a shorter sound is repeated until it fills one."""

    def __init__(self, items: Sequence[ViewItem]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def get(self, index: int, rng: np.random.Generator | None) -> Batch:
        """``waveform`` float32 ``(64600,)``: anywhere in the sound, or its first ones without `rng`."""
        item = self._items[index]
        samples = view_files.read(item, View.WAVEFORM)
        start = int(rng.integers(max(0, len(samples) - WINDOW) + 1)) if rng is not None else 0
        return {"waveform": cut_windows(samples[start:], most=1)[0], "label": torch.tensor(item.label)}


class _Aasist(Objective):
    def __init__(self, sizes: Sizes, genuine_weight: float) -> None:
        super().__init__()
        self.network = AasistNetwork(sizes)
        self._weights = (1 - genuine_weight, genuine_weight)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        logits = self.network(batch["waveform"])
        weight = torch.tensor(self._weights, device=logits.device, dtype=logits.dtype)
        # Labels are 1 = fake, the network's classes 0 = spoofed and 1 = genuine.
        loss = F.cross_entropy(logits, 1 - batch["label"], weight)
        return {"loss": loss, "logit": logits[:, _SPOOFED] - logits[:, _GENUINE]}


class AasistRecipe(Recipe[AasistSettings]):
    """AASIST."""

    detector = "aasist"
    view = View.WAVEFORM
    settings_type = AasistSettings
    follows = "arXiv 2110.01200 and clovaai/aasist"
    sizes = AASIST

    def examples(self, items: Sequence[Any], context: Context, *, train: bool) -> Examples:
        """Windows of sound."""
        del context, train
        return _Windows(items)

    def objective(self, context: Context) -> Objective:
        """The network with its weighted loss."""
        del context
        return _Aasist(self.sizes, self.settings.genuine_weight)

    def schedule(self, optimiser: Optimizer, plan: Plan) -> LRScheduler:
        """A cosine over the whole training."""
        return CosineAnnealingLR(optimiser, plan.steps, eta_min=self.settings.last_lr)


class AasistLRecipe(AasistRecipe):
    """AASIST-L."""

    detector = "aasist_l"
    sizes = AASIST_L
