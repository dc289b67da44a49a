"""NPR: a truncated ResNet-50 over neighbouring pixel relations (CVPR 2024, arXiv 2312.10461).

Preprocessing is the published one, which squeezes every picture into 256 x 256.
"""

from __future__ import annotations

from PIL import Image
from torch import Tensor, nn

from detectors import gradients, pixels
from detectors.frame_detector import FrameDetector
from detectors.resnet import TruncatedResNet50

SIDE = 256


class NPRNetwork(TruncatedResNet50):
    """The network alone."""

    def __init__(self) -> None:
        super().__init__(classes=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ImageNet-normalised RGB ``(N, 3, H, W)``, H and W even, to one logit each, ``(N, 1)``;
        positive = fake.
        """
        return super().forward(gradients.apply(x, "NPR") * (2 / 3))


class NPR(FrameDetector):
    """NPR on pictures."""

    @classmethod
    def build(cls) -> nn.Module:
        """Return the network without weights."""
        return NPRNetwork()

    def prepare(self, frames: Tensor) -> Tensor:
        """Squeeze into 256 x 256 (bilinear) and normalise: float32 ``(N, 3, 256, 256)``."""
        squeezed = pixels.squeeze(frames, SIDE, Image.Resampling.BILINEAR)
        return pixels.normalise(squeezed, pixels.IMAGENET_MEAN, pixels.IMAGENET_STD)
