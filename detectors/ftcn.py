"""FTCN as a detector of clips of tracked and aligned faces; the network is in `detectors.ftcn_network`."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F

from detectors import aggregation, weights
from detectors.base import Detector, Output, View
from detectors.errors import NotApplicable
from detectors.ftcn_network import CLIP, SIDE, FTCNNetwork, fold_norms
from detectors.record import WeightsRecord

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def normalise(clips: Tensor) -> Tensor:
    """Map uint8 RGB ``(N, 3, T, H, W)`` to float32 with ImageNet's mean and deviation."""
    mean = torch.tensor(_MEAN, device=clips.device).view(3, 1, 1, 1) * 255
    std = torch.tensor(_STD, device=clips.device).view(3, 1, 1, 1) * 255
    return (clips.float() - mean) / std


def face_clips(view: Tensor) -> Tensor:
    """Check a view of face clips and reorder it to uint8 ``(C, 3, 32, S, S)`` without a copy.

    Raises:
        NotApplicable: no clip, or clips shorter than 32 frames.
    """
    if view.shape[0] == 0:
        raise NotApplicable("no face could be followed from frame to frame")
    if view.shape[1] < CLIP:
        raise NotApplicable(f"the video is too short ({view.shape[1]} frames of a face; at least {CLIP})")
    return view[:, :CLIP].permute(0, 4, 1, 2, 3)


def resize(clips: Tensor, side: int, *, mode: str = "bilinear") -> Tensor:
    """Resize uint8 ``(C, 3, T, S, S)``, antialiased, to ``side``; that size already: unchanged."""
    if clips.shape[-1] == side:
        return clips
    frames = clips.transpose(1, 2).flatten(0, 1)
    resized = F.interpolate(frames, size=(side, side), mode=mode, antialias=True)
    return resized.view(len(clips), -1, *resized.shape[1:]).transpose(1, 2)


class FTCN(Detector):
    """FTCN (published weights: clips of FaceForensics++).

    The score is the mean of the clips' probabilities, as TrueMedia served it.
    """

    view = View.FACE_CLIPS

    def __init__(self, network: FTCNNetwork, record: WeightsRecord, device: str = "cpu") -> None:
        self.record = record
        self._device = torch.device(device)
        self._network = network.eval().to(self._device)
        fold_norms(self._network)

    @classmethod
    def load(cls, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None) -> Self:
        """Build the network and fill it.

        Raises:
            WeightsError: see `weights.load_into`.
        """
        with torch.device("meta"):
            network = FTCNNetwork()
        weights.load_into(network, record, weights_dir)
        return cls(network, record, device)

    def preprocess(self, view: Tensor) -> Tensor:
        """Return the clips as uint8 ``(C, 3, 32, 224, 224)``; `forward` normalises, for memory.

        Raises:
            NotApplicable: no face, or none for 32 frames.
        """
        return resize(face_clips(view), SIDE)

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        """Return one logit per clip, float32 ``(len(batch),)``; one clip at a time bounds the memory."""
        clips = (normalise(clip.to(self._device)) for clip in torch.split(batch, 1))
        return torch.cat([self._network(clip)[:, 0] for clip in clips])

    def reduce(self, logits: Tensor) -> Output:
        """Average the clips' probabilities; several are in the evidence as ``clip_scores``."""
        return aggregation.of_probabilities(torch.sigmoid(logits.double()), "clip")
