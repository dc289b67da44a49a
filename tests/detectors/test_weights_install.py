"""Installing published files: all or nothing, converted, tried on the network."""

from __future__ import annotations

import hashlib
import resource
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import detectors
from detectors import weights
from detectors.errors import LicenceNotAccepted, NoRoom, WeightsError, WeightsMismatch
from detectors.record import Licence, WeightsFile
from tests.detectors.sample import make_record, register, state

RESEARCH = Licence(code="MIT", weights="research only", needs_acceptance=True)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "weights"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A training script's checkpoint, from several GPUs, with a tensor that nothing uses."""
    path = tmp_path / "checkpoint_best.pth"
    table = {f"module.{name}": tensor for name, tensor in (state() | {"dead.w": torch.ones(9)}).items()}
    torch.save({"state_dict": table, "epoch": 3}, path)
    return path


def contents(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def test_a_checkpoint_becomes_the_live_tensors_alone(
    home: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = register(monkeypatch, make_record(sha256=sha256(published).upper(), dead=["dead."]))
    assert weights.install(record, {None: published}, home) == {None: sha256(published)}
    assert contents(home) == {"sample.safetensors", "sample.safetensors.sha256"}
    kept = weights.location(record, home)
    assert kept.stat().st_mode & 0o777 == 0o644
    assert {name: t.tolist() for name, t in load_file(kept).items()} == {
        name: t.tolist() for name, t in state().items()
    }
    assert weights.pins(kept) == (sha256(kept), sha256(published))
    assert weights.verify(record, kept) == sha256(kept)
    assert detectors.create("sample", weights_dir=home).record == record


def test_what_was_converted_is_proven_by_its_pin(
    home: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = register(monkeypatch, make_record(sha256=sha256(published), dead=["dead."]))
    weights.install(record, {None: published}, home)
    kept = weights.location(record, home)
    another = record.model_copy(update={"file": record.file.model_copy(update={"sha256": "0" * 64})})
    with pytest.raises(WeightsMismatch, match="is not the file of sample"):
        weights.verify(another, kept)
    save_file(state(1), kept)
    with pytest.raises(WeightsMismatch, match="remove it and run `veritag weights fetch sample`"):
        detectors.create("sample", weights_dir=home)
    (home / "sample.safetensors.sha256").unlink()
    with pytest.raises(WeightsMismatch, match="is not the file of sample"):
        detectors.create("sample", weights_dir=home)


def test_safetensors_with_nothing_to_change_are_kept_as_published(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors"
    save_file(state(), path, metadata={"publisher": "somebody"})
    record = register(monkeypatch, make_record(sha256=sha256(path)))
    weights.install(record, {None: path}, home)
    assert weights.location(record, home).read_bytes() == path.read_bytes()
    assert weights.pins(weights.location(record, home)) == (sha256(path), None)


def test_the_pin_of_the_first_published_file_holds(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = register(monkeypatch, make_record())
    for seed in (0, 1):
        torch.save(state(seed), tmp_path / f"{seed}.pth")
    weights.install(record, {None: tmp_path / "0.pth"}, home)
    weights.install(record, {None: tmp_path / "0.pth"}, home)
    before = weights.location(record, home).read_bytes()
    with pytest.raises(
        WeightsMismatch, match=r"1\.pth is not the file of sample that was used first.*remove "
    ):
        weights.install(record, {None: tmp_path / "1.pth"}, home)
    assert weights.location(record, home).read_bytes() == before
    (home / "sample.safetensors.sha256").unlink()
    weights.install(record, {None: tmp_path / "1.pth"}, home)
    assert weights.location(record, home).read_bytes() != before


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"0.weight": torch.zeros(2, 3), "0.bias": torch.zeros(2)}, r"missing: 1\.bias, 1\.weight$"),
        (state() | {"2.weight": torch.zeros(1)}, r"unexpected: 2\.weight$"),
        (state() | {"1.bias": torch.zeros(7)}, r"wrong shape: 1\.bias \(7,\) instead of \(1,\)$"),
    ],
)
def test_a_file_of_another_network_is_refused_and_nothing_changes(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: Any, reason: str
) -> None:
    record = register(monkeypatch, make_record())
    torch.save(table, tmp_path / "other.pth")
    with pytest.raises(WeightsMismatch, match=r"^sample cannot use what was given: .*" + reason):
        weights.install(record, {None: tmp_path / "other.pth"}, home)
    assert contents(home) == set()


def test_a_wrong_hash_is_refused_before_the_file_is_opened(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = register(monkeypatch, make_record(sha256="0" * 64))
    (tmp_path / "x.pth").write_bytes(b"rubbish")
    with pytest.raises(WeightsMismatch, match=r"x\.pth is not sample\.pth as sample needs it: SHA-256 "):
        weights.install(record, {None: tmp_path / "x.pth"}, home)


def test_several_files_are_tried_once_all_are_there(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = WeightsFile(name="head.bin", sha256=None, prefix="fc.", licence=RESEARCH)
    record = register(monkeypatch, make_record(parts={"head": head}))
    torch.save({k: t for k, t in state().items() if k.startswith("0.")}, tmp_path / "trunk.pth")
    torch.save({f"fc.{k}": t for k, t in state().items() if k.startswith("1.")}, tmp_path / "head.bin")
    weights.install(record, {None: tmp_path / "trunk.pth"}, home)
    assert not weights.is_there(record, home)
    torch.save({"fc.1.bias": torch.zeros(1)}, tmp_path / "half.bin")
    with pytest.raises(WeightsMismatch, match=r"missing: 1\.weight"):
        weights.install(record, {"head": tmp_path / "half.bin"}, home)
    weights.install(record, {"head": tmp_path / "head.bin"}, home)
    assert weights.is_there(record, home)
    with pytest.raises(LicenceNotAccepted, match="research only"):
        detectors.create("sample", weights_dir=home)
    weights.accept_licence(record, home)
    detectors.create("sample", weights_dir=home)


def test_trying_weights_accepts_no_licence(
    home: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = register(monkeypatch, make_record(licence=RESEARCH, dead=["dead."]))
    weights.install(record, {None: published}, home)
    assert not weights.is_accepted(record, home)
    with pytest.raises(LicenceNotAccepted):
        detectors.create("sample", weights_dir=home)


def test_tensors_that_share_memory_are_kept_apart(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = register(monkeypatch, make_record())
    shared = torch.arange(8.0)
    table = {"0.weight": shared[:6].view(2, 3), "0.bias": shared[6:], "1.weight": shared[:2].view(1, 2)}
    torch.save(table | {"1.bias": shared[:1]}, tmp_path / "tied.pth")
    weights.install(record, {None: tmp_path / "tied.pth"}, home)
    kept = load_file(weights.location(record, home))
    assert kept["0.bias"].tolist() == [6.0, 7.0]
    assert kept["1.weight"].tolist() == [[0.0, 1.0]]


def test_what_a_killed_installation_left_is_cleared_away(
    home: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = register(monkeypatch, make_record(dead=["dead."]))
    (home / ".staging-x" / "trial").mkdir(parents=True)
    weights.install(record, {None: published}, home)
    assert contents(home) == {"sample.safetensors", "sample.safetensors.sha256"}


def test_a_full_disk_is_named_and_nothing_changes(
    home: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = register(monkeypatch, make_record(dead=["dead."]))
    usage = shutil.disk_usage(published.parent)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(NoRoom, match=r"no room for checkpoint_best\.pth in .*VERITAG_WEIGHTS_DIR"):
        weights.install(record, {None: published}, home)
    assert contents(home) == set()


def test_a_write_that_fails_is_named_and_nothing_changes(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = register(monkeypatch, make_record())
    torch.save(state() | {"large": torch.zeros(2_000_000)}, tmp_path / "large.pth")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, hard))
    try:
        with pytest.raises(WeightsError, match=r"sample\.safetensors cannot be written \(.*File too large"):
            weights.install(record, {None: tmp_path / "large.pth"}, home)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(home) == set()


def test_a_part_put_there_by_hand_is_tried_too(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = register(monkeypatch, make_record(parts={"head": WeightsFile(name="head.pth", sha256=None)}))
    home.mkdir()
    torch.save({k: t for k, t in state().items() if k.startswith("1.")}, home / "head.pth")
    torch.save({"0.bias": torch.zeros(2)}, tmp_path / "half.pth")
    with pytest.raises(WeightsMismatch, match=r"missing: 0\.weight"):
        weights.install(record, {None: tmp_path / "half.pth"}, home)


def test_a_published_file_put_there_by_hand_is_used_as_it_is(
    home: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = register(monkeypatch, make_record(dead=["dead."]))
    home.mkdir()
    shutil.copyfile(published, home / "sample.pth")
    by_hand = detectors.create("sample", weights_dir=home)
    weights.install(record, {None: published}, home)
    installed = detectors.create("sample", weights_dir=home)
    assert weights.location(record, home).name == "sample.safetensors"
    picture = torch.full((1, 4, 4, 3), 99, dtype=torch.uint8)
    assert installed.detect(picture).score == by_hand.detect(picture).score


def test_files_that_hold_no_tensors_are_kept_as_they_are(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = make_record(name="words.txt")
    monkeypatch.setattr("detectors.registry.create", lambda *_, **__: None)
    (tmp_path / "words.txt").write_text("one two")
    weights.install(record, {None: tmp_path / "words.txt"}, home)
    assert weights.find(record, home).read_text() == "one two"
