"""What detectors have in common that read a small head of their own off CLIP's image tower.

The tower's file is shared: each record names it as its part ``trunk``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from detectors import clip_vit, pixels, weights
from detectors.clip_vit import VIT_L_14, CLIPConfig
from detectors.frame_detector import FrameDetector
from detectors.record import WeightsRecord

TRUNK = "trunk"


class CLIPDetector(FrameDetector):
    """A detector of pictures over CLIP ViT-L/14."""

    config: ClassVar[CLIPConfig] = VIT_L_14

    @classmethod
    def read(cls, record: WeightsRecord, weights_dir: Path | None = None) -> Mapping[str, Tensor]:
        """Return the tensors of the head and of the trunk; the trunk's 1.2 GB stay in the file's pages.

        Raises:
            WeightsError: see `weights.read`.
        """
        head = cls.head_state(weights.read(record, weights_dir))
        return {**cls.trunk_state(weights.read(record, weights_dir, part=TRUNK)), **head}

    @classmethod
    def trunk_state(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Map the trunk file's tensors to those of the network."""
        return clip_vit.vision_state(state)

    @classmethod
    def head_state(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Map the head file's tensors to those of the network."""
        return dict(state)

    def prepare(self, frames: Tensor) -> Tensor:
        """Cut the central 224 x 224 pixels (black beyond a smaller picture) and normalise as CLIP does."""
        cropped = pixels.centre_crop(frames, self.config.side)
        return pixels.normalise(cropped, pixels.CLIP_MEAN, pixels.CLIP_STD)
