"""A small critic of patches that autoencoders are trained against.

Errors of pixels alone leave reconstructions blurred: the mean of all likely fine detail costs least. The
critic learns to tell photographs from reconstructions by patches (Isola et al., 2017, arXiv 1611.07004; with
the hinge loss, as Esser et al., 2021, arXiv 2012.09841), and the autoencoder to leave it nothing to go by.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LEARNING_RATE = 4e-4


class Opponent:
    """A critic of patches of 16 pixels, with its own optimiser."""

    def __init__(self) -> None:
        self._critic = nn.Sequential(
            nn.Conv2d(3, 24, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(24, 48, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(48, 1, 3, padding=1),
        )
        self._optimiser = torch.optim.Adam(self._critic.parameters(), _LEARNING_RATE, betas=(0.5, 0.9))

    def objection(self, reconstructions: Tensor) -> Tensor:
        """Return how clearly the critic tells reconstructions ``(N, 3, H, W)``: a loss for their maker."""
        return -self._judge(reconstructions).mean()

    def learn(self, photographs: Tensor, reconstructions: Tensor) -> None:
        """Take one step towards telling the two apart."""
        loss = F.relu(1 - self._judge(photographs)).mean() + F.relu(1 + self._judge(reconstructions)).mean()
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()

    def _judge(self, pictures: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            judged: Tensor = self._critic(pictures)
        return judged.float()
