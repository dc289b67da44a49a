"""GenConViT's three published ways to judge faces: network A, network B, and both together.

All share the preprocessing and the aggregation; `face_crops.MIN_SIDE` is ours, the published face finder
misses smaller ones anyway.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from detectors import aggregation, face_crops, pixels, weights
from detectors.area_resize import area_resize
from detectors.base import Detector, Output, View
from detectors.genconvit.ed import GenConViTEdNetwork
from detectors.genconvit.vae import LATENT, GenConViTVaeNetwork
from detectors.record import WeightsRecord

SIDE = 224


class _VaeDraw:
    """Network B as a function of the faces alone.

    Args:
        noise_seed: the published code draws noise at each prediction, so that its scores differ from run to
            run. None leaves the noise out; a seed draws what ``torch.manual_seed(noise_seed)`` right before
            each prediction gives on a CPU, the same on every device.
    """

    def __init__(self, network: GenConViTVaeNetwork, noise_seed: int | None) -> None:
        self._network = network
        self._noise_seed = noise_seed

    def __call__(self, batch: Tensor) -> Tensor:
        noise = None
        if self._noise_seed is not None:
            generator = torch.Generator().manual_seed(self._noise_seed)
            noise = torch.randn(len(batch), LATENT, generator=generator).to(batch)
        logits: Tensor = self._network(batch, noise)
        return logits


class _GenConViT(Detector):
    """What the three have in common; a subclass chooses the networks.

    Args:
        noise_seed: see `_VaeDraw`; network A draws nothing.
    """

    view = View.FACES
    networks: ClassVar[tuple[type[GenConViTEdNetwork | GenConViTVaeNetwork], ...]]

    def __init__(
        self,
        networks: tuple[nn.Module, ...],
        record: WeightsRecord,
        device: str = "cpu",
        noise_seed: int | None = None,
    ) -> None:
        self.record = record
        self._device = torch.device(device)
        for network in networks:
            # The ConvNeXts run an eighth faster on a CPU in this layout.
            network.eval().to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._forwards = [
            _VaeDraw(network, noise_seed) if isinstance(network, GenConViTVaeNetwork) else network
            for network in networks
        ]

    @classmethod
    def load(
        cls,
        record: WeightsRecord,
        device: str = "cpu",
        weights_dir: Path | None = None,
        *,
        noise_seed: int | None = None,
    ) -> Self:
        """Build the networks and fill them from the record's file and its part, one each.

        Raises:
            WeightsError: see `weights.load_into`.
        """
        with torch.device("meta"):
            networks = tuple(network() for network in cls.networks)
        for network, part in zip(networks, (None, *record.parts), strict=True):
            weights.load_into(network, record, weights_dir, part=part)
        return cls(networks, record, device, noise_seed)

    def preprocess(self, view: Tensor) -> Tensor:
        """Resize faces to 224 x 224 as OpenCV's INTER_AREA and normalise: float32 ``(N, 3, 224, 224)``.

        Raises:
            NotApplicable: no face, or faces smaller than 64 pixels.
        """
        face_crops.require(view)
        resized = area_resize(view.to(self._device), SIDE, SIDE)
        return pixels.normalise(resized, pixels.IMAGENET_MEAN, pixels.IMAGENET_STD)

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        """Return each network's logits of each face, float32 ``(len(batch), networks, 2)``: fake, real.

        The published score needs both classes, so there are two figures and not one per item and network.
        """
        return torch.stack([forward(batch) for forward in self._forwards], dim=1)

    def reduce(self, logits: Tensor) -> Output:
        """Combine as published; several faces leave their own scores as ``face_scores`` in the evidence."""
        probabilities = torch.sigmoid(logits.double())
        score = float(published_score(probabilities.mean(dim=(0, 1))))
        if len(logits) == 1:
            return Output(score)
        return Output(score, {"face_scores": aggregation.rounded(published_score(probabilities.mean(dim=1)))})


def published_score(means: Tensor) -> Tensor:
    """Map mean sigmoids ``(..., 2)`` (fake, real) to scores ``(...)``.

    The two are not complementary: the score is the fake class's mean where that is the larger, else one less
    the real class's mean.
    """
    fake, real = means.unbind(-1)
    return torch.where(fake > real, fake, 1 - real)


class GenConViTEd(_GenConViT):
    """Network A alone (`ed`)."""

    networks = (GenConViTEdNetwork,)


class GenConViTVae(_GenConViT):
    """Network B alone (`vae`)."""

    networks = (GenConViTVaeNetwork,)


class GenConViT(_GenConViT):
    """Both networks, their outputs weighing the same: the published default."""

    networks = (GenConViTEdNetwork, GenConViTVaeNetwork)
