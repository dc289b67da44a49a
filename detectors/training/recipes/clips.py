"""FTCN and StyleFlow's content network on clips of tracked and aligned faces (arXiv 2108.06693; CVPR 2024).

Both are one network and one loss; they differ in how clips are resized, in batch and in how scores of clips
are put together afterwards. The published trainer augments nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from detectors.base import View
from detectors.ftcn import normalise, resize
from detectors.ftcn_network import CLIP, SIDE, FTCNNetwork
from detectors.styleflow.detector import resize as resize_as_styleflow
from detectors.training import view_files
from detectors.training.recipe import Batch, Context, Examples, Objective, Recipe
from detectors.training.settings import Count, Metric, Positive, Precision, Settings, Share
from detectors.training.view_files import ViewItem


class ClipSettings(Settings):
    """The published settings; ``freeze`` trains only what reads the time steps, the transformer."""

    epochs: Count = 20
    batch: Count = 6
    lr: Positive = 3e-4
    metric: Metric = "loss"
    holdout: Share = 0.2
    freeze: bool = False


class StyleFlowSettings(ClipSettings):
    """As published for the content network."""

    batch: Count = 16


class Clips:
    """Clips as uint8; they are normalised with the batch, for memory.

    ``size`` maps uint8 ``(N, 3, 32, S, S)`` to the network's side.
    """

    def __init__(self, items: Sequence[ViewItem], size: Callable[[Tensor], Tensor]) -> None:
        self._items, self._size = items, size

    def __len__(self) -> int:
        return len(self._items)

    def get(self, index: int, rng: np.random.Generator | None) -> Batch:
        """``clip`` uint8 ``(3, 32, side, side)``.

        Raises:
            ValueError: a clip of less than 32 frames.
        """
        del rng
        item = self._items[index]
        frames = view_files.read(item, View.FACE_CLIPS)
        if len(frames) < CLIP:
            raise ValueError(f"{item.path} has clips of {len(frames)} frames; {CLIP} are needed")
        clip = self._size(frames[None, :CLIP].permute(0, 4, 1, 2, 3))[0]
        return {"clip": clip.contiguous(), "label": torch.tensor(item.label)}


class _Content(Objective):
    def __init__(self) -> None:
        super().__init__()
        self.network = FTCNNetwork()

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        logits = self.network(normalise(batch["clip"]))[:, 0]
        return {
            "loss": F.binary_cross_entropy_with_logits(logits, batch["label"].to(logits)),
            "logit": logits,
        }


class FTCNRecipe(Recipe[ClipSettings]):
    """FTCN."""

    detector = "ftcn"
    view = View.FACE_CLIPS
    settings_type = ClipSettings
    cuda_precision: ClassVar[Precision] = "16-mixed"
    follows = "arXiv 2108.06693, trained as truemediaorg/ml-models does"

    def examples(self, items: Sequence[Any], context: Context, *, train: bool) -> Examples:
        """Clips of 224 x 224."""
        del context, train
        return Clips(items, self._resize)

    def objective(self, context: Context) -> Objective:
        """The whole network, or its transformer alone."""
        del context
        made = _Content()
        if self.settings.freeze:
            for name, parameter in made.network.named_parameters():
                parameter.requires_grad_("head" in name)
        return made

    @staticmethod
    def _resize(clips: Tensor) -> Tensor:
        return resize(clips, SIDE)


class StyleFlowRecipe(FTCNRecipe):
    """StyleFlow as served: its content network alone."""

    detector = "styleflow"
    settings_type = StyleFlowSettings
    follows = "StyleFlow (CVPR 2024), the content network with the published settings"

    @staticmethod
    def _resize(clips: Tensor) -> Tensor:
        return resize_as_styleflow(clips, SIDE)
