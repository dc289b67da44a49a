"""A detector small enough to have its weights published, broken and converted in a test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pytest
import torch
from torch import Tensor, nn

import detectors
from detectors import registry, weights
from detectors.base import Detector, Output, View
from detectors.record import Licence, WeightsFile, WeightsRecord

NAME = "sample"


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))


def state(seed: int = 0) -> dict[str, Tensor]:
    """Tensors that fit the network."""
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(t.shape, generator=generator) for name, t in network().state_dict().items()}


class Sample(Detector):
    """Judges a picture by its mean colour; a record with a part ``head`` has the last layer there."""

    view = View.FRAMES

    def __init__(self, module: nn.Module, record: WeightsRecord) -> None:
        self.module, self.record = module.eval(), record

    @classmethod
    def load(cls, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None) -> Self:
        module = network()
        if record.parts:
            tensors = weights.read(record, weights_dir) | weights.read(record, weights_dir, part="head")
            weights.fill(module, tensors, record.file.name)
        else:
            weights.load_into(module, record, weights_dir)
        return cls(module, record)

    def preprocess(self, view: Tensor) -> Tensor:
        return view.float().mean((1, 2)) / 255

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        logits: Tensor = self.module(batch)[:, 0]
        return logits

    def reduce(self, logits: Tensor) -> Output:
        return Output(float(torch.sigmoid(logits.mean())))


def make_record(
    *, licence: Licence | None = None, parts: Mapping[str, WeightsFile] | None = None, **file: Any
) -> WeightsRecord:
    """The sample's record; `file` is what its main file says beside or instead of a name."""
    return detectors.record("tiny_ladeda").model_copy(
        update={
            "name": NAME,
            "file": WeightsFile(**({"name": "sample.pth", "sha256": None} | file)),
            "parts": parts or {},
            "licence": licence or Licence(code="MIT", weights="MIT"),
        }
    )


def unpinned(name: str) -> WeightsRecord:
    """A real detector's record that takes any main file."""
    record = detectors.record(name)
    return record.model_copy(update={"file": record.file.model_copy(update={"sha256": None})})


def register(monkeypatch: pytest.MonkeyPatch, record: WeightsRecord) -> WeightsRecord:
    """Make the sample a registered detector beside the real ones."""
    real = registry.load_record
    monkeypatch.setitem(registry._REGISTRY, NAME, "tests.detectors.sample:Sample")
    monkeypatch.setattr(registry, "load_record", lambda name: record if name == NAME else real(name))
    return record
