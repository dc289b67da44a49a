"""Veritag's own detector of manipulated faces, trained on self-blended real faces alone.

It looks for a part of a face that does not belong: pasted in, coded anew, of other sharpness, colour or light
than what surrounds it (Shiohara and Yamasaki, CVPR 2022, arXiv 2204.08376; the recipe is
`detectors.training.veritag_face`). Wholly generated faces have no such part.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors import aggregation, face_crops, pixels
from detectors.area_resize import area_resize
from detectors.base import Output, View
from detectors.network_detector import NetworkDetector
from detectors.record import WeightsRecord
from detectors.veritag_face_network import SIDE, VeritagFaceNetwork


class VeritagFace(NetworkDetector):
    """Judges face crops one by one; a medium by its more suspicious faces."""

    view = View.FACES

    def __init__(self, network: nn.Module, record: WeightsRecord, device: str = "cpu") -> None:
        super().__init__(network, record, device)
        # Convolutions are faster so on a CPU; a batch made from ``(N, H, W, 3)`` has this layout already.
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def build(cls, record: WeightsRecord) -> nn.Module:
        """Return the network."""
        del record
        return VeritagFaceNetwork()

    def preprocess(self, view: Tensor) -> Tensor:
        """Average faces down to 112 x 112: float32 ``(N, 3, 112, 112)`` in [0, 1].

        Raises:
            NotApplicable: no face, or faces smaller than 64 pixels.
        """
        face_crops.require(view)
        return pixels.unit(area_resize(view.to(self._device), SIDE, SIDE))

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        """Return one logit per face, float32 ``(len(batch),)``: the mean over it and its mirror image."""
        logits: Tensor = self._network(torch.cat([batch, batch.flip(3)]))
        return logits.view(2, len(batch)).mean(dim=0)

    def reduce(self, logits: Tensor) -> Output:
        """Average the logits; several faces leave their own scores as ``face_scores`` in the evidence."""
        return aggregation.of_logits(logits, "face")
