"""Reference vectors: synthetic weights, inputs and the reductions in which large outputs are stored."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from detectors.record import is_dead

HERE = Path(__file__).parent  # the repository's vectors, one folder per model
LOGIT_TOLERANCE = 2e-5  # relative to max(1, max |reference|)
TAP_TOLERANCE = 1e-4  # relative to max |reference|


@dataclass(frozen=True)
class Rule:
    """The rule for synthetic weights.

    ``gain`` scales tensors of two or more dimensions by ``gain / sqrt(fan)``. ``tokens``: position tables and
    class tokens are half of a standard normal draw instead. One-dimensional weights get +1, except those
    whose name contains one of ``plain``.
    """

    gain: float = 1.0
    tokens: bool = False
    plain: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vectors:
    """One model's stored tensors: the public state dict's keys, and inputs and outputs."""

    keys: list[tuple[str, tuple[int, ...], str]]
    stored: Mapping[str, np.ndarray]
    prefix: str
    comparable: bool

    @classmethod
    def read(
        cls,
        folder: Path,
        prefix: str = "",
        *,
        comparable: bool = True,
        keys: str = "keys.json",
        io: str | None = "io.npz",
        sections: tuple[str, ...] = (),
    ) -> Vectors:
        """Read a model's folder.

        Args:
            io: the file of inputs and outputs; None where only the weights are wanted.
            sections: those lists of a keys file with several that make up the state dict.
        """
        entries = json.loads((folder / keys).read_text("utf-8"))
        if sections:
            entries = [entry for section in sections for entry in entries[section]]
        stored: dict[str, np.ndarray] = {}
        if io is not None:
            with np.load(folder / io) as archive:
                stored = dict(archive)
        listed = [(name, tuple(shape), dtype) for name, shape, dtype in entries]
        return cls(listed, stored, prefix, comparable)

    def weights(self, rule: Rule, dead: tuple[str, ...] = ()) -> dict[str, Tensor]:
        """The state dict that the weight rule gives, without the tensors whose names begin as in `dead`."""
        return {name: _draw(self.prefix + name, shape, dtype, rule) for name, shape, dtype in self.live(dead)}

    def within(self, scope: str) -> Vectors:
        """These vectors with the fields whose names begin so also under the rest of their names."""
        own = {name.removeprefix(scope): x for name, x in self.stored.items() if name.startswith(scope)}
        return replace(self, stored={**self.stored, **own})

    def draw(self, name: str, rule: Rule) -> Tensor:
        """The one tensor of that name that the weight rule gives."""
        shape, dtype = next((shape, dtype) for own, shape, dtype in self.keys if own == name)
        return _draw(self.prefix + name, shape, dtype, rule)

    def live(self, dead: tuple[str, ...]) -> list[tuple[str, tuple[int, ...], str]]:
        """The public state dict's entries but for those whose names begin as in `dead`."""
        return [entry for entry in self.keys if not is_dead(entry[0], dead)]

    def generator(self, seed: str = "input_seed") -> torch.Generator:
        """A generator with the seed stored under that name."""
        return torch.Generator().manual_seed(int(self.stored[seed]))

    def randn(self, *shape: int, seed: str = "input_seed") -> Tensor:
        """The standard-normal input of the seed stored under that name."""
        return torch.randn(shape, generator=self.generator(seed))

    def rand(self, *shape: int, seed: str) -> Tensor:
        """The uniform input in [0, 1) of the seed stored under that name."""
        return torch.rand(shape, generator=self.generator(seed))

    def compare(self, field: str, actual: Tensor, *, tolerance: float) -> None:
        """Hold a tensor against the stored one; `tolerance` is relative to max(1, max |stored|)."""
        expected = self.stored[field]
        got = actual.detach().cpu()
        got = (got.float() if got.dtype == torch.bfloat16 else got).numpy()
        assert got.shape == expected.shape, field
        scale = max(1.0, float(np.nanmax(np.abs(expected))))
        assert np.allclose(got, expected, rtol=0, atol=tolerance * scale, equal_nan=True), field


_TOKENS = {
    *("pos_embed", "positional_embedding", "cls_token", "class_embedding"),
    *("reg_token", "register_tokens", "mask_token"),
}


def _draw(name: str, shape: tuple[int, ...], dtype: str, rule: Rule) -> Tensor:
    if not dtype.startswith("float"):
        return torch.zeros(shape, dtype=getattr(torch, dtype))
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    last = name.rsplit(".", 1)[-1]
    if last == "running_var":
        return torch.rand(shape, generator=generator) * 0.5 + 0.75
    drawn = torch.randn(shape, generator=generator)
    if rule.tokens and (last in _TOKENS or name.endswith("position_embedding.weight")):
        return drawn * 0.5
    if len(shape) >= 2:
        fan = drawn.numel() / shape[0]
        return drawn * (rule.gain / math.sqrt(fan))
    offset = last in {"weight", "gamma"} and not any(part in name for part in rule.plain)
    return drawn * 0.1 + (1.0 if offset else 0.0)


def subsample(x: Tensor, count: int) -> Tensor:
    """Every k-th value in C order, k = max(1, numel // count), first `count` of them."""
    flat = x.reshape(-1)
    return flat[:: max(1, flat.numel() // count)][:count]


def statistics(x: Tensor) -> Tensor:
    """Mean, unbiased deviation (NaN for one value), max |x|, first, last, sum of x_i cos(0.1 i); float64."""
    flat = x.reshape(-1).double().cpu()
    deviation = flat.std() if flat.numel() > 1 else flat.new_tensor(math.nan)
    wave = torch.cos(0.1 * torch.arange(flat.numel(), dtype=torch.float64))
    return torch.stack([flat.mean(), deviation, flat.abs().max(), flat[0], flat[-1], (flat * wave).sum()])
