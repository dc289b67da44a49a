"""Tiny-LaDeDa: 1 297 parameters that look at how neighbouring pixels differ (arXiv 2406.09398).

The network is the published one and loads the published weights unchanged; the weights that ship are our own.
The published preprocessing squeezes every picture into 256 x 256. That destroys the very traces that the
network looks for, so this detector never resizes: it crops.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self, cast

from torch import Tensor, nn

from detectors import gradients, pixels, weights
from detectors.frame_detector import FrameDetector
from detectors.gradients import Gradient
from detectors.record import WeightsRecord

WIDTH = 8
STILL_SIDE = 768
FRAME_SIDE = 256


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


def centre_crop(frames: Tensor, side: int) -> Tensor:
    """Cut the central `side` pixels of ``(N, H, W, 3)``; a shorter side stays, less one pixel if odd."""
    height, width = (min(length, side) // 2 * 2 for length in frames.shape[1:3])
    top, left = (frames.shape[1] - height) // 2, (frames.shape[2] - width) // 2
    return frames[:, top : top + height, left : left + width]


class TinyLaDeDa(FrameDetector):
    """Tiny-LaDeDa on pictures and on sampled video frames.

    A still picture is judged by its central 768 x 768 pixels at once (the network is fully convolutional:
    this equals the mean over patches), a video by the central 256 x 256 of each frame, logits averaged.
    """

    @classmethod
    def build(cls) -> nn.Module:
        """Return the network without weights, with the published filter."""
        return TinyLaDeDaNetwork()

    @classmethod
    def load(cls, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None) -> Self:
        """As `FrameDetector.load`, with the filter that the record names.

        Raises:
            WeightsError: see `weights.load_into`.
        """
        network = TinyLaDeDaNetwork(cast(Gradient, record.preprocessing["gradient"]))
        weights.load_into(network, record, weights_dir)
        return cls(network, record, device)

    def prepare(self, frames: Tensor) -> Tensor:
        """Crop and normalise frames: float32 ``(N, 3, h, w)``, h and w even, 64 to 768."""
        crops = centre_crop(frames, STILL_SIDE if len(frames) == 1 else FRAME_SIDE)
        return pixels.normalise(crops.to(self._device), pixels.IMAGENET_MEAN, pixels.IMAGENET_STD)
