"""DistilDIRE's student (arXiv 2406.00856): a ResNet-50 taught an ImageNet network's features of DIRE images.

Loss: binary cross entropy, and the mean squared error to the teacher's features. Each picture passes ADM's
U-Net beforehand, 41 times, once for all epochs: seconds on a GPU, minutes on a processor. What it leaves is
kept on disk in 16 bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from detectors import adm_unet, torchvision_cpu, weights
from detectors.adm_unet import ADMUNet, one_step_noise
from detectors.distildire import SIDE, DistilDIREStudent, resize, student_input
from detectors.training import dataset
from detectors.training.dataset import Item
from detectors.training.dire import dire_image, reconstruct
from detectors.training.features import Features, folder_for
from detectors.training.recipe import Batch, Context, Examples, Frozen, Objective, Recipe, needed_file
from detectors.training.settings import Count, Metric, Positive, Settings, Weight

_UNET = "unet"
_CHANNELS = 9  # picture and noise, and the DIRE image


class DistilDIRESettings(Settings):
    """The published settings. ``teacher`` is a file of torchvision's ResNet-50 with ImageNet weights (the
    second set, as published); ``kd_weight`` the weight of its features in the loss, 0: no teacher.
    """

    epochs: Count = 50
    batch: Count = 128
    lr: Positive = 1e-4
    metric: Metric = "accuracy"
    teacher: Path | None = None
    kd_weight: Weight = 1.0


class _Rounds:
    """What the U-Net left of each picture."""

    def __init__(self, rows: NDArray[Any], places: NDArray[np.int64], labels: Sequence[int]) -> None:
        self._rows, self._places, self._labels = rows, places, labels

    def __len__(self) -> int:
        return len(self._labels)

    def get(self, index: int, rng: np.random.Generator | None) -> Batch:
        """``input`` ``(6, 224, 224)`` and ``dire`` ``(3, 224, 224)`` in [-1, 1], float32."""
        del rng
        row = torch.from_numpy(np.array(self._rows[self._places[index]], dtype=np.float32))
        return {"input": row[:6], "dire": row[6:], "label": torch.tensor(self._labels[index])}


class _Distillation(Objective):
    def __init__(self, teacher: nn.Module | None, kd_weight: float) -> None:
        super().__init__()
        self.network: DistilDIREStudent = DistilDIREStudent()
        self._teacher = None if teacher is None else Frozen(teacher)
        self._kd_weight = kd_weight

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        features = self.network.student_backbone(batch["input"])
        logits = self.network.student_head(features)[:, 0]
        loss = F.binary_cross_entropy_with_logits(logits, batch["label"].to(logits))
        found = {"loss": loss, "logit": logits}
        if self._teacher is not None:
            found["distillation"] = F.mse_loss(features, self._teacher(batch["dire"]))
            found["loss"] = loss + self._kd_weight * found["distillation"]
        return found


class DistilDIRERecipe(Recipe[DistilDIRESettings]):
    """The student."""

    detector = "distildire"
    settings_type = DistilDIRESettings
    min_side = 64
    follows = "arXiv 2406.00856, as truemediaorg/ml-models trains it"

    def unet(self, context: Context) -> ADMUNet:
        """ADM's U-Net from the weights store."""
        with torch.device("meta"):
            network = ADMUNet()
        weights.load_into(network, self.record(), context.weights_dir, part=_UNET)
        return network

    def examples(self, items: Sequence[Item], context: Context, *, train: bool) -> Examples:
        """One-step noise and DIRE image of each picture."""
        del train
        known = self.record().part(_UNET)
        made_by = weights.digest(weights.find(known, context.weights_dir))
        folder = folder_for(context.cache, "dire", made_by)
        features = Features(folder, (_CHANNELS, SIDE, SIDE), np.float16)
        keys = [item.key for item in items]
        loaded: list[ADMUNet] = []

        def compute(places: Sequence[int]) -> NDArray[np.generic]:
            if not loaded:
                loaded.append(self.unet(context).eval().to(context.device))
            rows = [round_trip(loaded[0], items[place], context.device) for place in places]
            return np.stack(rows)

        features.complete(keys, compute, 1, "diffusion round trips")
        return _Rounds(*features.rows(keys), [item.label for item in items])

    def objective(self, context: Context) -> Objective:
        """The student, under its teacher."""
        del context
        teacher = None
        if self.settings.kd_weight:
            file = needed_file(
                self.settings.teacher, "teacher", "torchvision's resnet50 (or set kd_weight=0)"
            )
            teacher = imagenet_resnet50(weights.read_file(file), file.name)
        return _Distillation(teacher, self.settings.kd_weight)


@torch.inference_mode()
def round_trip(network: ADMUNet, item: Item, device: torch.device) -> NDArray[np.float16]:
    """Return picture, one-step noise and DIRE image of an item, ``(9, 224, 224)``."""
    pixels = torch.from_numpy(np.array(dataset.read(item.path))).to(device)
    picture = resize(pixels.permute(2, 0, 1)[None].float() / 255 * 2 - 1, adm_unet.SIDE)
    both = student_input(picture, one_step_noise(network, picture))
    dire = resize(dire_image(picture, reconstruct(network, picture)).float() / 255 * 2 - 1, SIDE)
    rows: NDArray[np.float16] = torch.cat([both, dire], dim=1)[0].half().cpu().numpy()
    return rows


def imagenet_resnet50(state: Mapping[str, Tensor], origin: str) -> nn.Module:
    """Build ResNet-50 without its classifier, ``(N, 3, 224, 224)`` to ``(N, 2048, 7, 7)``, and fill it.

    Raises:
        WeightsMismatch: other tensors than torchvision's.
    """
    torchvision_cpu.prepare()
    import timm

    network: nn.Module = timm.create_model("resnet50", pretrained=False, num_classes=0, global_pool="")
    weights.fill(network, {name: t for name, t in state.items() if not name.startswith("fc.")}, origin)
    return network
