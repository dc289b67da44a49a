"""Reference vectors: synthetic weights, inputs and the reductions in which large outputs are stored."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

LOGIT_TOLERANCE = 2e-5  # relative to max(1, max |reference|)
TAP_TOLERANCE = 1e-4  # relative to max |reference|


@dataclass(frozen=True)
class Vectors:
    """One model's stored tensors: the public state dict's keys, and inputs and outputs."""

    keys: list[tuple[str, tuple[int, ...], str]]
    stored: Mapping[str, np.ndarray]
    prefix: str
    comparable: bool

    @classmethod
    def read(cls, folder: Path, prefix: str, *, comparable: bool) -> Vectors:
        entries = json.loads((folder / "keys.json").read_text("utf-8"))
        with np.load(folder / "io.npz") as archive:
            stored = dict(archive)
        keys = [(name, tuple(shape), dtype) for name, shape, dtype in entries]
        return cls(keys, stored, prefix, comparable)

    def weights(self, gain: float) -> dict[str, Tensor]:
        """The state dict that the weight rule gives."""
        return {name: _draw(self.prefix + name, shape, dtype, gain) for name, shape, dtype in self.keys}

    def randn(self, *shape: int) -> Tensor:
        """The stored seed's standard-normal input."""
        generator = torch.Generator().manual_seed(int(self.stored["input_seed"]))
        return torch.randn(shape, generator=generator)

    def compare(self, field: str, actual: Tensor, *, tolerance: float) -> None:
        """Hold a tensor against the stored one; `tolerance` is relative to max(1, max |stored|)."""
        expected = self.stored[field]
        got = actual.detach().cpu().numpy()
        assert got.shape == expected.shape, field
        scale = max(1.0, float(np.abs(expected).max()))
        assert np.abs(got - expected).max() <= tolerance * scale, field


def _draw(name: str, shape: tuple[int, ...], dtype: str, gain: float) -> Tensor:
    if not dtype.startswith("float"):
        return torch.zeros(shape, dtype=getattr(torch, dtype))
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    last = name.rsplit(".", 1)[-1]
    if last == "running_var":
        return torch.rand(shape, generator=generator) * 0.5 + 0.75
    drawn = torch.randn(shape, generator=generator)
    if len(shape) >= 2:
        fan = drawn.numel() / shape[0]
        return drawn * (gain / math.sqrt(fan))
    return drawn * 0.1 + (1.0 if last in {"weight", "gamma"} else 0.0)


def subsample(x: Tensor, count: int) -> Tensor:
    """Every k-th value in C order, k = max(1, numel // count), first `count` of them."""
    flat = x.reshape(-1)
    return flat[:: max(1, flat.numel() // count)][:count]


def statistics(x: Tensor) -> Tensor:
    """Mean, unbiased deviation, max |x|, first, last, and sum of x_i cos(0.1 i), in float64."""
    flat = x.reshape(-1).double().cpu()
    wave = torch.cos(0.1 * torch.arange(flat.numel(), dtype=torch.float64))
    return torch.stack([flat.mean(), flat.std(), flat.abs().max(), flat[0], flat[-1], (flat * wave).sum()])
