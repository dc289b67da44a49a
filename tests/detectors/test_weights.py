from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import detectors
from detectors import weights
from detectors.errors import LicenceNotAccepted, WeightsMismatch, WeightsMissing
from detectors.record import Licence, WeightsFile, WeightsRecord


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))


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


class Payload:
    """What a hostile checkpoint would hold: unpickling it calls something."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this must never run",)


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "old format"])
def test_a_pytorch_checkpoint_is_read_too(tmp_path: Path, archive: bool) -> None:
    path, module = tmp_path / "small.pth", network()
    for saved in (module.state_dict(), {"epoch": 1, "state_dict": module.state_dict()}):
        torch.save(saved, path, _use_new_zipfile_serialization=archive)
        assert torch.equal(weights.read_file(path)["1.weight"], module[1].weight)


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "old format"])
def test_a_checkpoint_never_runs_code(
    tmp_path: Path, archive: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hostile.pth"
    torch.save({"0.weight": Payload()}, path, _use_new_zipfile_serialization=archive)
    with pytest.raises(WeightsMismatch, match=r"hostile\.pth is not a whole PyTorch checkpoint"):
        weights.read_file(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut short", b"\x80\x02}q\x00."])
def test_rubbish_is_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rubbish.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsMismatch, match=r"rubbish\.pth (is not a whole|holds no table)"):
        weights.read_file(path)


def test_a_checkpoint_without_tensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.pth"
    for saved in ([torch.zeros(1)], {"state_dict": 3}, {"epoch": 1}):
        torch.save(saved, path)
        with pytest.raises(WeightsMismatch, match=r"list\.pth holds no table of tensors"):
            weights.read_file(path)


def test_dead_tensors_are_passed_over(path: Path) -> None:
    save_file(network().state_dict() | {"unused.weight": torch.zeros(2)}, path)
    record = make_record(path)
    with pytest.raises(WeightsMismatch, match=r"unexpected: unused\.weight"):
        weights.load_into(network(), record, path.parent)
    weights.load_into(network(), record, path.parent, dead=("unused.",))


def test_a_module_on_the_meta_device_takes_the_tensors_in_its_own_type() -> None:
    with torch.device("meta"):
        module = network()
    state = {name: tensor.half() for name, tensor in network().state_dict().items()}
    weights.fill(module, state, "half")
    assert {tensor.dtype for tensor in module.state_dict().values()} == {torch.float32}
    assert torch.equal(module.state_dict()["0.weight"], state["0.weight"].float())
