"""GenConViT's network B: a variational autoencoder and one ConvNeXt that sees its input and its output."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from detectors.genconvit.backbone import CLASSES, convnext_tiny

LATENT = 12544
_FEATURES = 128 * 14 * 14


class _Encoder(nn.Module):
    """``(N, 3, 224, 224)`` to a latent vector ``(N, 12544)``."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((3, 16), (16, 32), (32, 64), (64, 128)):
            layers += [
                nn.Conv2d(before, after, 3, stride=2, padding=1),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(),
            ]
        self.features = nn.Sequential(*layers)
        self.mu = nn.Linear(_FEATURES, LATENT)

    def forward(self, x: Tensor, noise: Tensor | None) -> Tensor:
        mu: Tensor = self.mu(self.features(x).flatten(1))
        if noise is None:
            return mu
        # As published: the mean doubles as the log-variance, the head trained for that is never asked.
        return noise * torch.exp(0.5 * mu) + mu


class _Decoder(nn.Module):
    """A latent vector ``(N, 12544)`` to a picture of half the size, ``(N, 3, 112, 112)``."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((256, 64), (64, 32), (32, 16), (16, 3)):
            layers += [nn.ConvTranspose2d(before, after, 2, stride=2), nn.LeakyReLU()]
        self.features = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        picture: Tensor = self.features(z.view(-1, 256, 7, 7))
        return picture


class GenConViTVaeNetwork(nn.Module):
    """344 481 049 parameters, all of them live; 315 million are the layer `encoder.mu`.

    The published checkpoint holds as many again (`dead` in the record): a second such layer, three others and
    a Swin transformer, none of which reaches the output.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _Encoder()
        self.decoder = _Decoder()
        self.convnext_backbone = convnext_tiny()
        self.fc = nn.Linear(2 * CLASSES, 500)
        self.fc2 = nn.Linear(500, 2)

    def reconstruct(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """Map ImageNet-normalised RGB ``(N, 3, 224, 224)`` to the decoder's picture, ``(N, 3, 112, 112)``."""
        picture: Tensor = self.decoder(self.encoder(x, noise))
        return picture

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """Map ImageNet-normalised RGB ``(N, 3, 224, 224)`` to logits ``(N, 2)``: fake, real.

        Args:
            noise: standard normal ``(N, 12544)``, drawn afresh by the published code at each prediction;
                without it the latent vector is the distribution's mean.
        """
        return self.classify(x, self.reconstruct(x, noise))

    def classify(self, x: Tensor, reconstructed: Tensor) -> Tensor:
        """Map the input and what the decoder made of it to logits ``(N, 2)``: fake, real."""
        both = torch.cat([self.convnext_backbone(x), self.convnext_backbone(reconstructed)], dim=1)
        logits: Tensor = self.fc2(F.relu(self.fc(F.relu(both))))
        return logits
