"""Runners of networks: proven equal, remembered, and never in the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from detectors.backends import Backend, Choice, accelerate, choosing, kept, openvino, rewriting
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


class Mixed(Small):
    """Has what is rewritten: a layer norm over pictures, products of all kinds, weights that round badly."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        norm, inner, head = nn.LayerNorm(16), nn.Linear(16, 64), nn.Linear(64, 1)
        with torch.no_grad():
            for layer in (inner, head):
                layer.weight.fill_(1 + 2**-8 - 2**-12)  # rounds down to 1, everywhere
                layer.bias.zero_()
            norm.bias.fill_(0.1)
        layers = [nn.Conv2d(3, 16, 16, 16), nn.Conv2d(16, 16, 7, padding=3, groups=16)]
        up = nn.ConvTranspose2d(16, 16, 2, stride=2)
        self.networks = [nn.ModuleList([*layers, up, norm, inner, head]).eval()]

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        first, grouped, up, norm, inner, head = self.networks[0]
        rows = norm(up(grouped(first(batch))).permute(0, 2, 3, 1))
        result: Tensor = head(torch.relu(inner(rows)).mean(dim=(1, 2)) / 64)[:, 0]
        return result


@needs_openvino
@pytest.mark.parametrize("width", openvino.WIDTHS)
def test_rewritten_networks_compute_the_same(width: str, tmp_path: Path) -> None:
    if width != "f32" and not openvino.has_bf16():
        pytest.skip("the processor has no bfloat16")
    detector, choice = Mixed(), Choice(Backend.OPENVINO, threads=1)
    items = choosing.example(detector)
    entry = kept.entry(detector.record, choice, "cpu", tuple(items.shape[1:]))
    run = openvino.runner(detector, items, width, choice, replace(entry, folder=tmp_path))
    expected = detector.forward(faces(5))
    assert (run(faces(5)) - expected).abs().max() <= (1e-4 if width == "f32" else 2e-2)
    assert {file.suffix for file in tmp_path.iterdir()} == {".xml", ".bin"}


@needs_openvino
def test_rounding_of_weights_is_corrected_and_heads_stay_wide(tmp_path: Path) -> None:
    detector = Mixed()
    items = choosing.example(detector)
    detector.networks[0].requires_grad_(requires_grad=False)
    model = rewriting.prepared(openvino.convert(detector.forward, items, [-1, *items.shape[1:]]))
    norms = [node for node in model.get_ops() if node.get_type_name() == "MVN"]
    assert [len(node.get_output_partial_shape(0)) for node in norms] == [3]
    kept_wide = rewriting.wide(model, only_heads=True)
    assert [name.startswith("wide/") for name in kept_wide] == [True]
    assert kept_wide < rewriting.wide(model, only_heads=False)

    def means(counted: Any) -> list[Any]:
        return [mean.numpy() for mean in openvino.compiled(counted, "f32", 1)(items)[1:]]

    products = [n for n in model.get_ordered_ops() if n.get_type_name() == "MatMul"]
    rewriting.corrected(model, kept_wide, means)
    (inner,) = (node for node in products if node.get_output_partial_shape(0).rank.get_length() == 4)
    (user,) = inner.output(0).get_target_inputs()
    shift = user.get_node().input_value(1).get_node().data.ravel()
    # Each weight loses 2 ** -8 - 2 ** -12, and sixteen inputs of a mean of 0.1 are summed.
    assert shift == pytest.approx([1.6 * (2**-8 - 2**-12)] * 64, rel=1e-2)
    file = rewriting.written(model, tmp_path / "model.xml", kept_wide)
    assert file.read_text().count("DisablePrecisionConversion") == 1
