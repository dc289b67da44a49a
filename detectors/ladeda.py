"""LaDeDa-9: a ResNet that sees nine pixels at once, over neighbouring pixel relations (arXiv 2406.09398).

Preprocessing is the published one, which squeezes every picture into 256 x 256.
"""

from __future__ import annotations

from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from detectors import gradients, pixels
from detectors.frame_detector import FrameDetector
from detectors.gradients import Gradient
from detectors.resnet import EXPANSION, Bottleneck

SIDE = 256


def _stage(channels: int, width: int, blocks: int, stride: int, kernel: int) -> nn.Sequential:
    """Bottlenecks without padding, of which only the first may look at more than one pixel."""
    first = Bottleneck(channels, width, stride, kernel, padding=0)
    rest = (Bottleneck(width * EXPANSION, width, kernel=1, padding=0) for _ in range(blocks - 1))
    return nn.Sequential(first, *rest)


class LaDeDaNetwork(nn.Module):
    """The network alone.

    Args:
        gradient: the filter applied to the normalised picture before the first convolution.
    """

    def __init__(self, gradient: Gradient = "NPR") -> None:
        super().__init__()
        self.gradient: Gradient = gradient
        self.conv1 = nn.Conv2d(3, 64, 1, bias=False)
        self.conv2 = nn.Conv2d(64, 64, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _stage(64, 64, blocks=3, stride=2, kernel=3)
        self.layer2 = _stage(256, 128, blocks=4, stride=2, kernel=3)
        self.layer3 = _stage(512, 256, blocks=6, stride=2, kernel=1)
        self.layer4 = _stage(1024, 512, blocks=3, stride=1, kernel=1)
        self.fc = nn.Linear(2048, 1)

    def _features(self, x: Tensor) -> Tensor:
        x = gradients.apply(x, self.gradient)
        x = F.relu(self.bn1(self.conv2(self.conv1(x))))
        features: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return features

    def forward(self, x: Tensor) -> Tensor:
        """Map ImageNet-normalised RGB ``(N, 3, H, W)`` to one logit each, ``(N, 1)``; positive = fake."""
        features = self._features(x)
        pooled = F.avg_pool2d(features, features.shape[2:])
        logits: Tensor = self.fc(pooled.flatten(1))
        return logits

    def patch_map(self, x: Tensor) -> Tensor:
        """Return each 9 x 9 patch's logit, ``(N, 1, h, w)``; their mean is the picture's."""
        logits: Tensor = self.fc(self._features(x).movedim(1, -1))
        return logits.movedim(-1, 1)


class LaDeDa(FrameDetector):
    """LaDeDa-9 on pictures."""

    @classmethod
    def build(cls) -> nn.Module:
        """Return LaDeDa-9 with its published filter, NPR."""
        return LaDeDaNetwork()

    def prepare(self, frames: Tensor) -> Tensor:
        """Squeeze into 256 x 256 (bilinear) and normalise: float32 ``(N, 3, 256, 256)``."""
        squeezed = pixels.squeeze(frames, SIDE, Image.Resampling.BILINEAR)
        return pixels.normalise(squeezed, pixels.IMAGENET_MEAN, pixels.IMAGENET_STD)
