"""DeepFakeDefenders: seven networks of two families, their probabilities averaged (first of Multi-FFDI 2024).

The published files are two: the networks as training left them, and the moving averages of their parameters,
which is what judges. The batch normalisations' statistics are those of the first file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from detectors import pixels, torchvision_cpu, weights
from detectors.errors import WeightsMismatch
from detectors.frame_detector import FrameDetector
from detectors.record import WeightsRecord

SIDE = 512
AVERAGES = "averages"
EXPERTS = (
    *("convnextv2_tiny", "convnextv2_tiny"),
    *("tf_efficientnet_b4", "tf_efficientnet_b4"),
    *("tf_efficientnet_b5", "tf_efficientnet_b5"),
    "tf_efficientnet_b6",
)


class Expert(nn.Module):
    """One network, by its name in timm, with the classes real and fake."""

    def __init__(self, name: str) -> None:
        super().__init__()
        torchvision_cpu.prepare()
        import timm

        self.baseline_extractor = timm.create_model(name, pretrained=False, num_classes=2)

    def forward(self, x: Tensor) -> Tensor:
        """Map ImageNet-normalised RGB ``(N, 3, H, W)`` to logits of real and fake, ``(N, 2)``."""
        logits: Tensor = self.baseline_extractor(x)
        return logits


class DeepFakeDefendersNetwork(nn.ModuleList):
    """The experts, in the published order."""

    def __init__(self, names: Sequence[str] = EXPERTS) -> None:
        super().__init__(Expert(name) for name in names)

    def forward(self, x: Tensor) -> Tensor:
        """Map ImageNet-normalised RGB ``(N, 3, 512, 512)`` to each expert's logits, ``(N, experts, 2)``."""
        return torch.stack([expert(x) for expert in self], dim=1)


class DeepFakeDefenders(FrameDetector):
    """DeepFakeDefenders on pictures squeezed into 512 x 512 pixels."""

    names: ClassVar[Sequence[str]] = EXPERTS

    @classmethod
    def build(cls) -> nn.Module:
        """Return the network without weights."""
        return DeepFakeDefendersNetwork(cls.names)

    @classmethod
    def load(cls, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None) -> Self:
        """As `FrameDetector.load`; the averages are told apart by their place among the network's parameters.

        Raises:
            WeightsError: see `weights.load_into`, and `WeightsMismatch` for averages of other networks.
        """
        state = weights.read(record, weights_dir)
        averages = weights.read(record, weights_dir, part=AVERAGES)
        with torch.device("meta"):
            network = cls.build()
        replaced = averaged(network, averages, record.parts[AVERAGES].name)
        weights.fill(network, {**state, **replaced}, record.file.name)
        return cls(network, record, device)

    def prepare(self, frames: Tensor) -> Tensor:
        """Normalise as ImageNet and then squeeze into a square, antialiased, without rounding to bytes."""
        resized = [
            F.interpolate(
                pixels.normalise(frame[None], pixels.IMAGENET_MEAN, pixels.IMAGENET_STD),
                size=(SIDE, SIDE),
                mode="bilinear",
                antialias=True,
            )
            for frame in frames
        ]
        return torch.cat(resized)

    def logit(self, output: Tensor) -> Tensor:
        """Map the experts' logits ``(N, experts, 2)`` to that of their mean probability, finite always."""
        margins = output[..., 1] - output[..., 0]
        fake, real = (F.logsigmoid(sign * margins).logsumexp(dim=1) for sign in (1, -1))
        return fake - real


def averaged(network: nn.Module, averages: Mapping[str, Tensor], origin: str) -> dict[str, Tensor]:
    """Return the averages by the names of the parameters whose place they take.

    Args:
        averages: the published lists, flat: ``<expert>.shadow_params.<position>``, the position being the one
            among the expert's parameters. What else is stored of the averaging is passed over.
        origin: the file's name, for the message.

    Raises:
        WeightsMismatch: they are not as many as there are parameters.
    """
    names = [
        (f"{number}.shadow_params.{position}", f"{number}.{name}")
        for number, expert in network.named_children()
        for position, (name, _) in enumerate(expert.named_parameters())
    ]
    stored = {name for name in averages if ".shadow_params." in name}
    if stored != {name for name, _ in names}:
        raise WeightsMismatch(
            f"{origin} has averages of {len(stored)} parameters; {len(names)} are needed, named as in "
            "0.shadow_params.0"
        )
    return {name: averages[position] for position, name in names}
