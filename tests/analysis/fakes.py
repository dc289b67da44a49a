"""Detectors and a policy for the engine's tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from analysis.model import Band, Kind, Score, Verdict
from detectors.base import Detector, Modality, Output, View
from detectors.record import Licence, WeightsFile, WeightsRecord


def record(name: str, *modalities: Modality, sha256: str = "0" * 64) -> WeightsRecord:
    return WeightsRecord(
        name=name,
        title=name,
        architecture="none",
        paper="none",
        modalities=modalities,
        parameters=0,
        licence=Licence(code="Apache-2.0", weights="Apache-2.0"),
        file=WeightsFile(name=f"{name}.safetensors", sha256=sha256),
        preprocessing={},
        trained_on=(),
        recipe="none",
    )


class Brightness(Detector):
    """The mean brightness of all frames as the score."""

    view: ClassVar[View] = View.FRAMES

    def __init__(
        self,
        name: str = "brightness",
        modalities: Sequence[Modality] = (Modality.IMAGE, Modality.VIDEO),
        raises: Callable[[], Any] | None = None,
    ) -> None:
        self.record = record(name, *modalities)
        self.raises = raises
        self.threads: set[str] = set()

    def preprocess(self, view: Tensor) -> Tensor:
        self.threads.add(threading.current_thread().name)
        return view.flatten(1).float().mean(1) / 255

    def forward(self, batch: Tensor) -> Tensor:
        if self.raises is not None:
            self.raises()
        return batch

    def reduce(self, logits: Tensor) -> Output:
        return Output(float(logits.mean()), {"frame_scores": logits.tolist()})


class Loudness(Brightness):
    view: ClassVar[View] = View.WAVEFORM

    def __init__(self, name: str = "loudness") -> None:
        super().__init__(name, (Modality.AUDIO,))

    def preprocess(self, view: Tensor) -> Tensor:
        return view.abs().mean()[None]


class Speech(Brightness):
    view: ClassVar[View] = View.TRANSCRIPT


class NotANumber(Brightness):
    def forward(self, batch: Tensor) -> Tensor:
        return torch.full_like(batch, float("nan"))


class OutOfRange(Brightness):
    def reduce(self, logits: Tensor) -> Output:
        return Output(1.5)


class MeanPolicy:
    """The mean of the scores, as it stands."""

    name = "mean"
    fingerprint = "1"

    def judge(self, kind: Kind, scores: Sequence[Score], *, quality: float = 1.0) -> Verdict:
        values = [score.score for score in scores if score.score is not None]
        if not values:
            return Verdict(Band.UNKNOWN, None, self.name, ())
        return Verdict(Band.UNCERTAIN, min(0.99, max(0.01, sum(values) / len(values))), self.name, ())
