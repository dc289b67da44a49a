"""Community Forensics: a small vision transformer taught 4803 generators (CVPR 2025, arXiv 2411.04125)."""

from __future__ import annotations

from typing import ClassVar

from PIL import Image
from torch import Tensor, nn

from detectors import pixels, torchvision_cpu
from detectors.frame_detector import FrameDetector

# Of a longer banner only the middle is enlarged: the rest would be cut away afterwards.
MAX_ASPECT = 8


class CommunityForensicsNetwork(nn.Module):
    """ViT-S/16 with one output.

    Args:
        side: 384 or 224, the sides of the published networks' pictures.
    """

    def __init__(self, side: int = 384) -> None:
        super().__init__()
        torchvision_cpu.prepare()
        import timm

        self.vit = timm.create_model(f"vit_small_patch16_{side}", pretrained=False, num_classes=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ImageNet-normalised RGB ``(N, 3, side, side)`` to one logit each, ``(N, 1)``, + = fake."""
        logits: Tensor = self.vit(x)
        return logits


class CommunityForensics(FrameDetector):
    """The network for 384 x 384 pixels: the centre of the picture after its shorter side became 440."""

    side: ClassVar[int] = 384
    resized: ClassVar[int] = 440

    @classmethod
    def build(cls) -> nn.Module:
        """Return the network without weights."""
        return CommunityForensicsNetwork(cls.side)

    def prepare(self, frames: Tensor) -> Tensor:
        """Resize the shorter side, cut the centre and normalise as ImageNet."""
        resized = pixels.shorter_side(_middle(frames), self.resized, Image.Resampling.BILINEAR)
        cropped = pixels.centre_crop(resized, self.side)
        return pixels.normalise(cropped, pixels.IMAGENET_MEAN, pixels.IMAGENET_STD)


class CommunityForensics224(CommunityForensics):
    """The network for 224 x 224 pixels, after the shorter side became 256."""

    side = 224
    resized = 256


def _middle(frames: Tensor) -> Tensor:
    """Cut the longer side to at most `MAX_ASPECT` times the shorter one."""
    height, width = frames.shape[1:3]
    longest = MAX_ASPECT * min(height, width)
    top, left = (max(0, length - longest) // 2 for length in (height, width))
    return frames[:, top : top + longest, left : left + longest]
