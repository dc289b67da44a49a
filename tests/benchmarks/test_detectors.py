"""What detectors cost, and where the figures go."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
import torch
from torch import nn

from benchmarks import detectors as benchmark
from detectors import registry, weights
from detectors.errors import WeightsMismatch
from detectors.record import Cost, WeightsRecord
from tests.detectors.sample import Sample, make_record, network, register

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_operations_are_counted_without_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VERITAG_WEIGHTS_DIR", str(tmp_path))
    register(monkeypatch, make_record())
    cost = Cost(**benchmark.measure("sample", threads=1, runs=2))
    assert cost.gflop == pytest.approx(2 * (3 * 2 + 2 * 1) / 1e9)
    assert cost.seconds > 0
    assert (cost.threads, cost.input) == (1, "one picture of 1024 x 768")


def test_networks_without_storage_get_some() -> None:
    with torch.device("meta"):
        module = network()
    with benchmark.random_weights():
        weights.load_into(module, make_record())
    assert all(not tensor.is_meta and tensor.isfinite().all() for tensor in module.state_dict().values())


class Careful(Sample):
    """A detector that looks into its file before it has a network."""

    @classmethod
    def build(cls) -> nn.Module:
        return network()

    @classmethod
    def load(cls, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None) -> Self:
        if "0.weight" not in weights.read(record, weights_dir):
            raise WeightsMismatch("no first layer")
        return super().load(record, device, weights_dir)

    def __init__(self, module: nn.Module, record: WeightsRecord, _device: str = "cpu") -> None:
        super().__init__(module, record)


def test_detectors_that_look_into_their_files_are_measured_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VERITAG_WEIGHTS_DIR", str(tmp_path))
    register(monkeypatch, make_record())
    monkeypatch.setitem(registry._REGISTRY, "sample", f"{__name__}:Careful")
    assert isinstance(benchmark.build("sample"), Careful)


def test_one_that_cannot_be_measured_does_not_hide_the_others() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.detectors", "nothing", "tiny_ladeda", "--runs", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "tiny_ladeda" in done.stdout
    assert "nothing cannot be measured: " in done.stderr


@pytest.mark.parametrize("indent", [1, 2])
def test_figures_go_into_the_record_and_nothing_else_changes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, indent: int
) -> None:
    monkeypatch.setattr(benchmark, "RECORDS", tmp_path)
    text = json.dumps({"name": "sample", "paper": "Zürich"}, indent=indent, ensure_ascii=False)
    (tmp_path / "sample.json").write_text(text + "\n", "utf-8")
    for seconds in (2.0, 1.0):
        benchmark.write("sample", {"seconds": seconds})
    changed = (tmp_path / "sample.json").read_text("utf-8")
    assert changed.startswith(text[: -len("\n}")])
    assert json.loads(changed)["cost"] == {"seconds": 1.0}


def test_the_command_shows_a_bundled_detector() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.detectors", "tiny_ladeda", "--threads", "1", "--runs", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "tiny_ladeda" in done.stdout
    assert "one picture of 1024 x 768" in done.stdout
