"""FTCN as a detector of clips of tracked and aligned faces; the network is in `detectors.ftcn_network`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from detectors import aggregation
from detectors.base import Output, View
from detectors.errors import NotApplicable
from detectors.ftcn_network import CLIP, SIDE, FTCNNetwork, fold_norms
from detectors.network_detector import NetworkDetector
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


class FTCN(NetworkDetector):
    """FTCN (published weights: clips of FaceForensics++).

    The score is the mean of the clips' probabilities, as TrueMedia served it.
    """

    view = View.FACE_CLIPS

    def __init__(self, network: nn.Module, record: WeightsRecord, device: str = "cpu") -> None:
        super().__init__(network, record, device)
        fold_norms(self._network)

    @classmethod
    def build(cls, record: WeightsRecord) -> nn.Module:
        """Return the network, without storage."""
        del record
        with torch.device("meta"):
            return FTCNNetwork()

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
