"""GenConViT's network A: an autoencoder and one ConvNeXt that sees its output and its input."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from detectors.genconvit.backbone import CLASSES, convnext_tiny

_CHANNELS = (3, 16, 32, 64, 128, 256)


class _Encoder(nn.Module):
    """``(N, 3, 224, 224)`` to ``(N, 256, 7, 7)``."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise(_CHANNELS):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.features(x)
        return features


class _Decoder(nn.Module):
    """``(N, 256, 7, 7)`` to a picture ``(N, 3, 224, 224)`` that is never negative."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise(reversed(_CHANNELS)):
            layers += [nn.ConvTranspose2d(before, after, 2, stride=2), nn.ReLU()]
        self.features = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        picture: Tensor = self.features(z)
        return picture


class GenConViTEdNetwork(nn.Module):
    """30 157 753 parameters, all of them live.

    The published checkpoint holds as many again (`dead` in the record): a Swin transformer, twice, that the
    ConvNeXt was meant to use as its patch embedding and never calls.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _Encoder()
        self.decoder = _Decoder()
        self.backbone = convnext_tiny()
        self.fc = nn.Linear(2 * CLASSES, 500)
        self.fc2 = nn.Linear(500, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map ImageNet-normalised RGB ``(N, 3, 224, 224)`` to logits ``(N, 2)``: fake, real."""
        decoded = self.backbone(self.decoder(self.encoder(x)))
        both = F.gelu(torch.cat([decoded, self.backbone(x)], dim=1))
        logits: Tensor = self.fc2(F.gelu(self.fc(both)))
        return logits
