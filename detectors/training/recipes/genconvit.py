"""GenConViT's two networks, each trained alone on face crops (arXiv 2307.07036, the published training code).

Adam, the rate divided by ten every fifteen epochs, cross entropy; network B is also to give its input back.
The published backbones start from ImageNet weights: name a file of timm's ``convnext_tiny`` by
``--set backbone=FILE``, or begin from trained weights by ``--from``. Without either they start at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, StepLR

from detectors import pixels, weights
from detectors.area_resize import area_resize
from detectors.base import View
from detectors.genconvit import GenConViTEdNetwork, GenConViTVaeNetwork
from detectors.genconvit.detector import SIDE
from detectors.genconvit.vae import LATENT
from detectors.training import augment, view_files
from detectors.training.recipe import Batch, Context, Examples, Objective, Plan, Recipe, needed_file
from detectors.training.settings import Count, Metric, Positive, Settings, Weight
from detectors.training.view_files import ViewItem


class GenConViTSettings(Settings):
    """The published settings; how many epochs is left to the user there. ``backbone``: see the module."""

    epochs: Count = 30
    batch: Count = 32
    lr: Positive = 1e-4
    weight_decay: Weight = 1e-4
    metric: Metric = "accuracy"
    backbone: Path | None = None
    decay_epochs: Count = 15


class _Faces:
    """Face crops, 224 x 224, normalised as ImageNet's."""

    def __init__(self, items: Sequence[ViewItem], *, train: bool) -> None:
        self._items, self._train = items, train

    def __len__(self) -> int:
        return len(self._items)

    def get(self, index: int, rng: np.random.Generator | None) -> Batch:
        """``face`` float32 ``(3, 224, 224)``."""
        item = self._items[index]
        crop = area_resize(view_files.read(item, View.FACES)[None], SIDE, SIDE)
        if self._train and rng is not None:
            crop = torch.from_numpy(augment.genconvit(crop[0].numpy(), rng))[None]
        face = pixels.normalise(crop, pixels.IMAGENET_MEAN, pixels.IMAGENET_STD)[0]
        return {"face": face, "label": torch.tensor(item.label)}


def _classified(logits: Tensor, label: Tensor) -> dict[str, Tensor]:
    """Cross entropy of logits (fake, real)."""
    return {"loss": F.cross_entropy(logits, 1 - label), "logit": logits[:, 0] - logits[:, 1]}


class _Ed(Objective):
    def __init__(self) -> None:
        super().__init__()
        self.network: GenConViTEdNetwork = GenConViTEdNetwork()

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return _classified(self.network(batch["face"]), batch["label"])


class _Vae(Objective):
    def __init__(self) -> None:
        super().__init__()
        self.network: GenConViTVaeNetwork = GenConViTVaeNetwork()

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        face = batch["face"]
        noise = torch.randn(len(face), LATENT, device=face.device) if self.training else None
        reconstructed = self.network.reconstruct(face, noise)
        found = _classified(self.network.classify(face, reconstructed), batch["label"])
        enlarged = F.interpolate(reconstructed, size=face.shape[2:], mode="bilinear", antialias=True)
        found["reconstruction"] = F.mse_loss(enlarged, face)
        found["loss"] = found["loss"] + found["reconstruction"]
        return found


class _GenConViT(Recipe[GenConViTSettings]):
    view = View.FACES
    settings_type = GenConViTSettings

    def examples(self, items: Sequence[Any], context: Context, *, train: bool) -> Examples:
        """Face crops, augmented as published when trained on."""
        del context
        return _Faces(items, train=train)

    def schedule(self, optimiser: Optimizer, plan: Plan) -> LRScheduler:
        """A tenth every fifteen epochs."""
        return StepLR(optimiser, self.settings.decay_epochs * plan.epoch, gamma=0.1)

    def is_from_scratch(self) -> bool:
        """Unless the backbone's weights are somebody's."""
        return self.settings.backbone is None

    def _with_backbone(self, objective: Objective, backbone: nn.Module) -> Objective:
        if self.settings.backbone is not None:
            file = needed_file(self.settings.backbone, "backbone", "timm's convnext_tiny")
            weights.fill(backbone, weights.read_file(file), file.name)
        return objective


class EdRecipe(_GenConViT):
    """Network A."""

    detector = "genconvit_ed"
    follows = "arXiv 2307.07036 and its published training code, network A"

    def objective(self, context: Context) -> Objective:
        """Autoencoder and ConvNeXt."""
        del context
        made = _Ed()
        return self._with_backbone(made, made.network.backbone)


class VaeRecipe(_GenConViT):
    """Network B."""

    detector = "genconvit_vae"
    follows = "arXiv 2307.07036 and its published training code, network B"

    def objective(self, context: Context) -> Objective:
        """Variational autoencoder and ConvNeXt."""
        del context
        made = _Vae()
        return self._with_backbone(made, made.network.convnext_backbone)
