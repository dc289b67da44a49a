"""RetinaFace with a quarter-width MobileNet (arXiv 1905.00641): boxes and five points of every face."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

# The published code feeds RGB less the mean of BGR; the numbers below do the same.
_MEAN = (104.0, 117.0, 123.0)
_STEPS = (8, 16, 32)
_SIZES = ((16, 32), (64, 128), (256, 512))
_VARIANCE = (0.1, 0.2)
_WIDTH = 64
MIN_SCORE = 0.02
_MAX_OVERLAP = 0.4
_BEFORE_SUPPRESSION = 5000
_KEPT = 750


def _conv_bn(in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(out_channels)]


def _conv_bn_relu(in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(*_conv_bn(in_channels, out_channels, kernel, stride), nn.LeakyReLU(0.1))


def _separable(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, in_channels, 3, stride, padding=1, groups=in_channels, bias=False),
        nn.BatchNorm2d(in_channels),
        nn.LeakyReLU(0.1),
        *_conv_bn_relu(in_channels, out_channels, kernel=1),
    )


class _Body(nn.Module):
    """Features at 1/8, 1/16 and 1/32 of the picture: 64, 128 and 256 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(
            _conv_bn_relu(3, 8, stride=2),
            _separable(8, 16),
            _separable(16, 32, stride=2),
            _separable(32, 32),
            _separable(32, 64, stride=2),
            _separable(64, 64),
        )
        self.stage2 = nn.Sequential(_separable(64, 128, stride=2), *(_separable(128, 128) for _ in range(5)))
        self.stage3 = nn.Sequential(_separable(128, 256, stride=2), _separable(256, 256))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine = self.stage1(x)
        middle = self.stage2(fine)
        return fine, middle, self.stage3(middle)


class _Pyramid(nn.Module):
    """All levels with 64 channels; the coarser ones are added to the finer ones."""

    def __init__(self) -> None:
        super().__init__()
        self.output1 = _conv_bn_relu(64, _WIDTH, kernel=1)
        self.output2 = _conv_bn_relu(128, _WIDTH, kernel=1)
        self.output3 = _conv_bn_relu(256, _WIDTH, kernel=1)
        self.merge1 = _conv_bn_relu(_WIDTH, _WIDTH)
        self.merge2 = _conv_bn_relu(_WIDTH, _WIDTH)

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine, middle, coarse = self.output1(fine), self.output2(middle), self.output3(coarse)
        middle = self.merge2(middle + F.interpolate(coarse, size=middle.shape[2:]))
        fine = self.merge1(fine + F.interpolate(middle, size=fine.shape[2:]))
        return fine, middle, coarse


class _Context(nn.Module):
    """SSH: windows of 3, 5 and 7 pixels side by side."""

    def __init__(self) -> None:
        super().__init__()
        half, quarter = _WIDTH // 2, _WIDTH // 4
        self.conv3X3 = nn.Sequential(*_conv_bn(_WIDTH, half))
        self.conv5X5_1 = _conv_bn_relu(_WIDTH, quarter)
        self.conv5X5_2 = nn.Sequential(*_conv_bn(quarter, quarter))
        self.conv7X7_2 = _conv_bn_relu(quarter, quarter)
        self.conv7x7_3 = nn.Sequential(*_conv_bn(quarter, quarter))

    def forward(self, x: Tensor) -> Tensor:
        shared = self.conv5X5_1(x)
        wide = self.conv7x7_3(self.conv7X7_2(shared))
        return F.relu(torch.cat([self.conv3X3(x), self.conv5X5_2(shared), wide], dim=1))


class _Head(nn.Module):
    """``values`` numbers for each of the two priors per place, ``(N, places * 2, values)``."""

    def __init__(self, values: int) -> None:
        super().__init__()
        self.values = values
        self.conv1x1 = nn.Conv2d(_WIDTH, 2 * values, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv1x1(x).permute(0, 2, 3, 1)
        return out.reshape(len(x), -1, self.values)


class RetinaFace(nn.Module):
    """The published network."""

    def __init__(self) -> None:
        super().__init__()
        self.body = _Body()
        self.fpn = _Pyramid()
        self.ssh1, self.ssh2, self.ssh3 = _Context(), _Context(), _Context()
        self.ClassHead = nn.ModuleList(_Head(2) for _ in _STEPS)
        self.BboxHead = nn.ModuleList(_Head(4) for _ in _STEPS)
        self.LandmarkHead = nn.ModuleList(_Head(10) for _ in _STEPS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map `normalise`d frames to ``(N, priors, 4)`` offsets, ``2`` probabilities and ``10`` landmarks."""
        levels = self.fpn(*self.body(x))
        features = [
            context(level) for context, level in zip((self.ssh1, self.ssh2, self.ssh3), levels, strict=True)
        ]
        offsets, classes, landmarks = (
            torch.cat([head(level) for head, level in zip(heads, features, strict=True)], dim=1)
            for heads in (self.BboxHead, self.ClassHead, self.LandmarkHead)
        )
        return offsets, classes.softmax(dim=2), landmarks


class Faces(NamedTuple):
    """The faces of one frame, best first: boxes ``(K, 4)`` (x1, y1, x2, y2), scores ``(K,)`` and landmarks
    ``(K, 5, 2)`` (eyes, nose, corners of the mouth), all in pixels.
    """

    boxes: np.ndarray
    scores: np.ndarray
    landmarks: np.ndarray


def normalise(frames: Tensor) -> Tensor:
    """Map uint8 RGB ``(N, H, W, 3)`` to the network's float32 ``(N, 3, H, W)``."""
    return (frames.float() - torch.tensor(_MEAN, device=frames.device)).permute(0, 3, 1, 2)


def priors(height: int, width: int) -> Tensor:
    """Return the boxes that offsets refer to, ``(priors, 4)``: centre and size in fractions of the frame."""
    boxes = [
        ((column + 0.5) * step / width, (row + 0.5) * step / height, size / width, size / height)
        for step, sizes in zip(_STEPS, _SIZES, strict=True)
        for row, column, size in itertools.product(range(-(-height // step)), range(-(-width // step)), sizes)
    ]
    return torch.tensor(boxes)


def decode(
    offsets: Tensor, landmarks: Tensor, prior: Tensor, width: int, height: int
) -> tuple[Tensor, Tensor]:
    """Return boxes ``(..., 4)`` and landmarks ``(..., 5, 2)`` in pixels from offsets to the priors."""
    centre, size = prior[:, :2], prior[:, 2:]
    half = size * torch.exp(offsets[..., 2:] * _VARIANCE[1]) / 2
    middle = centre + offsets[..., :2] * _VARIANCE[0] * size
    points = centre[:, None] + landmarks.reshape(*landmarks.shape[:-1], 5, 2) * _VARIANCE[0] * size[:, None]
    scale = torch.tensor([width, height], dtype=prior.dtype, device=prior.device)
    return torch.cat([(middle - half) * scale, (middle + half) * scale], dim=-1), points * scale


def suppress(boxes: np.ndarray) -> list[int]:
    """Return which boxes (best first) stay: those that overlap no better one by more than 0.4 (pixels count
    from edge to edge, hence + 1).
    """
    x1, y1, x2, y2 = boxes.T
    areas = (x2 - x1 + 1) * (y2 - y1 + 1)
    left = np.arange(len(boxes))
    kept = []
    while left.size:
        best, left = left[0], left[1:]
        kept.append(int(best))
        width = np.minimum(x2[best], x2[left]) - np.maximum(x1[best], x1[left]) + 1
        height = np.minimum(y2[best], y2[left]) - np.maximum(y1[best], y1[left]) + 1
        shared = np.maximum(0, width) * np.maximum(0, height)
        left = left[shared <= _MAX_OVERLAP * (areas[best] + areas[left] - shared)]
    return kept


def select(boxes: Tensor, scores: Tensor, landmarks: Tensor, min_score: float = MIN_SCORE) -> Faces:
    """Keep a frame's faces above ``min_score``, without near copies: at most 750."""
    candidates = (scores > min_score).nonzero()[:, 0]
    order = candidates[scores[candidates].argsort(descending=True, stable=True)][:_BEFORE_SUPPRESSION]
    found = Faces(*(values[order].cpu().numpy() for values in (boxes, scores, landmarks)))
    kept = suppress(found.boxes)[:_KEPT]
    return Faces(*(values[kept] for values in found))


@torch.inference_mode()
def find_faces(network: RetinaFace, frames: Iterable[Tensor], max_side: int | None = None) -> list[Faces]:
    """Find the faces of each frame on the network's device.

    Args:
        frames: uint8 ``(H, W, 3)`` each.
        max_side: search a smaller copy where a frame is longer than this. Published: full resolution. Faces
            large enough for FTCN (5000 square pixels) are found in a copy of 640 pixels of an HD frame, in a
            quarter of the time.
    """
    device = next(network.parameters()).device
    prior = torch.empty(0)
    shape: tuple[int, ...] = ()
    found = []
    for frame in frames:
        pixels = _shrink(normalise(frame[None].to(device)), max_side)
        if shape != pixels.shape[2:]:
            shape = pixels.shape[2:]
            prior = priors(*shape).to(device)
        offsets, classes, landmarks = network(pixels)
        height, width = frame.shape[:2]
        boxes, points = decode(offsets[0], landmarks[0], prior, width, height)
        found.append(select(boxes, classes[0, :, 1], points))
    return found


def _shrink(pixels: Tensor, max_side: int | None) -> Tensor:
    height, width = pixels.shape[2:]
    longest = max(height, width)
    if max_side is None or longest <= max_side:
        return pixels
    size = [max(1, round(length * max_side / longest)) for length in (height, width)]
    return F.interpolate(pixels, size=size, mode="bilinear", antialias=True)
