"""FTCN: a network that can only learn how things move (arXiv 2108.06693, ICCV 2021).

A slow-pathway ResNet-50 whose kernels all have spatial size 1, with max pooling where the ResNet strides, so
that no texture can be learnt; a one-layer transformer reads the 16 time steps that are left.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

CLIP = 32
SIDE = 224
WIDTH = 1024
TOKENS = 16
_HEADS = 16


class TemporalConv3d(nn.Conv3d):
    """A ``(length, 1, 1)`` convolution over ``(N, C, T, H, W)`` that keeps the length.

    Computed as a two-dimensional one over time x pixels: the same sums, two to three times as fast on a CPU.
    """

    def __init__(self, in_channels: int, out_channels: int, length: int = 1) -> None:
        super().__init__(in_channels, out_channels, (length, 1, 1), padding=(length // 2, 0, 0), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve over time."""
        flat = F.conv2d(x.flatten(3), self.weight[..., 0], self.bias, padding=(self.kernel_size[0] // 2, 0))
        return flat.view(*flat.shape[:3], *x.shape[3:])


def _pairs(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    even, odd = x.reshape(*x.shape[:dim], -1, 2, *x.shape[dim + 1 :]).unbind(dim + 1)
    return even, odd


def _halve(x: Tensor, dim: int) -> Tensor:
    """Maximum of each two neighbours along an even dimension; several times as fast as `max_pool3d`."""
    even, odd = _pairs(x, dim)
    return torch.maximum(even, odd)


class _HalvePicture(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return _halve(_halve(x, 3), 4)


class _HalveTime(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return _halve(x, 2)


def _overlapping_halve(x: Tensor, dim: int) -> Tensor:
    """Max pooling by windows of three, stride two and padding one, of values that are not negative."""
    even, odd = _pairs(x, dim)
    before = F.pad(odd, [0, 0] * (x.dim() - 1 - dim) + [1, -1])
    return torch.maximum(torch.maximum(even, odd), before)


def _norm(channels: int, *, halve: bool = False) -> nn.Module:
    norm = nn.BatchNorm3d(channels)
    return nn.Sequential(norm, _HalvePicture()) if halve else norm


class _Stem(nn.Module):
    """``(N, 3, T, H, W)`` to ``(N, 64, T, H / 4, W / 4)``."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = TemporalConv3d(3, 64, 5)
        self.bn = _norm(64, halve=True)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.conv(x)), inplace=True)
        return _overlapping_halve(_overlapping_halve(x, 3), 4)


class _Bottleneck(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, length: int, *, halve: bool) -> None:
        super().__init__()
        inner = out_channels // 4
        self.a = TemporalConv3d(in_channels, inner, length)
        self.a_bn = _norm(inner)
        self.b = TemporalConv3d(inner, inner)
        self.b_bn = _norm(inner, halve=halve)
        self.c = TemporalConv3d(inner, out_channels)
        self.c_bn = _norm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.a_bn(self.a(x)), inplace=True)
        x = F.relu(self.b_bn(self.b(x)), inplace=True)
        out: Tensor = self.c_bn(self.c(x))
        return out


class _Block(nn.Module):
    """Bottleneck (``branch2``) plus shortcut; `halve` pools both to half the height and width."""

    def __init__(self, in_channels: int, out_channels: int, length: int, *, halve: bool) -> None:
        super().__init__()
        if in_channels != out_channels:
            self.branch1 = TemporalConv3d(in_channels, out_channels)
            self.branch1_bn = _norm(out_channels, halve=halve)
        self.branch2 = _Bottleneck(in_channels, out_channels, length, halve=halve)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.branch1_bn(self.branch1(x)) if hasattr(self, "branch1") else x
        return F.relu(self.branch2(x).add_(shortcut), inplace=True)


def _stage(in_channels: int, out_channels: int, lengths: tuple[int, ...], *, halve: bool) -> nn.Sequential:
    stage = nn.Sequential()
    for index, length in enumerate(lengths):
        first = index == 0
        block = _Block(in_channels if first else out_channels, out_channels, length, halve=halve and first)
        stage.add_module(f"pathway0_res{index}", block)
    return stage


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.to_qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.to_out = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Dropout(0.1))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.to_qkv(x).unflatten(2, (3, _HEADS, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        out: Tensor = self.to_out(attended)
        return out


class FeedForward(nn.Module):
    """Linear, activation (exact GELU), linear; the dropouts hold the places that the public keys count."""

    def __init__(self, width: int, hidden: int, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(width, hidden),
            activation or nn.GELU(),
            nn.Dropout(0.1),
            nn.Linear(hidden, width),
            nn.Dropout(0.1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map the last dimension onto itself."""
        out: Tensor = self.net(x)
        return out


class _PreNorm(nn.Module):
    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.fn = fn

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fn(self.norm(x))
        return out


class Residual(nn.Module):
    """``x + fn(x)``."""

    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: Tensor) -> Tensor:
        """Add what the branch makes of the input."""
        out: Tensor = x + self.fn(x)
        return out


class _Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        attention, feed_forward = _PreNorm(_Attention()), _PreNorm(FeedForward(WIDTH, 2 * WIDTH))
        self.layers = nn.ModuleList([nn.ModuleList([Residual(attention), Residual(feed_forward)])])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            assert isinstance(layer, nn.ModuleList)
            for step in layer:
                x = step(x)
        return x


class _TimeTransformer(nn.Module):
    """``(N, 16, 1024)`` to one logit each, read off a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.randn(1, TOKENS + 1, WIDTH))
        self.cls_token = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.transformer = _Transformer()
        self.mlp_head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 1))

    def forward(self, tokens: Tensor) -> Tensor:
        cls_token = self.cls_token.expand(len(tokens), -1, -1)
        placed = torch.cat([cls_token, tokens], dim=1) + self.pos_embedding
        x = self.transformer(F.dropout(placed, 0.1, self.training))
        logits: Tensor = self.mlp_head(x[:, 0])
        return logits


class Head(nn.Module):
    """``(N, 1024, 16, 14, 14)`` to logits ``(N, 1)``."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool3d((1, SIDE // 16, SIDE // 16), stride=1)
        self.time_T = _TimeTransformer()

    def tokens(self, features: Tensor) -> Tensor:
        """Average over the picture: one token per time step, ``(N, 16, 1024)``."""
        pooled: Tensor = self.pool(features)
        return pooled.flatten(2).transpose(1, 2)

    def forward(self, features: Tensor) -> Tensor:
        """Read the time steps."""
        logits: Tensor = self.time_T(self.tokens(features))
        return logits


class TemporalResNet(nn.Module):
    """The body of FTCN under the given head."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.s1 = nn.Sequential()
        self.s1.add_module("pathway0_stem", _Stem())
        self.s2 = _stage(64, 256, (3, 3, 3), halve=False)
        self.pathway0_pool = _HalveTime()
        self.s3 = _stage(256, 512, (3, 1, 3, 1), halve=True)
        self.s4 = _stage(512, 1024, (3, 1, 3, 1, 3, 1), halve=True)
        self.head = head

    def features(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, 32, 224, 224)`` to ``(N, 1024, 16, 14, 14)``."""
        features: Tensor = self.s4(self.s3(self.pathway0_pool(self.s2(self.s1(x)))))
        return features

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised clips to logits ``(N, 1)``."""
        logits: Tensor = self.head(self.features(x))
        return logits


class FTCNNetwork(nn.Module):
    """The published network: normalised clips ``(N, 3, 32, 224, 224)`` to logits ``(N, 1)``; 1 = fake."""

    def __init__(self) -> None:
        super().__init__()
        self.resnet = TemporalResNet(Head())

    def forward(self, x: Tensor) -> Tensor:
        """Score clips."""
        logits: Tensor = self.resnet(x)
        return logits


def fold_norms(network: nn.Module) -> None:
    """Fold every batch norm of the body into its convolution, in place, for evaluation only.

    The public keys are gone afterwards: load first.
    """
    for module in list(network.modules()):
        for name, conv in list(module.named_children()):
            if not isinstance(conv, TemporalConv3d):
                continue
            slot = "bn" if name == "conv" else f"{name}_bn"
            norm = getattr(module, slot)
            pooled = isinstance(norm, nn.Sequential)
            setattr(module, name, fuse_conv_bn_eval(conv, norm[0] if pooled else norm))
            setattr(module, slot, norm[1] if pooled else nn.Identity())
