"""DistilDIRE: does a diffusion model explain this picture? (arXiv 2406.00856)

A ResNet-50 sees the picture beside the noise that ADM's U-Net finds in it (`detectors.adm_unet`). It was
taught the features that an ImageNet network reads off the error of a whole diffusion round trip (DIRE, arXiv
2303.09295).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from detectors import adm_unet, aggregation, frames, torchvision_cpu, weights
from detectors.adm_unet import ADMUNet, one_step_noise
from detectors.base import Detector, Output, View
from detectors.errors import NotApplicable
from detectors.record import WeightsRecord

SIDE = 224
MIN_SIDE = 32
MAX_ASPECT = 16


class DistilDIREStudent(nn.Module):
    """The student.

    Args:
        channels: 6 for picture and noise; 3 for the published variants that see one of noise and DIRE image.
    """

    def __init__(self, channels: int = 6) -> None:
        super().__init__()
        torchvision_cpu.prepare()
        import timm

        self.student_backbone = timm.create_model(
            "resnet50", pretrained=False, in_chans=channels, num_classes=0, global_pool=""
        )
        self.student_head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, channels, 224, 224)`` to logits ``(N, 1)``; positive = fake."""
        logits: Tensor = self.student_head(self.student_backbone(x))
        return logits


def resize(x: Tensor, side: int) -> Tensor:
    """Scale ``(N, 3, H, W)`` until its shorter side is ``side``, antialiased; cut out the centre square."""
    height, width = x.shape[2:]
    shorter = min(height, width)
    size = [int(side * length / shorter) for length in (height, width)]
    scaled = F.interpolate(x, size=size, mode="bilinear", antialias=True)
    top, left = (round((length - side) / 2) for length in size)
    return scaled[:, :, top : top + side, left : left + side]


def eight_bit(x: Tensor) -> Tensor:
    """Round [-1, 1] to 256 levels, as the published pipeline does between its two networks."""
    levels = ((x + 1) / 2 * 255 + 0.5).clamp(0, 255).floor()
    return levels / 255 * 2 - 1


class DistilDIRE(Detector):
    """DistilDIRE on pictures; nine seconds each on two cores, nearly all of them in the U-Net."""

    view = View.FRAMES

    def __init__(
        self, student: DistilDIREStudent, unet: ADMUNet, record: WeightsRecord, device: str = "cpu"
    ) -> None:
        self.record = record
        self._device = torch.device(device)
        self._student = student.eval().to(self._device)
        self._unet = unet.eval().to(self._device)

    @classmethod
    def load(cls, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None) -> DistilDIRE:
        """Build both networks and fill them.

        Raises:
            WeightsError: see `weights.load_into`.
        """
        with torch.device("meta"):
            student, unet = DistilDIREStudent(), ADMUNet()
        weights.load_into(student, record, weights_dir)
        weights.load_into(unet, record, weights_dir, part="unet")
        return cls(student, unet, record, device)

    def preprocess(self, view: Tensor) -> Tensor:
        """Return the centre square of each picture: float32 ``(N, 3, 256, 256)`` in [-1, 1].

        Raises:
            NotApplicable: no picture, one with a side below 32 pixels, or one 16 times as long as wide.
        """
        frames.require(view, MIN_SIDE)
        height, width = view.shape[1:3]
        if max(height, width) > MAX_ASPECT * min(height, width):
            raise NotApplicable(f"the picture is too narrow to judge ({width} x {height} pixels)")
        pixels = view.to(self._device).permute(0, 3, 1, 2)
        return torch.cat([resize(one.float() / 255 * 2 - 1, adm_unet.SIDE) for one in torch.split(pixels, 1)])

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        """Return one logit per picture, float32 ``(len(batch),)``; one at a time bounds the memory."""
        return torch.cat([self._logit(picture) for picture in torch.split(batch, 1)])

    def _logit(self, picture: Tensor) -> Tensor:
        noise = one_step_noise(self._unet, picture)
        logits: Tensor = self._student(student_input(picture, noise))
        return logits[:, 0]

    def reduce(self, logits: Tensor) -> Output:
        """Average the logits; several frames leave their own scores as ``frame_scores`` in the evidence."""
        return aggregation.of_logits(logits, "frame")


def student_input(picture: Tensor, noise: Tensor) -> Tensor:
    """Put the picture in 8 bits beside the noise in full precision: ``(N, 6, 224, 224)``."""
    return torch.cat([eight_bit(resize(picture, SIDE)), resize(noise, SIDE)], dim=1)
