"""Runners of networks: proven equal, remembered, and never in the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from detectors.backends import Backend, Choice, accelerate, choosing, openvino
from detectors.base import Detector, Modality, Output, View
from detectors.record import Cost
from tests.analysis.fakes import record

needs_openvino = pytest.mark.skipif(not openvino.is_there(), reason="needs the extra `cpu` (openvino)")


class Small(Detector):
    """A little network of face crops, which claims to be worth a conversion."""

    view: ClassVar[View] = View.FACES

    def __init__(self, gflop: float = 5.0) -> None:
        cost = Cost(gflop=gflop, seconds=1, threads=1, input="a face", processor="none", date="2026-01-01")
        self.record = record("small", Modality.IMAGE).model_copy(update={"cost": cost})
        torch.manual_seed(1)
        layers = [
            nn.Conv2d(3, 8, 7, stride=4),
            nn.GELU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 1),
        ]
        self.networks = [nn.Sequential(*layers).eval()]

    def preprocess(self, view: Tensor) -> Tensor:
        return view.permute(0, 3, 1, 2).float() / 255

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        result: Tensor = self.networks[0](batch)[:, 0]
        return result

    def reduce(self, logits: Tensor) -> Output:
        return Output(float(torch.sigmoid(logits.mean())))


class BoundToItsBatch(Small):
    """Tracing takes its batch's size for a constant."""

    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch) * len(batch)


@pytest.fixture(autouse=True)
def in_favour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every runner counts as faster: what is timed here says nothing."""
    monkeypatch.setattr(choosing, "_FASTER", 1e6)


def faces(count: int, side: int = 224) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(2))


@needs_openvino
@pytest.mark.parametrize(("exact", "tolerance"), [(True, 1e-4), (False, 2e-2)])
def test_openvino_gives_what_torch_gives(exact: bool, tolerance: float, tmp_path: Path) -> None:
    detector = Small()
    forward = accelerate(detector, Choice(Backend.OPENVINO, exact, 1, tmp_path))
    assert forward.runner.startswith("openvino f32" if exact else "openvino")
    for count in (1, 5):
        assert (forward(faces(count)) - detector.forward(faces(count))).abs().max() <= tolerance


@needs_openvino
def test_inputs_of_another_shape_go_to_torch(tmp_path: Path) -> None:
    detector = Small()
    forward = accelerate(detector, Choice(Backend.OPENVINO, True, 1, tmp_path))
    assert torch.equal(forward(faces(2, 96)), detector.forward(faces(2, 96)))


@needs_openvino
def test_what_was_converted_and_proven_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choice = Choice(Backend.OPENVINO, True, 1, tmp_path)
    accelerate(Small(), choice)
    assert {file.suffix for file in tmp_path.iterdir()} == {".xml", ".bin", ".json"}

    def again(*_: Any) -> None:
        raise AssertionError("converted or proven again")

    monkeypatch.setattr(openvino, "convert", again)
    monkeypatch.setattr(choosing, "_difference", again)
    assert accelerate(Small(), choice).runner == "openvino f32"


@needs_openvino
def test_a_network_bound_to_its_batch_stays_with_torch(tmp_path: Path) -> None:
    forward = accelerate(BoundToItsBatch(), Choice(Backend.OPENVINO, True, 1, tmp_path))
    assert forward.runner == "torch f32"
    (kept,) = tmp_path.glob("*.json")
    assert json.loads(kept.read_text())["runner"] == "torch f32"


@pytest.mark.parametrize("detector", [Small(gflop=0.1), Small()])
def test_small_networks_and_plain_wishes_stay_with_torch(detector: Small) -> None:
    choice = Choice(Backend.TORCH, exact=True) if detector.record.cost.gflop > 1 else Choice()
    assert accelerate(detector, choice).runner == "torch f32"


def test_whatever_fails_leaves_the_network_to_torch(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise OSError("no such processor")

    monkeypatch.setattr(choosing, "_proven", broken)
    detector = Small()
    forward = accelerate(detector, Choice())
    assert torch.equal(forward(faces(1)), detector.forward(faces(1)))
    assert "no such processor" in caplog.text
