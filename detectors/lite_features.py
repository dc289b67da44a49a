"""What two small networks of everyday pictures see in a crop: mean and deviation of every channel, by stage.

EfficientNet-Lite (Tan and Le, 2019, arXiv 1905.11946, without squeeze-and-excitation), as trained on ImageNet
by its authors. Nothing is learned here. Frozen general features carry over to generators that were never
seen better than networks trained to find fakes do (Ojha et al., 2023, arXiv 2302.10174), and early stages
carry more of it than late ones (Koutlis and Papadopoulos, 2024, arXiv 2402.19091).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from detectors import torchvision_cpu, weights
from detectors.errors import WeightsMismatch

if TYPE_CHECKING:
    from detectors.record import WeightsRecord

ARCHITECTURES = {"lite0": "tf_efficientnet_lite0", "lite2": "tf_efficientnet_lite2"}
"""Name in timm of each network, by the part of the record that its weights are."""
COUNTS = {"lite0": 1632, "lite2": 1776}
"""How many figures each network gives of a crop."""
_MEAN, _SPREAD = 127.0, 128.0


class LiteFeatures(nn.Module):
    """One of the two networks up to its last stage.

    Args:
        part: a key of `ARCHITECTURES`.
    """

    def __init__(self, part: str) -> None:
        super().__init__()
        torchvision_cpu.prepare()
        import timm

        self._network: Any = timm.create_model(ARCHITECTURES[part], pretrained=False)

    @classmethod
    def load(cls, record: WeightsRecord, part: str, weights_dir: Path | None = None) -> Self:
        """Build the network with its weights, in evaluation mode.

        Raises:
            WeightsError: see `weights.read`; or the tensors are not those of this network.
        """
        made = cls(part)
        state = weights.read(record, weights_dir, part)
        name = record.parts[part].name
        weights.fill(made._network, _renamed(state, made._network, name), name)
        made.eval().requires_grad_(requires_grad=False)
        _fold(made._network)
        made._network.to(memory_format=torch.channels_last)
        return made

    def forward(self, crops: Tensor) -> Tensor:
        """Map uint8 RGB crops ``(N, H, W, 3)`` to float32 ``(N, COUNTS[part])``: after the first convolution
        and after each of seven stages, the mean of each channel, then the deviation of each.
        """
        x = ((crops.float() - _MEAN) / _SPREAD).permute(0, 3, 1, 2)
        x = self._network.bn1(self._network.conv_stem(x))
        figures = [*_moments(x)]
        for stage in self._network.blocks:
            x = stage(x)
            figures += _moments(x)
        return torch.cat(figures, 1)


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean((2, 3)), x.std((2, 3))


def _fold(network: Any) -> None:
    """Take each normalisation into the convolution before it: the same figures in two thirds of the time."""
    pairs = [(network, "conv_stem", "bn1")]
    for block in (block for stage in network.blocks for block in stage):
        names = ("conv_pw", "conv_dw", "conv_pwl") if hasattr(block, "conv_pwl") else ("conv_dw", "conv_pw")
        pairs += [(block, name, f"bn{n}") for n, name in enumerate(names, 1)]
    for owner, convolution, norm in pairs:
        folded = getattr(owner, norm)
        setattr(owner, convolution, fuse_conv_bn_eval(getattr(owner, convolution), folded))
        setattr(owner, norm, folded.act)


def _renamed(state: Mapping[str, Tensor], network: nn.Module, origin: str) -> dict[str, Tensor]:
    """The published tensors by timm's names: they come in the same order under other ones.

    Raises:
        WeightsMismatch: there are more or fewer.
    """
    names = network.state_dict().keys()
    if len(names) != len(state):
        raise WeightsMismatch(f"{origin} holds {len(state)} tensors, not {len(names)}")
    return dict(zip(names, state.values(), strict=True))
