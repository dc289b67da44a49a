"""Published files as they come: wrapped, prefixed, old, cut off, hostile."""

from __future__ import annotations

import argparse
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from detectors.errors import WeightsMismatch
from detectors.record import WeightsFile
from detectors.weights import read_file
from detectors.weights.checkpoint import named
from tests.detectors.sample import network, state


def saved(path: Path, content: object, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sample.pth"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda table: table,
        lambda table: {"state_dict": table, "epoch": 3},
        lambda table: {"model": table, "optimizer": {"lr": 0.1}, "args": argparse.Namespace(lr=0.1)},
        lambda table: {"model": {"state_dict": table}, "min_loss": np.float64(0.5), "step": np.int64(3)},
    ],
)
def test_wrappers_of_training_scripts_are_found(file: Path, wrap: Any) -> None:
    found = read_file(saved(file, wrap(state())))
    assert found.keys() == state().keys()
    assert torch.equal(found["0.weight"], state()["0.weight"])


def test_a_named_wrapper_is_taken_and_its_absence_said(file: Path) -> None:
    saved(file, {"state_dict": {}, "ema": {"shadow": state()}})
    assert read_file(file, "ema.shadow").keys() == state().keys()
    with pytest.raises(WeightsMismatch, match=r"sample\.pth has no 'teacher'; it has: state_dict, ema"):
        read_file(file, "teacher")


def test_files_of_old_versions_are_read(file: Path) -> None:
    saved(file, state(), _use_new_zipfile_serialization=False)
    assert torch.equal(read_file(file)["1.bias"], state()["1.bias"])


def test_safetensors_are_known_by_their_content(tmp_path: Path) -> None:
    save_file(state(), tmp_path / "download")
    assert read_file(tmp_path / "download").keys() == state().keys()


class Hostile:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.system, (f"touch {self.trace}",))


@pytest.mark.parametrize("how", ["zip", "old", "bare"])
def test_pickled_code_is_refused_by_name_and_not_run(file: Path, tmp_path: Path, how: str) -> None:
    content = state() | {"2.weight": Hostile(tmp_path / "trace")}
    if how == "bare":
        file.write_bytes(pickle.dumps(Hostile(tmp_path / "trace"), protocol=2))
    else:
        saved(file, content, _use_new_zipfile_serialization=how == "zip")
    with pytest.raises(WeightsMismatch, match=r"sample\.pth holds pickled code \(posix\.system\).*never run"):
        read_file(file)
    assert not (tmp_path / "trace").exists()


def test_whole_modules_and_programs_are_refused(file: Path) -> None:
    saved(file, nn.Linear(2, 2))
    with pytest.raises(WeightsMismatch, match=r"pickled code \(torch\.nn\.modules\.linear\.Linear\)"):
        read_file(file)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_torchscript_is_refused(file: Path) -> None:
    torch.jit.trace(network(), torch.zeros(1, 3)).save(str(file))
    with pytest.raises(WeightsMismatch, match="is a TorchScript program"):
        read_file(file)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04 cut", b"\x80\x02}q\x00", b"<html>"])
def test_rubbish_is_named_as_such(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(WeightsMismatch, match=rf"is not a whole PyTorch checkpoint \({len(content)} bytes\)"):
        read_file(file)


@pytest.mark.parametrize("new", [True, False])
def test_a_cut_off_checkpoint_is_named_as_such(file: Path, new: bool) -> None:
    saved(file, {"x": torch.zeros(3000)}, _use_new_zipfile_serialization=new)
    os.truncate(file, 4000)
    with pytest.raises(WeightsMismatch, match=r"not a whole PyTorch checkpoint \(4000 bytes\)"):
        read_file(file)


def test_a_cut_off_safetensors_file_names_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "sample.safetensors"
    save_file({"first": torch.zeros(100), "second": torch.zeros(100), "third": torch.zeros(100)}, path)
    os.truncate(path, path.stat().st_size - 500)
    with pytest.raises(WeightsMismatch, match=r"cut off at \d+ bytes; missing: second, third$"):
        read_file(path)


@pytest.mark.parametrize("content", [b"", b"1234567", b"\xff" * 100, b"\x05\0\0\0\0\0\0\0[1,2]", bytes(8)])
def test_a_safetensors_file_of_rubbish_is_named_as_such(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sample.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsMismatch, match=r"sample\.safetensors is not a whole safetensors file: ."):
        read_file(path)


@pytest.mark.parametrize("content", [[1], {}, {"state_dict": {}}, {"a": torch.zeros(1), "b": "text"}, 3])
def test_what_is_no_table_of_tensors_is_refused(file: Path, content: object) -> None:
    with pytest.raises(WeightsMismatch, match="holds no table of tensors"):
        read_file(saved(file, content))


def test_lists_of_tensors_within_tables_become_one_table(file: Path) -> None:
    first, second = torch.zeros(1), torch.ones(2)
    averages = {0: {"decay": 0.9, "collected": None, "shadow": [first, second]}, 1: {"shadow": (second,)}}
    found = read_file(saved(file, averages))
    assert list(found) == ["0.shadow.0", "0.shadow.1", "1.shadow.0"]
    assert torch.equal(found["1.shadow.0"], second)


def described(**values: Any) -> WeightsFile:
    return WeightsFile(name="sample.pth", sha256=None, **values)


def test_prefixes_are_taken_off() -> None:
    parallel = {f"module.{name}": tensor for name, tensor in state().items()}
    assert named(parallel, described(), "f").keys() == state().keys()
    assert named(parallel | {"x": torch.zeros(1)}, described(), "f").keys() == parallel.keys() | {"x"}
    assert named(parallel, described(prefix=""), "f").keys() == parallel.keys()
    encoder = {f"encoder.{name}": tensor for name, tensor in state().items()} | {"latent": torch.zeros(1)}
    assert named(encoder, described(prefix="encoder."), "f").keys() == state().keys()
    with pytest.raises(WeightsMismatch, match=r"f has no tensor whose name begins with 'decoder\.'"):
        named(encoder, described(prefix="decoder."), "f")


def test_dead_tensors_are_dropped_by_the_beginnings_of_their_names() -> None:
    extra = {"dead.1": torch.zeros(1), "layers.7.U": torch.zeros(1)}
    table = {f"module.{name}": tensor for name, tensor in (state() | extra).items()}
    live = named(table, described(dead=("dead.", "1.bias", "layers.*.U")), "f")
    assert live.keys() == state().keys() - {"1.bias"}
