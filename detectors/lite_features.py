"""What two small networks of everyday pictures see in a crop, by stage: mean and deviation of every channel.

Of one of them also, which channels of early stages go together, and all this of the crop's colours alone.

EfficientNet-Lite (Tan and Le, 2019, arXiv 1905.11946, without squeeze-and-excitation), as trained on ImageNet
by its authors. Nothing is learned here. Frozen general features carry over to generators that were never
seen better than networks trained to find fakes do (Ojha et al., 2023, arXiv 2302.10174), and early stages
carry more of it than late ones (Koutlis and Papadopoulos, 2024, arXiv 2402.19091). Which channels of an early
stage answer together, wherever that is, describes texture (Gatys et al., 2015, arXiv 1505.07376).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
BLOCKS = {
    "lite0": {"lite0": 1632, "texture": 1672, "colours": 1632, "texture of colours": 1672},
    "lite2": {"lite2": 1776},
}
"""How many figures of which kind each network gives of a crop, in their order."""
COUNTS = {part: sum(blocks.values()) for part, blocks in BLOCKS.items()}
"""How many figures each network gives of a crop."""
LAST_STAGE = 704
"""So many of the last figures of lite2 tell what the crop shows, rather than how it was made."""
_TEXTURES = 4  # stages; later ones are of things, not of texture
_MEAN, _SPREAD = 127.0, 128.0
_LUMA = (0.299, 0.587, 0.114)
_STRENGTH = 90.0  # root mean square, of 255 levels, that colours are raised to
_FAINT = 4.0  # colours of about this strength or less are mostly noise, and raised less


class LiteFeatures(nn.Module):
    """One of the two networks up to its last stage.

    Args:
        part: a key of `ARCHITECTURES`.
    """

    def __init__(self, part: str) -> None:
        super().__init__()
        torchvision_cpu.prepare()
        import timm

        self._more = len(BLOCKS[part]) > 1
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
        """Map uint8 RGB crops ``(N, H, W, 3)`` to float32 ``(N, COUNTS[part])``, in the order of `BLOCKS`.

        Of the picture, and of its colours: after the first convolution and after each of seven stages, the
        mean of each channel, then the deviation of each. Textures are the correlations of channels after the
        first convolution and the first three stages.
        """
        rgb = crops.float().movedim(-1, 1)
        seen = self._stages(rgb)
        figures = _moments(seen)
        if self._more:
            figures += _textures(seen)
            seen = self._stages(_colours(rgb))
            figures += [*_moments(seen), *_textures(seen)]
        return torch.cat(figures, 1)

    def _stages(self, rgb: Tensor) -> list[Tensor]:
        """Give what stands after the first convolution and each stage, of ``(N, 3, H, W)`` in 0..255."""
        x = ((rgb - _MEAN) / _SPREAD).contiguous(memory_format=torch.channels_last)
        seen = [self._network.bn1(self._network.conv_stem(x))]
        for stage in self._network.blocks:
            seen.append(stage(seen[-1]))
        return seen


def _colours(rgb: Tensor) -> Tensor:
    """Take the luminance out of ``(N, 3, H, W)`` in 0..255, and raise the colours left to one strength."""
    luma = torch.einsum("nchw,c->nhw", rgb, rgb.new_tensor(_LUMA))[:, None]
    apart = rgb - luma
    strength = apart.square().mean((1, 2, 3), keepdim=True).sqrt()
    return (_MEAN + apart * (_STRENGTH / (strength + _FAINT))).clamp(0, 255)


def _moments(seen: Sequence[Tensor]) -> list[Tensor]:
    return [moment for x in seen for moment in (x.mean((2, 3)), x.std((2, 3)))]


def _textures(seen: Sequence[Tensor]) -> list[Tensor]:
    return [_correlations(x) for x in seen[:_TEXTURES]]


def _correlations(x: Tensor) -> Tensor:
    """Map ``(N, C, H, W)`` to the correlations of each two channels over the positions, ``(N, C (C-1) / 2)``.

    A channel that hardly answers goes with none.
    """
    apart = x.flatten(2)
    apart = apart - apart.mean(2, keepdim=True)
    spread = (apart.square().mean(2) + 1e-6).sqrt()
    table = apart @ apart.mT / apart.shape[2] / (spread[:, :, None] * spread[:, None])
    first, second = torch.triu_indices(x.shape[1], x.shape[1], 1)
    return table[:, first, second]


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
