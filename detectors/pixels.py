"""Published preprocessing of pictures, to the pixel: what torchvision and Pillow do to a decoded RGB picture.

All functions take and give stacks of frames, uint8 ``(N, H, W, 3)``, until `normalise` makes a network's
input of them.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def unit(frames: Tensor) -> Tensor:
    """Map uint8 ``(N, H, W, 3)`` to float32 ``(N, 3, H, W)`` in [0, 1]."""
    return frames.permute(0, 3, 1, 2).float() / 255


def normalise(frames: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Map uint8 ``(N, H, W, 3)`` to float32 ``(N, 3, H, W)`` with a mean and deviation per channel."""
    centre = torch.tensor(mean, device=frames.device).view(3, 1, 1)
    scale = torch.tensor(std, device=frames.device).view(3, 1, 1)
    return (unit(frames) - centre) / scale


def centre_crop(frames: Tensor, side: int) -> Tensor:
    """Cut the central ``side x side`` pixels; what a smaller picture lacks is black.

    Where the margins cannot be equal, padding gives the odd pixel to the right or bottom, and a cut begins
    at half the difference rounded to the even number, as torchvision's ``CenterCrop`` does.
    """
    missing = [max(0, side - length) for length in frames.shape[1:3]]
    if any(missing):
        (above, below), (left, right) = ((lack // 2, lack - lack // 2) for lack in missing)
        frames = F.pad(frames, (0, 0, left, right, above, below))
    top, left = (round((length - side) / 2) for length in frames.shape[1:3])
    return frames[:, top : top + side, left : left + side]


def squeeze(frames: Tensor, side: int, resample: Image.Resampling) -> Tensor:
    """Resize to ``side x side`` whatever the aspect ratio, by Pillow's antialiased filters."""
    return _resize(frames, (side, side), resample)


def shorter_side(frames: Tensor, side: int, resample: Image.Resampling) -> Tensor:
    """Resize so that the shorter side becomes `side`, aspect kept, by Pillow's antialiased filters.

    The longer side is rounded down, as torchvision's ``Resize`` does.
    """
    height, width = frames.shape[1:3]
    shorter = min(height, width)
    size = (side * width // shorter, side * height // shorter)
    return _resize(frames, size, resample)


def _resize(frames: Tensor, size: tuple[int, int], resample: Image.Resampling) -> Tensor:
    """Resize to a size in Pillow's order, ``(width, height)``."""
    pictures = (Image.fromarray(frame) for frame in frames.cpu().numpy())
    return torch.stack([torch.from_numpy(np.array(picture.resize(size, resample))) for picture in pictures])
