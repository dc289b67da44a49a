"""68 points of a face: MobileNetV2 under a global depth-wise convolution.

FTCN's alignment uses RetinaFace's five points; these are for whoever needs the shape of a face. Weights:
``mobilenet_224_model_best_gdconv_external.pth`` in release ``v1`` of github.com/yinglinzheng/face_weights; no
licence is declared.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors import torchvision_cpu
from detectors.faces.pixels import resize

POINTS = 68
SIDE = 224
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)

Box = tuple[int, int, int, int]


class _ConvNorm(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.bn(self.conv(x))
        return out


class LandmarkNetwork(nn.Module):
    """The published network, without the second copy and the classifier that its file carries."""

    def __init__(self) -> None:
        super().__init__()
        torchvision_cpu.prepare()
        from torchvision.models import mobilenet_v2

        self.base_net = nn.Sequential(mobilenet_v2(weights=None).features)
        self.linear7 = _ConvNorm(1280, 1280, 7, groups=1280)
        self.linear1 = _ConvNorm(1280, 2 * POINTS, 1, groups=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, 224, 224)`` to ``(N, 136)``: x and y of each point in fractions of the box."""
        out: Tensor = self.linear1(self.linear7(self.base_net(x)))
        return out.flatten(1)


def _square(box: Box) -> tuple[int, int, int]:
    """Left, top and side of the square around a face's box (x1, y1, x2, y2)."""
    x1, y1, x2, y2 = box
    width, height = x2 - x1 + 1, y2 - y1 + 1
    side = int(1.2 * min(width, height))
    return x1 + width // 2 - side // 2, y1 + height // 2 - side // 2, side


def landmark_input(frame: Tensor, box: Box) -> tuple[Tensor, Box]:
    """Cut the square around a face out of a frame for the network.

    Args:
        frame: uint8 ``(H, W, 3)``.
        box: the face (x1, y1, x2, y2) in pixels, perhaps partly outside of the frame.

    Returns:
        ``(1, 3, 224, 224)``, black outside of the frame, and the part of the square that lies inside.
    """
    height, width = frame.shape[:2]
    left, top, side = _square(box)
    x1, y1, x2, y2 = max(0, left), max(0, top), min(width, left + side), min(height, top + side)
    square = frame.new_zeros(side, side, 3)
    square[y1 - top : y2 - top, x1 - left : x2 - left] = frame[y1:y2, x1:x2]
    mean, std = torch.tensor(_MEAN, device=frame.device), torch.tensor(_STD, device=frame.device)
    pixels = (resize(square, SIDE).float() / 255 - mean) / std
    return pixels.permute(2, 0, 1)[None], (x1, y1, x2, y2)


def to_frame(out: Tensor, box: Box) -> Tensor:
    """Return one output ``(136,)`` as ``(68, 2)`` pixels of the frame, given `landmark_input`'s box."""
    x1, y1, x2, y2 = box
    size = out.new_tensor([x2 - x1, y2 - y1])
    return out.view(POINTS, 2) * size + out.new_tensor([x1, y1])
