"""DDA: DINOv2 ViT-L/14 with low-rank adapters, trained on pairs that differ by one autoencoder's pass only.

Dual Data Alignment, NeurIPS 2025, arXiv 2505.14359. The adapters are merged into the weights and the position
table is brought to the grid of the picture once, at loading; the network then costs what plain DINOv2 does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from detectors import pixels, torchvision_cpu, weights
from detectors.errors import WeightsMismatch
from detectors.frame_detector import FrameDetector
from detectors.record import WeightsRecord

_ALPHA = 1.0  # of the adapters: a layer's weight is W + alpha / rank * B A
_LAYER, _ADAPTER = ".original_layer.", ".lora."


@dataclass(frozen=True)
class DINOv2Config:
    """Sizes of the transformer; ``side`` is the picture's, in pixels, a multiple of 14."""

    side: int = 336
    width: int = 1024
    layers: int = 24
    heads: int = 16


class DDANetwork(nn.Module):
    """DINOv2's transformer, its class token, one linear layer."""

    def __init__(self, config: DINOv2Config) -> None:
        super().__init__()
        torchvision_cpu.prepare()
        import timm

        self.model = timm.create_model(
            "vit_large_patch14_dinov2",
            pretrained=False,
            num_classes=0,
            img_size=config.side,
            embed_dim=config.width,
            depth=config.layers,
            num_heads=config.heads,
        )
        self.fc = nn.Linear(config.width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map CLIP-normalised RGB ``(N, 3, side, side)`` to one logit each, ``(N, 1)``; positive = fake."""
        logits: Tensor = self.fc(self.model(x))
        return logits


class DDA(FrameDetector):
    """DDA on pictures: never resized, the central 336 x 336 pixels, black beyond a smaller picture."""

    config: ClassVar[DINOv2Config] = DINOv2Config()

    @classmethod
    def build(cls) -> nn.Module:
        """Return the network without weights."""
        return DDANetwork(cls.config)

    @classmethod
    def read(cls, record: WeightsRecord, weights_dir: Path | None = None) -> Mapping[str, Tensor]:
        """Return the published tensors with the adapters merged and the position table resized.

        Raises:
            WeightsError: see `weights.read`, and `WeightsMismatch` where an adapter is missing.
        """
        return merge(weights.read(record, weights_dir), cls.config, record.file.name)

    def prepare(self, frames: Tensor) -> Tensor:
        """Cut the centre and normalise as CLIP does, as published, although the trunk is DINOv2."""
        cropped = pixels.centre_crop(frames, self.config.side)
        return pixels.normalise(cropped, pixels.CLIP_MEAN, pixels.CLIP_STD)


def merge(state: Mapping[str, Tensor], config: DINOv2Config, origin: str) -> dict[str, Tensor]:
    """Return the tensors of `DDANetwork` out of a published checkpoint's.

    Args:
        origin: the file's name, for the message.

    Raises:
        WeightsMismatch: an adapter is missing.
    """
    try:
        return dict(_merged(state, config))
    except KeyError as error:
        raise WeightsMismatch(
            f"{origin} is not a whole checkpoint of DDA; missing: {error.args[0]}"
        ) from error


def _merged(state: Mapping[str, Tensor], config: DINOv2Config) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in state.items():
        if _ADAPTER in name:
            continue
        merged = tensor
        if name.endswith(f"{_LAYER}weight"):
            adapter = name.removesuffix(f"{_LAYER}weight") + f"{_ADAPTER}lora_"
            down, up = state[f"{adapter}A"].float(), state[f"{adapter}B"].float()
            merged = torch.addmm(tensor.float(), up, down, alpha=_ALPHA / len(down))
        elif name.endswith(".pos_embed"):
            merged = resize_positions(tensor.float(), config.side // 14)
        yield name.removeprefix("base_model.").replace(_LAYER, "."), merged


def resize_positions(table: Tensor, side: int) -> Tensor:
    """Resize a position table ``(1, 1 + n * n, width)`` to ``(1, 1 + side * side, width)`` as DINOv2 does.

    It passes a scale (with 0.1 added against rounding) and no size, and does not filter: sampling the grid at
    the exact size, or with antialiasing, gives other features.
    """
    old = round((table.shape[1] - 1) ** 0.5)
    grid = table[:, 1:].transpose(1, 2).reshape(1, -1, old, old)
    scale = (side + 0.1) / old
    resized = F.interpolate(grid, scale_factor=(scale, scale), mode="bicubic")
    return torch.cat([table[:, :1], resized.flatten(2).transpose(1, 2)], dim=1)
