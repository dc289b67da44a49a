"""Graph attention and graph pooling of AASIST (arXiv 2110.01200, section 3).

Every graph is complete: its nodes are ``(B, N, features)`` and an attention map weighs each pair of them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Published dropouts, of training only.
_NODES_DROPPED = 0.2
_SCORES_DROPPED = 0.3


class GraphAttention(nn.Module):
    """Attention over all pairs of one kind of node.

    Args:
        width_in, width: features of a node before and after.
        temperature: divides the logits of the attention map.
    """

    def __init__(self, width_in: int, width: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.att_weight = nn.Parameter(torch.empty(width, 1))
        self.att_proj = nn.Linear(width_in, width)
        self.proj_with_att = nn.Linear(width_in, width)
        self.proj_without_att = nn.Linear(width_in, width)
        self.bn = nn.BatchNorm1d(width)
        nn.init.xavier_normal_(self.att_weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, N, width_in)`` to ``(B, N, width)``."""
        x = F.dropout(x, _NODES_DROPPED, self.training)
        attention = torch.tanh(self.att_proj(_pairs(x))) @ self.att_weight
        weights = torch.softmax(attention.squeeze(-1) / self.temperature, dim=-1)
        return F.selu(_over_nodes(self.bn, self.proj_with_att(weights @ x) + self.proj_without_att(x)))


class HeterogeneousAttention(nn.Module):
    """Attention over temporal and spectral nodes at once, and a master node that gathers from all of them.

    Args:
        width_in, width: features of a node before and after.
        temperature: divides the logits of both attention maps.
    """

    def __init__(self, width_in: int, width: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.att_weight11 = nn.Parameter(torch.empty(width, 1))
        self.att_weight22 = nn.Parameter(torch.empty(width, 1))
        self.att_weight12 = nn.Parameter(torch.empty(width, 1))
        self.att_weightM = nn.Parameter(torch.empty(width, 1))
        self.proj_type1 = nn.Linear(width_in, width_in)
        self.proj_type2 = nn.Linear(width_in, width_in)
        self.att_proj = nn.Linear(width_in, width)
        self.att_projM = nn.Linear(width_in, width)
        self.proj_with_att = nn.Linear(width_in, width)
        self.proj_without_att = nn.Linear(width_in, width)
        self.proj_with_attM = nn.Linear(width_in, width)
        self.proj_without_attM = nn.Linear(width_in, width)
        self.bn = nn.BatchNorm1d(width)
        for weight in (self.att_weight11, self.att_weight22, self.att_weight12, self.att_weightM):
            nn.init.xavier_normal_(weight)

    def forward(self, temporal: Tensor, spectral: Tensor, master: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map ``(B, T, width_in)``, ``(B, S, width_in)``, ``(B, 1, width_in)`` to ``width`` features each."""
        first = temporal.shape[1]
        x = torch.cat([self.proj_type1(temporal), self.proj_type2(spectral)], dim=1)
        x = F.dropout(x, _NODES_DROPPED, self.training)
        master = self._gather(x, master)
        weights = self._attention(x, first)
        x = F.selu(_over_nodes(self.bn, self.proj_with_att(weights @ x) + self.proj_without_att(x)))
        return x[:, :first], x[:, first:], master

    def _gather(self, x: Tensor, master: Tensor) -> Tensor:
        attention = torch.tanh(self.att_projM(x * master)) @ self.att_weightM
        weights = torch.softmax(attention / self.temperature, dim=1)
        gathered = weights.transpose(1, 2) @ x
        updated: Tensor = self.proj_with_attM(gathered) + self.proj_without_attM(master)
        return updated

    def _attention(self, x: Tensor, first: int) -> Tensor:
        """Attention map ``(B, N, N)``; the first nodes are temporal, each kind of pair has its weights."""
        pairs = torch.tanh(self.att_proj(_pairs(x)))
        temporal, mixed, spectral = (
            (pairs[:, rows, columns] @ weight).squeeze(-1)
            for rows, columns, weight in (
                (slice(None, first), slice(None, first), self.att_weight11),
                (slice(None, first), slice(first, None), self.att_weight12),
                (slice(first, None), slice(first, None), self.att_weight22),
            )
        )
        upper = torch.cat([temporal, mixed], dim=2)
        lower = torch.cat([mixed.transpose(1, 2), spectral], dim=2)
        return torch.softmax(torch.cat([upper, lower], dim=1) / self.temperature, dim=-1)


class GraphPool(nn.Module):
    """Keeps the nodes that score best, weighed by their score.

    Args:
        width: features of a node.
        ratio: share of the nodes that is kept, at least one.
    """

    def __init__(self, width: int, ratio: float) -> None:
        super().__init__()
        self.ratio = ratio
        self.proj = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, N, width)`` to ``(B, max(1, int(N * ratio)), width)``, the best node first."""
        scores = torch.sigmoid(self.proj(F.dropout(x, _SCORES_DROPPED, self.training)))
        kept = scores.topk(max(1, int(x.shape[1] * self.ratio)), dim=1).indices
        return (x * scores).gather(1, kept.expand(-1, -1, x.shape[2]))


def _pairs(x: Tensor) -> Tensor:
    """Element-wise products of all pairs of nodes, ``(B, N, N, features)``."""
    return x[:, :, None] * x[:, None]


def _over_nodes(norm: nn.BatchNorm1d, x: Tensor) -> Tensor:
    normalised: Tensor = norm(x.flatten(0, 1))
    return normalised.view_as(x)
