"""StyleFlow's first stage: the StyleGRU on how a face's StyleGAN latents change (Choi et al., CVPR 2024).

As its authors train it: triplets of two clips of one class and one of the other, binary cross entropy of all
three, and a margin between the distances of their styles. The latents come from pSp's encoder, made once and
kept on disk. The second stage, content with style, was never published.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from detectors import weights
from detectors.base import View
from detectors.ftcn_network import CLIP
from detectors.styleflow import psp_encoder
from detectors.styleflow.detector import latent_changes, resize
from detectors.styleflow.psp_encoder import LATENTS, WIDTH, PSPEncoder
from detectors.styleflow.style_gru import StyleGRU
from detectors.training.features import Features, folder_for
from detectors.training.recipe import Batch, Context, Examples, Objective, Recipe
from detectors.training.recipes.clips import Clips
from detectors.training.settings import Count, Metric, Positive, Settings
from detectors.training.view_files import ViewItem

_ENCODER = "encoder"
_MARGIN = 1.0
_LATENTS_DROPPED = 0.2


class StyleGRUSettings(Settings):
    """The published settings; ``hidden`` is the width of the GRU's states (the detector needs 4096)."""

    epochs: Count = 100
    batch: Count = 128
    lr: Positive = 5e-4
    metric: Metric = "loss"
    hidden: Count = 4096


class _Triplets:
    """A clip's changes of latents, with those of another one of its class and of one of the other class."""

    def __init__(self, rows: NDArray[Any], places: NDArray[np.int64], labels: Sequence[int]) -> None:
        self._rows, self._places, self._labels = rows, places, np.array(labels)

    def __len__(self) -> int:
        return len(self._labels)

    def get(self, index: int, rng: np.random.Generator | None) -> Batch:
        """``changes`` float32 ``(3, 31, 9216)``: anchor, positive, negative."""
        label = self._labels[index]
        same, other = (np.flatnonzero((self._labels == label) == alike) for alike in (True, False))
        draws = (0, 0) if rng is None else (rng.integers(len(same)), rng.integers(len(other)))
        chosen = self._places[[index, same[draws[0]], other[draws[1]]]]
        changes = torch.from_numpy(np.array(self._rows[chosen], dtype=np.float32))
        return {"changes": changes, "label": torch.tensor(int(label))}


class _Styles(Objective):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.network: StyleGRU = StyleGRU(hidden)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        changes = F.dropout(batch["changes"], _LATENTS_DROPPED, self.training)
        styles = self.network.style(changes.flatten(0, 1))
        logits = self.network.judge(styles).view(-1, 3)
        label = batch["label"].to(logits)
        truth = torch.stack([label, label, 1 - label], dim=1)
        anchor, positive, negative = styles.view(-1, 3, styles.shape[1]).unbind(1)
        near, far = (F.pairwise_distance(anchor, clip) for clip in (positive, negative))
        margin = F.margin_ranking_loss(near, far, -torch.ones_like(near), _MARGIN)
        loss = F.binary_cross_entropy_with_logits(logits, truth) + margin
        return {"loss": loss, "margin": margin, "logit": logits[:, 0]}


class StyleGRURecipe(Recipe[StyleGRUSettings]):
    """The StyleGRU; its file is a part of the detector ``styleflow_full``."""

    detector = "styleflow_full"
    part = "gru"
    view = View.FACE_CLIPS
    settings_type = StyleGRUSettings
    follows = "jongwook-Choi/StyleFlow, stage 1"

    def encoder(self, context: Context) -> PSPEncoder:
        """The encoder of pSp from the weights store."""
        with torch.device("meta"):
            network = PSPEncoder()
        weights.load_into(network, self.record(), context.weights_dir, part=_ENCODER)
        return network

    def examples(self, items: Sequence[ViewItem], context: Context, *, train: bool) -> Examples:
        """Changes of the latents of each clip."""
        del train
        file = weights.find(self.record().part(_ENCODER), context.weights_dir)
        folder = folder_for(context.cache, "latents", weights.digest(file))
        features = Features(folder, (CLIP - 1, LATENTS * WIDTH))
        keys = [item.key for item in items]
        clips = Clips(items, lambda clip: resize(clip, psp_encoder.SIDE))
        loaded: list[PSPEncoder] = []

        @torch.inference_mode()
        def compute(places: Sequence[int]) -> NDArray[np.generic]:
            if not loaded:
                loaded.append(self.encoder(context).eval().to(context.device))
            found = [
                latent_changes(loaded[0], clips.get(place, None)["clip"].to(context.device))
                for place in places
            ]
            rows: NDArray[np.generic] = torch.cat(found).cpu().numpy()
            return rows

        features.complete(keys, compute, 1, "latents of clips")
        return _Triplets(*features.rows(keys), [item.label for item in items])

    def objective(self, context: Context) -> Objective:
        """The GRU with its triplets."""
        del context
        return _Styles(self.settings.hidden)
