"""The plain path to a GenConViT score: what the engine is compared with.

decord frame by frame, facenet-pytorch's MTCNN on each frame at its full size, both networks in float32 torch
with everything computed that the published code computes, one medium at a time. Crops and aggregation are the
engine's, and the noise that the published network B draws is drawn and left out, so that the logits of both
can be compared.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import detectors
from analysis.decoding.decoder import Decoded
from analysis.decoding.sampling import frame_indices
from analysis.faces import CropFaces, FindFaces
from analysis.limits import Sampling
from analysis.model import Kind, Probe
from analysis.views import PRODUCERS, Made, Views
from detectors import torchvision_cpu
from detectors.faces.mtcnn import suppress
from detectors.faces.retinaface import Faces
from detectors.genconvit import GenConViT, GenConViTVaeNetwork
from tests.reference.cases.genconvit import CASES
from tests.reference.vectors import HERE, Vectors

FRAMES = 15


@dataclass(frozen=True)
class Judged:
    """A clip's score, each face's logits ``(N, 2, 2)`` and crop, and seconds by stage."""

    score: float
    logits: Tensor
    crops: Tensor
    seconds: dict[str, float]


class PublishedVae(nn.Module):
    """Network B as published: the layer mu evaluated three times, var once, a reconstruction at full size.

    The layer var, which is as large, borrows mu's weights: its output is thrown away.
    """

    def __init__(self, live: GenConViTVaeNetwork) -> None:
        super().__init__()
        self.live = live

    def forward(self, x: Tensor) -> Tensor:
        live, encoder = self.live, self.live.encoder
        features = encoder.features(x).flatten(1)
        mu, var = encoder.mu(features), encoder.mu(features)
        0.5 * torch.mean(-0.5 * torch.sum(1 + var - mu**2 - var.exp(), dim=1))
        noise = torch.randn_like(mu)
        z = 0.0 * noise * torch.exp(0.5 * encoder.mu(features)).clamp(max=1) + encoder.mu(features)
        picture = live.decoder(z)
        both = torch.cat([live.convnext_backbone(x), live.convnext_backbone(picture)], dim=1)
        F.interpolate(picture, (224, 224), mode="bilinear", antialias=True)
        logits: Tensor = live.fc2(F.relu(live.fc(F.relu(both))))
        return logits


class PlainFinder:
    """facenet-pytorch's own MTCNN with its own settings, one frame after another."""

    def __init__(self) -> None:
        torchvision_cpu.prepare()
        from facenet_pytorch import MTCNN

        self._mtcnn = MTCNN(keep_all=True)

    def find(self, frames: Tensor, min_face: float = 20) -> list[Faces]:
        """See `FaceFinder`; its own smallest face is 20 pixels."""
        assert min_face == self._mtcnn.min_face_size
        found = []
        for frame in frames.numpy():
            boxes, scores, points = self._mtcnn.detect(frame, landmarks=True)
            if boxes is None:
                boxes, scores, points = np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2))
            found.append(
                Faces(np.asarray(boxes, float), np.asarray(scores, float), np.asarray(points, float))
            )
        return found

    def follow(self, frames: Tensor, places: object) -> list[Faces]:
        """Every frame is searched as a whole."""
        del places
        return self.find(frames)


@contextmanager
def torch_suppression() -> Iterator[None]:
    """facenet-pytorch needs torchvision's compiled box suppression, which a CPU torch lacks."""

    def batched(boxes: Tensor, scores: Tensor, groups: Tensor, overlap: float) -> Tensor:
        kept = [
            own[suppress(boxes[own], scores[own], overlap)]
            for own in ((groups == group).nonzero()[:, 0] for group in groups.unique())
        ]
        return torch.cat(kept) if kept else torch.zeros(0, dtype=torch.long)

    from facenet_pytorch.models.utils import detect_face

    with mock.patch.object(detect_face, "batched_nms", batched):
        yield


def networks() -> GenConViT:
    """Both networks with the reference vectors' weights (rule R1b)."""
    filled = tuple(case.filled(Vectors.read(HERE / case.name, io=None)) for case in CASES)
    return GenConViT(filled, detectors.record("genconvit"))


class PlainPath:
    """Judges one clip at a time; shares its weights with ``detector``."""

    def __init__(self, detector: GenConViT) -> None:
        ed, vae = detector._forwards
        self._ed, self._vae = ed, PublishedVae(vae._network).eval()
        self._detector = detector
        self._finder = PlainFinder()

    @torch.inference_mode()
    def judge(self, path: Path) -> Judged:
        """Decode 15 evenly spaced frames, find and cut out the faces, score them."""
        start = time.perf_counter()
        frames = _decoded(path)
        decoded = time.perf_counter()
        medium = Decoded("", Probe(Kind.VIDEO, "video/mp4", 1), frames, None, {})
        with torch_suppression():
            made = CropFaces(FindFaces(lambda: self._finder, exact=True))(Views(medium, PRODUCERS))
        assert isinstance(made, Made)
        found = time.perf_counter()
        batch = self._detector.preprocess(made.view)
        logits = torch.stack([self._ed(batch), self._vae(batch)], dim=1)
        score = self._detector.reduce(logits).score
        seconds = {
            "decode": decoded - start,
            "faces": found - decoded,
            "networks": time.perf_counter() - found,
        }
        return Judged(score, logits, made.view, seconds | {"total": sum(seconds.values())})


def _decoded(path: Path) -> np.ndarray:
    import decord

    reader = decord.VideoReader(str(path), ctx=decord.cpu(0), num_threads=2)
    chosen = frame_indices(len(reader), FRAMES, Sampling.LINSPACE)
    return np.stack([reader[index].asnumpy() for index in chosen])
