"""Bottleneck residual blocks (arXiv 1512.03385) with the stride in the middle convolution, as torchvision's.

Three detectors of low-level traces are built of them; their state-dict names are torchvision's.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

EXPANSION = 4


class Bottleneck(nn.Module):
    """1 x 1, k x k and 1 x 1 convolutions beside a shortcut.

    Args:
        channels: those of the input.
        width: of the middle convolution; the output has four times as many channels.
        kernel: side of the middle convolution.
        padding: its zero padding. Without any the shortcut is the larger one, and loses its last rows and
            columns.
    """

    def __init__(self, channels: int, width: int, stride: int = 1, kernel: int = 3, padding: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, kernel, stride, padding, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * EXPANSION, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * EXPANSION)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels != width * EXPANSION:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, width * EXPANSION, 1, stride, bias=False),
                nn.BatchNorm2d(width * EXPANSION),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, channels, H, W)`` to ``(N, 4 width, h, w)``."""
        shortcut: Tensor = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        return F.relu(x + shortcut[..., : x.shape[-2], : x.shape[-1]])


class TruncatedResNet50(nn.Module):
    """ResNet-50 without its last two stages: 1.4 of 23.5 million parameters, and only fine traces.

    Args:
        classes: outputs of the last layer.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = nn.Sequential(Bottleneck(64, 64), *(Bottleneck(256, 64) for _ in range(2)))
        self.layer2 = nn.Sequential(Bottleneck(256, 128, stride=2), *(Bottleneck(512, 128) for _ in range(3)))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map a residual ``(N, 3, H, W)`` to logits ``(N, classes)``."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.avgpool(self.layer2(self.layer1(x)))
        logits: Tensor = self.fc1(x.flatten(1))
        return logits
