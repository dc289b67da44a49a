"""DINOv3's vision transformer (arXiv 2508.10104): axial rotary positions, register tokens, layer scale.

State-dict names are those of Hugging Face's ``DINOv3ViTModel``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_EPS = 1e-5


@dataclass(frozen=True)
class DINOv3Config:
    """Sizes of a transformer; ``period`` is the base of the rotary frequencies."""

    width: int
    layers: int
    heads: int
    patch: int
    registers: int
    period: float


VIT_L_16 = DINOv3Config(width=1024, layers=24, heads=16, patch=16, registers=4, period=100.0)


@dataclass(frozen=True)
class _Rotation:
    """Cosines and sines of each patch's position, ``(patches, head)`` each."""

    cos: Tensor
    sin: Tensor

    @classmethod
    def of_grid(cls, rows: int, columns: int, head: int, period: float, device: torch.device) -> _Rotation:
        """Angles of patch centres in [-1, 1]: the first quarter of a head turns by the row, then the column.

        The second half of a head repeats the first.
        """
        frequencies = 2 * math.pi / period ** torch.arange(0, 1, 4 / head, device=device)
        y = 2 * (torch.arange(rows, device=device) + 0.5) / rows - 1
        x = 2 * (torch.arange(columns, device=device) + 0.5) / columns - 1
        centres = torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1).flatten(0, 1)
        angles = (centres[:, :, None] * frequencies).flatten(1).tile(2)
        return cls(angles.cos(), angles.sin())

    def apply(self, x: Tensor) -> Tensor:
        """Turn the patches of ``(N, heads, tokens, head)``; the tokens before them stay."""
        before = x.shape[2] - len(self.cos)
        first, patches = x[:, :, :before], x[:, :, before:]
        left, right = patches.chunk(2, dim=-1)
        turned = patches * self.cos + torch.cat([-right, left], dim=-1) * self.sin
        return torch.cat([first, turned], dim=2)


class _Embeddings(nn.Module):
    """Class token, register tokens, then patches row by row."""

    def __init__(self, config: DINOv3Config) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.width))
        self.register_tokens = nn.Parameter(torch.zeros(1, config.registers, config.width))
        self.patch_embeddings = nn.Conv2d(3, config.width, config.patch, config.patch)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.patch_embeddings(x).flatten(2).transpose(1, 2)
        first = [token.expand(len(x), -1, -1) for token in (self.cls_token, self.register_tokens)]
        return torch.cat([*first, patches], dim=1)


class _Attention(nn.Module):
    def __init__(self, config: DINOv3Config) -> None:
        super().__init__()
        self._heads = config.heads
        self.k_proj = nn.Linear(config.width, config.width, bias=False)
        self.v_proj = nn.Linear(config.width, config.width)
        self.q_proj = nn.Linear(config.width, config.width)
        self.o_proj = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, rotation: _Rotation) -> Tensor:
        q, k, v = (
            projection(x).unflatten(-1, (self._heads, -1)).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = F.scaled_dot_product_attention(rotation.apply(q), rotation.apply(k), v)
        projected: Tensor = self.o_proj(mixed.transpose(1, 2).flatten(2))
        return projected


class _LayerScale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.lambda1 = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.lambda1


class _MLP(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.up_proj = nn.Linear(width, 4 * width)
        self.down_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.down_proj(F.gelu(self.up_proj(x)))
        return projected


class _Layer(nn.Module):
    def __init__(self, config: DINOv3Config) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width, _EPS)
        self.attention = _Attention(config)
        self.layer_scale1 = _LayerScale(config.width)
        self.norm2 = nn.LayerNorm(config.width, _EPS)
        self.mlp = _MLP(config.width)
        self.layer_scale2 = _LayerScale(config.width)

    def forward(self, x: Tensor, rotation: _Rotation) -> Tensor:
        x = x + self.layer_scale1(self.attention(self.norm1(x), rotation))
        deeper: Tensor = x + self.layer_scale2(self.mlp(self.norm2(x)))
        return deeper


class DINOv3VisionTransformer(nn.Module):
    """The transformer without the token that stands for masked patches in training."""

    def __init__(self, config: DINOv3Config = VIT_L_16) -> None:
        super().__init__()
        self._config = config
        self.embeddings = _Embeddings(config)
        self.layer = nn.ModuleList(_Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width, _EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Map ImageNet-normalised RGB ``(N, 3, H, W)`` to the class token's feature, ``(N, width)``.

        H and W are multiples of the patch's side.
        """
        config = self._config
        rows, columns = (side // config.patch for side in x.shape[-2:])
        head = config.width // config.heads
        rotation = _Rotation.of_grid(rows, columns, head, config.period, x.device)
        x = self.embeddings(x)
        for layer in self.layer:
            x = layer(x, rotation)
        feature: Tensor = self.norm(x[:, 0])
        return feature
