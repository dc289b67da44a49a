"""SAFE: a truncated ResNet-50 over the diagonal wavelet band, never resized (KDD 2025, arXiv 2408.06741)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from detectors import pixels
from detectors.frame_detector import FrameDetector
from detectors.resnet import TruncatedResNet50

SIDE = 256
_REACH = 2  # the filters of bior1.3 are six taps long: two pixels beyond each 2 x 2 cell


def _mirror(x: Tensor, axis: int) -> Tensor:
    """Extend an axis by its mirror image, edge pixel repeated, two at the start and two or three (to an even
    length) at the end.
    """
    length = x.shape[axis]
    end = _REACH + length % 2
    return torch.cat(
        [
            x.narrow(axis, 0, _REACH).flip(axis),
            x,
            x.narrow(axis, length - end, end).flip(axis),
        ],
        dim=axis,
    )


def diagonal_band(x: Tensor) -> Tensor:
    """Return the diagonal detail of a one-level wavelet transform, bior1.3 with symmetric extension.

    The high-pass filter has only two taps, so that the band is a difference within each 2 x 2 cell.

    Args:
        x: float ``(N, C, H, W)``, H and W at least 3.

    Returns:
        float ``(N, C, (H + 5) // 2, (W + 5) // 2)``.
    """
    x = _mirror(_mirror(x, axis=-1), axis=-2)
    top, bottom = x[..., ::2, :], x[..., 1::2, :]
    return 0.5 * (top[..., ::2] - top[..., 1::2] - bottom[..., ::2] + bottom[..., 1::2])


class SAFENetwork(TruncatedResNet50):
    """The network alone."""

    def __init__(self) -> None:
        super().__init__(classes=2)

    def high_pass(self, x: Tensor) -> Tensor:
        """Return the diagonal band of a picture, enlarged to its size."""
        return F.interpolate(diagonal_band(x), size=x.shape[-2:], mode="bilinear")

    def forward(self, x: Tensor) -> Tensor:
        """Map RGB in [0, 1] ``(N, 3, H, W)`` to the logits of real and fake, ``(N, 2)``."""
        return super().forward(self.high_pass(x))


class SAFE(FrameDetector):
    """SAFE on pictures."""

    @classmethod
    def build(cls) -> nn.Module:
        """Return the network without weights."""
        return SAFENetwork()

    def prepare(self, frames: Tensor) -> Tensor:
        """Cut the central 256 x 256 pixels (black beyond a smaller picture): float32 ``(N, 3, 256, 256)``."""
        return pixels.unit(pixels.centre_crop(frames, SIDE))

    def logit(self, output: Tensor) -> Tensor:
        """Return the logit whose sigmoid is the softmax of fake."""
        return output[:, 1] - output[:, 0]
