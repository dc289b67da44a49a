"""StyleGRU: reads how a face's latents change over a clip."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors.ftcn_network import CLIP, FeedForward, Residual
from detectors.styleflow.content import STYLE
from detectors.styleflow.psp_encoder import LATENTS
from detectors.styleflow.psp_encoder import WIDTH as LATENT_WIDTH

_STATES = 4  # two layers, both directions
HIDDEN = STYLE // _STATES


class StyleGRU(nn.Module):
    """The published network.

    Args:
        hidden: width of one state; 4096 as published (763 514 943 parameters), which makes a style of 16384.
    """

    def __init__(self, hidden: int = HIDDEN) -> None:
        super().__init__()
        style = _STATES * hidden
        self.hidden_state = nn.Parameter(torch.randn(_STATES, 1, hidden))
        self.gru = nn.GRU(
            LATENTS * LATENT_WIDTH, hidden, 2, batch_first=True, dropout=0.1, bidirectional=True
        )
        self.dense = nn.Sequential(
            nn.Dropout(0.5),
            Residual(FeedForward(style, hidden, nn.ReLU())),
            nn.Dropout(0.5),
            nn.Linear(style, 1),
        )
        self.bn = nn.BatchNorm1d(CLIP - 1)

    def style(self, changes: Tensor) -> Tensor:
        """Map changes of latents ``(N, 31, 9216)`` to the clip's style ``(N, 4 hidden)``: all last states."""
        start = self.hidden_state.expand(-1, len(changes), -1).contiguous()
        states: Tensor = self.gru(self.bn(changes), start)[1]
        return states.transpose(0, 1).flatten(1)

    def forward(self, changes: Tensor) -> Tensor:
        """Map changes of latents ``(N, 31, 9216)`` to logits ``(N, 1)`` of the style alone."""
        return self.judge(self.style(changes))

    def judge(self, styles: Tensor) -> Tensor:
        """Map styles ``(N, 4 hidden)`` to logits ``(N, 1)``."""
        logits: Tensor = self.dense(styles)
        return logits
