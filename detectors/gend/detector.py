"""GenD's detectors: preprocessing, one logit per face, the mean of the faces' probabilities."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from detectors import aggregation, face_crops, pixels
from detectors.base import Output, View
from detectors.gend.networks import GenDCLIPNetwork, GenDDINOv3Network, GenDPENetwork
from detectors.network_detector import NetworkDetector
from detectors.record import WeightsRecord

SIDE = 224
_HALF = (0.5, 0.5, 0.5)


class GenD(NetworkDetector):
    """What the three have in common; a subclass chooses the network and prepares faces for it."""

    view = View.FACES
    network: ClassVar[type[GenDCLIPNetwork | GenDPENetwork | GenDDINOv3Network]]

    @classmethod
    def build(cls, record: WeightsRecord) -> nn.Module:
        """Return the network, without storage."""
        del record
        with torch.device("meta"):
            return cls.network()

    @abstractmethod
    def prepare(self, crops: Tensor) -> Tensor:
        """Map uint8 ``(N, S, S, 3)``, S >= 64, to the network's input ``(N, 3, 224, 224)``."""

    def preprocess(self, view: Tensor) -> Tensor:
        """Prepare faces: float32 ``(N, 3, 224, 224)`` on the detector's device.

        Raises:
            NotApplicable: no face, or faces smaller than 64 pixels.
        """
        face_crops.require(view)
        return self.prepare(view).to(self._device)

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        """Return one logit per face, float32 ``(len(batch),)``; its sigmoid is the published probability."""
        real, fake = self._network(batch).unbind(-1)
        logits: Tensor = fake - real
        return logits

    def reduce(self, logits: Tensor) -> Output:
        """Average the probabilities; several faces leave their own as ``face_scores`` in the evidence."""
        return aggregation.of_probabilities(torch.sigmoid(logits.double()), "face")


class GenDCLIP(GenD):
    """GenD on CLIP ViT-L/14: bicubic to 224 x 224, CLIP's mean and deviation."""

    network = GenDCLIPNetwork

    def prepare(self, crops: Tensor) -> Tensor:
        """See `GenD.prepare`."""
        resized = pixels.squeeze(crops, SIDE, Image.Resampling.BICUBIC)
        return pixels.normalise(resized, pixels.CLIP_MEAN, pixels.CLIP_STD)


class GenDPE(GenD):
    """GenD on Perception Encoder L/14: bicubic to 224 x 224, scaled to [-1, 1]."""

    network = GenDPENetwork

    def prepare(self, crops: Tensor) -> Tensor:
        """See `GenD.prepare`."""
        return pixels.normalise(pixels.squeeze(crops, SIDE, Image.Resampling.BICUBIC), _HALF, _HALF)


class GenDDINOv3(GenD):
    """GenD on DINOv3 ViT-L/16: bilinear to 224 x 224 without rounding, ImageNet's mean and deviation."""

    network = GenDDINOv3Network

    def prepare(self, crops: Tensor) -> Tensor:
        """See `GenD.prepare`."""
        unit = pixels.unit(crops.to(self._device))
        resized = F.interpolate(unit, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
        mean = torch.tensor(pixels.IMAGENET_MEAN, device=self._device).view(3, 1, 1)
        return (resized - mean) / torch.tensor(pixels.IMAGENET_STD, device=self._device).view(3, 1, 1)
