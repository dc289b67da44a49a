"""LaDeDa, and its distillation into Tiny-LaDeDa (arXiv 2406.09398, the published training).

LaDeDa squeezes pictures into 256 x 256 and learns from random squares of 224. Tiny-LaDeDa then learns,
patch by patch, what LaDeDa says of it. The published code is for research only; this one is written from its
description.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from detectors import weights
from detectors.ladeda import SIDE, LaDeDaNetwork
from detectors.record import WeightsRecord
from detectors.registry import record
from detectors.tiny_ladeda import TinyLaDeDaNetwork
from detectors.training.pictures import SqueezedPictures
from detectors.training.recipe import Batch, Context, Examples, Frozen, Objective, Plan, Recipe, needed_file
from detectors.training.settings import Count, Metric, Positive, Settings, Weight, Whole

CROP = 224
STRIDE = 8
TINY_PATCH = 10
_FACTOR = 0.9


class LaDeDaSettings(Settings):
    """The published settings.

    The rate is multiplied by 0.9 after ``plateau`` validations in a row that fell short of the best by more
    than ``tolerance``, and the training ends when it is below ``least_lr``. Without validation it stays.
    """

    epochs: Count = 1000
    batch: Count = 32
    lr: Positive = 2e-4
    metric: Metric = "accuracy"
    plateau: Whole = 15
    tolerance: Weight = 0.001
    least_lr: Positive = 1e-6


class TinySettings(Settings):
    """The published settings; a picture has 729 patches. ``teacher`` is a file of LaDeDa's weights, such as
    its recipe exports (None: those of the weights store).
    """

    epochs: Count = 100
    batch: Count = 1
    lr: Positive = 2e-4
    metric: Metric = "loss"
    teacher: Path | None = None


class _LaDeDa(Objective):
    def __init__(self) -> None:
        super().__init__()
        self.network: LaDeDaNetwork = LaDeDaNetwork()
        self.network.bn1.momentum = 0.001  # as published, of this one alone

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        logits = self.network(batch["picture"])[:, 0]
        loss = F.binary_cross_entropy_with_logits(logits, batch["label"].to(logits))
        return {"loss": loss, "logit": logits}


class LaDeDaRecipe(Recipe[LaDeDaSettings]):
    """LaDeDa-9."""

    detector = "ladeda"
    settings_type = LaDeDaSettings
    follows = "arXiv 2406.09398 and its published training code"

    def examples(self, items: Sequence[Any], context: Context, *, train: bool) -> Examples:
        """Squares of 224."""
        del context, train
        return SqueezedPictures(items, SIDE, CROP)

    def objective(self, context: Context) -> Objective:
        """The network with its published filter."""
        del context
        return _LaDeDa()

    def schedule(self, optimiser: Optimizer, plan: Plan) -> LRScheduler:
        """Nine tenths at each plateau of the validations."""
        del plan
        return ReduceLROnPlateau(
            optimiser,
            mode="max" if self.settings.metric in {"accuracy", "auc"} else "min",
            factor=_FACTOR,
            patience=self.settings.plateau,
            threshold=-self.settings.tolerance,
            threshold_mode="abs",
        )

    def is_over(self, rate: float) -> bool:
        """At the smallest rate."""
        return rate < self.settings.least_lr


class _Tiny(Objective):
    """Mean squared error between what Tiny-LaDeDa and LaDeDa say of each patch.

    LaDeDa sees nine pixels every eight, Tiny-LaDeDa the ten by ten that begin at the same place.
    """

    def __init__(self, teacher: LaDeDaNetwork) -> None:
        super().__init__()
        self.network: TinyLaDeDaNetwork = TinyLaDeDaNetwork()
        nn.init.normal_(self.network.fc.weight, std=0.02)
        self._teacher = Frozen(_PatchMap(teacher))

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        picture = batch["picture"]
        taught = self._teacher(picture)
        said = self.network(patches(picture)).view(taught.shape)
        return {"loss": F.mse_loss(said, taught), "logit": said.flatten(1).mean(dim=1)}


class _PatchMap(nn.Module):
    def __init__(self, network: LaDeDaNetwork) -> None:
        super().__init__()
        self._network = network

    def forward(self, x: Tensor) -> Tensor:
        return self._network.patch_map(x)


def patches(pictures: Tensor, side: int = TINY_PATCH) -> Tensor:
    """Cut ``(N, 3, H, W)`` into squares every eight pixels, row by row: ``(N * count, 3, side, side)``."""
    columns = F.unfold(pictures, side, stride=STRIDE)
    return columns.transpose(1, 2).reshape(-1, 3, side, side)


class TinyRecipe(Recipe[TinySettings]):
    """Tiny-LaDeDa, taught by LaDeDa."""

    detector = "tiny_ladeda"
    settings_type = TinySettings
    follows = "arXiv 2406.09398, distillation patch by patch"

    def record(self) -> WeightsRecord:
        """With the published filter; the weights that ship have another one."""
        known = super().record()
        return known.model_copy(
            update={"preprocessing": {**known.preprocessing, "gradient": TinyLaDeDaNetwork().gradient}}
        )

    def examples(self, items: Sequence[Any], context: Context, *, train: bool) -> Examples:
        """Squares of 224, as the teacher's."""
        del context, train
        return SqueezedPictures(items, SIDE, CROP)

    def objective(self, context: Context) -> Objective:
        """The student under its teacher."""
        teacher = LaDeDaNetwork()
        if self.settings.teacher is None:
            weights.load_into(teacher, record("ladeda"), context.weights_dir)
        else:
            file = needed_file(self.settings.teacher, "teacher", "LaDeDa's weights")
            weights.fill(teacher, weights.read_file(file), file.name)
        return _Tiny(teacher)
