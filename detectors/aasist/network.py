"""The networks AASIST and AASIST-L; keys of the state dict are those of the public checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from detectors.aasist.frontend import ROWS, ResidualBlock, SincFilters
from detectors.aasist.graph import GraphAttention, GraphPool, HeterogeneousAttention

_GRAPH_TEMPERATURE = 2.0
_MIXED_TEMPERATURE = 100.0
# Published dropouts, of training only.
_BRANCH_DROPPED = 0.2
_READ_OUT_DROPPED = 0.5


@dataclass(frozen=True, slots=True)
class Sizes:
    """What tells the two networks apart.

    ``early`` and ``late`` are the channels of the encoder's first two and last four blocks, ``graph`` and
    ``mixed`` the features of a node before and after the graphs are joined, ``spectral``, ``temporal`` and
    ``joined`` the shares of nodes that the pools keep.
    """

    early: int
    late: int
    graph: int
    mixed: int
    spectral: float
    temporal: float
    joined: float


AASIST = Sizes(early=32, late=64, graph=64, mixed=32, spectral=0.5, temporal=0.7, joined=0.5)
AASIST_L = Sizes(early=32, late=24, graph=24, mixed=32, spectral=0.4, temporal=0.5, joined=0.7)


class AasistNetwork(nn.Module):
    """Two graphs of a spectrogram, one of its bands and one of its moments, joined twice in parallel."""

    def __init__(self, sizes: Sizes = AASIST) -> None:
        super().__init__()
        self.pos_S = nn.Parameter(torch.randn(1, ROWS, sizes.late))
        self.master1 = nn.Parameter(torch.randn(1, 1, sizes.graph))
        self.master2 = nn.Parameter(torch.randn(1, 1, sizes.graph))
        self.conv_time = SincFilters()
        self.first_bn = nn.BatchNorm2d(1)
        widths = (1, sizes.early, sizes.early, *[sizes.late] * 4)
        self.encoder = nn.Sequential(
            *(nn.Sequential(ResidualBlock(before, after)) for before, after in pairwise(widths))
        )
        self.GAT_layer_S = GraphAttention(sizes.late, sizes.graph, _GRAPH_TEMPERATURE)
        self.GAT_layer_T = GraphAttention(sizes.late, sizes.graph, _GRAPH_TEMPERATURE)
        self.HtrgGAT_layer_ST11 = HeterogeneousAttention(sizes.graph, sizes.mixed, _MIXED_TEMPERATURE)
        self.HtrgGAT_layer_ST12 = HeterogeneousAttention(sizes.mixed, sizes.mixed, _MIXED_TEMPERATURE)
        self.HtrgGAT_layer_ST21 = HeterogeneousAttention(sizes.graph, sizes.mixed, _MIXED_TEMPERATURE)
        self.HtrgGAT_layer_ST22 = HeterogeneousAttention(sizes.mixed, sizes.mixed, _MIXED_TEMPERATURE)
        self.pool_S = GraphPool(sizes.graph, sizes.spectral)
        self.pool_T = GraphPool(sizes.graph, sizes.temporal)
        self.pool_hS1 = GraphPool(sizes.mixed, sizes.joined)
        self.pool_hT1 = GraphPool(sizes.mixed, sizes.joined)
        self.pool_hS2 = GraphPool(sizes.mixed, sizes.joined)
        self.pool_hT2 = GraphPool(sizes.mixed, sizes.joined)
        self.out_layer = nn.Linear(5 * sizes.mixed, 2)

    def forward(self, waveform: Tensor) -> Tensor:
        """Map samples at 16 kHz, ``(B, samples)`` in [-1, 1], to ``(B, 2)`` logits: spoofed, genuine."""
        read = F.dropout(self.read_out(waveform), _READ_OUT_DROPPED, self.training)
        logits: Tensor = self.out_layer(read)
        return logits

    def read_out(self, waveform: Tensor) -> Tensor:
        """Return what the last layer sees, ``(B, 160)``."""
        features = self._encode(waveform).abs()
        spectral = self.pool_S(self.GAT_layer_S(features.amax(dim=3).transpose(1, 2) + self.pos_S))
        temporal = self.pool_T(self.GAT_layer_T(features.amax(dim=2).transpose(1, 2)))
        branches = (
            (self.master1, self.HtrgGAT_layer_ST11, self.pool_hT1, self.pool_hS1, self.HtrgGAT_layer_ST12),
            (self.master2, self.HtrgGAT_layer_ST21, self.pool_hT2, self.pool_hS2, self.HtrgGAT_layer_ST22),
        )
        one, two = (
            [F.dropout(part, _BRANCH_DROPPED, self.training) for part in _join(temporal, spectral, *branch)]
            for branch in branches
        )
        temporal, spectral, master = (torch.maximum(a, b) for a, b in zip(one, two, strict=True))
        parts = [
            *(temporal.abs().amax(dim=1), temporal.mean(dim=1)),
            *(spectral.abs().amax(dim=1), spectral.mean(dim=1)),
            master.squeeze(1),
        ]
        return torch.cat(parts, dim=1)

    def _encode(self, waveform: Tensor) -> Tensor:
        spectrogram = F.max_pool2d(self.conv_time(waveform)[:, None].abs(), 3)
        encoded: Tensor = self.encoder(F.selu(self.first_bn(spectrogram)))
        return encoded


def _join(
    temporal: Tensor,
    spectral: Tensor,
    master: Tensor,
    first: nn.Module,
    pool_temporal: nn.Module,
    pool_spectral: nn.Module,
    second: nn.Module,
) -> tuple[Tensor, Tensor, Tensor]:
    """One of the two branches: both graphs and a master node, joined, pooled and joined again."""
    temporal, spectral, master = first(temporal, spectral, master.expand(len(temporal), -1, -1))
    temporal, spectral = pool_temporal(temporal), pool_spectral(spectral)
    more_temporal, more_spectral, more_master = second(temporal, spectral, master)
    return temporal + more_temporal, spectral + more_spectral, master + more_master
