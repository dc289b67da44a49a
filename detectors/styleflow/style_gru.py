"""StyleGRU: reads how a face's latents change over a clip."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors.ftcn_network import CLIP, FeedForward, Residual
from detectors.styleflow.content import STYLE
from detectors.styleflow.psp_encoder import LATENTS
from detectors.styleflow.psp_encoder import WIDTH as LATENT_WIDTH

_HIDDEN = 4096
_STATES = 4  # two layers, both directions


class StyleGRU(nn.Module):
    """The published network; 763 514 943 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_state = nn.Parameter(torch.randn(_STATES, 1, _HIDDEN))
        self.gru = nn.GRU(
            LATENTS * LATENT_WIDTH, _HIDDEN, 2, batch_first=True, dropout=0.1, bidirectional=True
        )
        self.dense = nn.Sequential(
            nn.Dropout(0.5),
            Residual(FeedForward(STYLE, _HIDDEN, nn.ReLU())),
            nn.Dropout(0.5),
            nn.Linear(STYLE, 1),
        )
        self.bn = nn.BatchNorm1d(CLIP - 1)

    def style(self, changes: Tensor) -> Tensor:
        """Map changes of latents ``(N, 31, 9216)`` to the clip's style ``(N, 16384)``: all last states."""
        start = self.hidden_state.expand(-1, len(changes), -1).contiguous()
        states: Tensor = self.gru(self.bn(changes), start)[1]
        return states.transpose(0, 1).flatten(1)

    def forward(self, changes: Tensor) -> Tensor:
        """Map changes of latents ``(N, 31, 9216)`` to logits ``(N, 1)`` of the style alone."""
        logits: Tensor = self.dense(self.style(changes))
        return logits
