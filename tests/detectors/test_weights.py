from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import detectors
from detectors import weights
from detectors.errors import LicenceNotAccepted, WeightsMismatch, WeightsMissing
from detectors.record import Licence, WeightsFile, WeightsRecord
from tests.detectors.sample import network


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "small.safetensors"
    save_file(network().state_dict(), file)
    return file


def make_record(path: Path, *, sha256: str | None = None, needs_acceptance: bool = False) -> WeightsRecord:
    return detectors.record("tiny_ladeda").model_copy(
        update={
            "name": "small",
            "file": WeightsFile(name=path.name, sha256=sha256),
            "licence": Licence(code="MIT", weights="research only", needs_acceptance=needs_acceptance),
        }
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_verified_file_fills_the_module(path: Path) -> None:
    module = network()
    weights.load_into(module, make_record(path, sha256=digest(path).upper()), path.parent)
    again = network()
    weights.load_into(again, make_record(path, sha256=digest(path)), path.parent)
    assert torch.equal(module[0].weight, again[0].weight)


def test_a_missing_file_names_the_mend(path: Path) -> None:
    with pytest.raises(WeightsMissing, match="veritag weights fetch small"):
        weights.find(make_record(path), path.parent / "elsewhere")


def test_another_file_is_refused(path: Path) -> None:
    with pytest.raises(WeightsMismatch, match=r"not the file of small: SHA-256 .* weights fetch small"):
        weights.find(make_record(path, sha256="0" * 64), path.parent)


def test_a_file_without_a_known_hash_is_pinned_at_first_use(path: Path) -> None:
    record = make_record(path)
    assert weights.find(record, path.parent) == path
    assert path.with_name("small.safetensors.sha256").read_text("ascii").strip() == digest(path)
    weights.find(record, path.parent)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(WeightsMismatch):
        weights.find(record, path.parent)


def test_a_truncated_file_is_named_as_such(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(WeightsMismatch, match=r"small\.safetensors is not a whole safetensors file"):
        weights.load_into(network(), make_record(path), path.parent)


def test_wrong_tensors_are_named_in_one_line(path: Path) -> None:
    save_file({"0.weight": torch.zeros(3, 3), "1.weight": torch.zeros(1, 2), "x": torch.zeros(1)}, path)
    with pytest.raises(WeightsMismatch) as caught:
        weights.load_into(network(), make_record(path), path.parent)
    assert str(caught.value) == (
        "small.safetensors does not fit Sequential: missing: 0.bias, 1.bias; unexpected: x; "
        "wrong shape: 0.weight (3, 3) instead of (2, 3)"
    )


def test_long_lists_are_cut() -> None:
    with pytest.raises(WeightsMismatch, match=r"missing: 0\.bias, 0\.weight, 1\.bias and 1 more$"):
        weights.fill(network(), {}, "empty")


def test_a_licence_is_accepted_once_and_only_as_it_stands(path: Path) -> None:
    record = make_record(path, needs_acceptance=True)
    with pytest.raises(LicenceNotAccepted, match=r"research only not accepted; .* accept-licence small"):
        weights.find(record, path.parent)
    weights.accept_licence(record, path.parent)
    weights.accept_licence(record, path.parent)
    assert weights.find(record, path.parent) == path
    assert len((path.parent / weights.ACCEPTED).read_text("utf-8").splitlines()) == 1
    changed = record.licence.model_copy(update={"weights": "research only, second edition"})
    assert not weights.is_accepted(record.model_copy(update={"licence": changed}), path.parent)


def test_where_fetched_weights_lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VERITAG_WEIGHTS_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights.folder() == tmp_path / "veritag" / "weights"
    monkeypatch.setenv("VERITAG_WEIGHTS_DIR", str(tmp_path / "named"))
    assert weights.folder() == tmp_path / "named"
    assert weights.folder(tmp_path) == tmp_path


def test_tensors_that_the_record_names_dead_are_passed_over(path: Path) -> None:
    save_file(network().state_dict() | {"unused.weight": torch.zeros(2)}, path)
    record = make_record(path)
    with pytest.raises(WeightsMismatch, match=r"unexpected: unused\.weight"):
        weights.load_into(network(), record, path.parent)
    file = record.file.model_copy(update={"dead": ("unused.",)})
    weights.load_into(network(), record.model_copy(update={"file": file}), path.parent)


def test_a_module_on_the_meta_device_takes_the_tensors_in_its_own_type() -> None:
    with torch.device("meta"):
        module = network()
    state = {name: tensor.half() for name, tensor in network().state_dict().items()}
    weights.fill(module, state, "half")
    assert {tensor.dtype for tensor in module.state_dict().values()} == {torch.float32}
    assert torch.equal(module.state_dict()["0.weight"], state["0.weight"].float())
