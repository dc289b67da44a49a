"""Tiny-LaDeDa: 1 297 parameters that look at how neighbouring pixels differ (arXiv 2406.09398).

The network is the published one and loads the published weights unchanged; the weights that ship are our own.
The published preprocessing squeezes every picture into 256 x 256. That destroys the very traces that the
network looks for, so this detector never resizes: it crops.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from detectors import gradients, weights
from detectors.base import Detector, Output, View
from detectors.errors import NotApplicable
from detectors.gradients import Gradient
from detectors.record import WeightsRecord

WIDTH = 8
MIN_SIDE = 64
STILL_SIDE = 768
FRAME_SIDE = 256
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


class _Block(nn.Module):
    """1 x 1 and strided 3 x 3 convolutions without padding and, unlike a bottleneck, without a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(WIDTH, WIDTH, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH)
        self.conv2 = nn.Conv2d(WIDTH, WIDTH, 3, stride=2, bias=False)
        self.bn2 = nn.BatchNorm2d(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.relu(self.bn1(self.conv1(x)))
        return nn.functional.relu(self.bn2(self.conv2(x)))


class TinyLaDeDaNetwork(nn.Module):
    """The network alone.

    Args:
        gradient: the filter applied to the normalised picture before the first convolution.
    """

    def __init__(self, gradient: Gradient = "right_diag") -> None:
        super().__init__()
        self.gradient: Gradient = gradient
        self.conv1 = nn.Conv2d(3, WIDTH, 1, bias=False)
        self.conv2 = nn.Conv2d(WIDTH, WIDTH, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH)
        self.layer1 = nn.Sequential(_Block())
        self.fc = nn.Linear(WIDTH, 1)

    def _features(self, x: Tensor) -> Tensor:
        x = gradients.apply(x, self.gradient)
        x = nn.functional.relu(self.bn1(self.conv2(self.conv1(x))))
        features: Tensor = self.layer1(x)
        return features

    def pool(self, x: Tensor) -> Tensor:
        """Map ImageNet-normalised RGB ``(N, 3, H, W)`` to the average features of its patches, ``(N, 8)``."""
        features = self._features(x)
        # Pooled as published: `mean` sums in another order, which the larger published weights show.
        return nn.functional.avg_pool2d(features, features.shape[2:]).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ImageNet-normalised RGB ``(N, 3, H, W)`` to one logit each, ``(N, 1)``; positive = fake."""
        logits: Tensor = self.fc(self.pool(x))
        return logits

    def patch_map(self, x: Tensor) -> Tensor:
        """Return each patch's logit, ``(N, 1, H / 2 - 2, W / 2 - 2)``; their mean is the picture's."""
        logits: Tensor = self.fc(self._features(x).movedim(1, -1))
        return logits.movedim(-1, 1)


def normalise(pixels: Tensor) -> Tensor:
    """Map uint8 RGB ``(N, 3, H, W)`` to float32 with ImageNet's mean and deviation."""
    mean = torch.tensor(_MEAN, device=pixels.device).view(3, 1, 1)
    std = torch.tensor(_STD, device=pixels.device).view(3, 1, 1)
    return (pixels.float() / 255 - mean) / std


def centre_crop(frames: Tensor, side: int) -> Tensor:
    """Cut the central `side` pixels of ``(N, H, W, 3)``; a shorter side stays, less one pixel if odd."""
    height, width = (min(length, side) // 2 * 2 for length in frames.shape[1:3])
    top, left = (frames.shape[1] - height) // 2, (frames.shape[2] - width) // 2
    return frames[:, top : top + height, left : left + width]


class TinyLaDeDa(Detector):
    """Tiny-LaDeDa on pictures and on sampled video frames.

    A still picture is judged by its central 768 x 768 pixels at once (the network is fully convolutional:
    this equals the mean over patches), a video by the central 256 x 256 of each frame, logits averaged.
    """

    view = View.FRAMES

    def __init__(self, network: TinyLaDeDaNetwork, record: WeightsRecord, device: str = "cpu") -> None:
        self.record = record
        self._device = torch.device(device)
        self._network = network.eval().to(self._device)
        # Twice as fast on a CPU; a batch cut from ``(N, H, W, 3)`` has this layout already.
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def load(cls, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None) -> TinyLaDeDa:
        """Build the network that the record describes and fill it.

        Raises:
            WeightsError: see `weights.load_into`.
        """
        network = TinyLaDeDaNetwork(cast(Gradient, record.preprocessing["gradient"]))
        weights.load_into(network, record, weights_dir)
        return cls(network, record, device)

    def preprocess(self, view: Tensor) -> Tensor:
        """Crop and normalise frames: float32 ``(N, 3, h, w)`` on the detector's device, h and w even, 64 to
        768.

        Raises:
            NotApplicable: no frame, or a side shorter than 64 pixels.
        """
        count, height, width = view.shape[:3]
        if count == 0:
            raise NotApplicable("no frame of this medium could be read")
        if min(height, width) < MIN_SIDE:
            raise NotApplicable(
                f"the picture is too small to judge ({width} x {height} pixels; at least {MIN_SIDE} each way)"
            )
        crops = centre_crop(view, STILL_SIDE if count == 1 else FRAME_SIDE)
        return normalise(crops.to(self._device).permute(0, 3, 1, 2))

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        """Return one logit per picture or frame, float32 ``(len(batch),)``."""
        logits: Tensor = self._network(batch)[:, 0]
        return logits

    def reduce(self, logits: Tensor) -> Output:
        """Average the logits; several frames leave their own scores as ``frame_scores`` in the evidence."""
        score = float(torch.sigmoid(logits.double().mean()))
        if len(logits) == 1:
            return Output(score)
        return Output(score, {"frame_scores": [round(p, 4) for p in torch.sigmoid(logits).tolist()]})
