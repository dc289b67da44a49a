"""Fetching a detector's files from a loopback server into the weights folder, whatever breaks."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import detectors
from bot.errors import FetchFailed
from bot.weights.fetch import DOWNLOADS, fetch
from bot.weights.state import State, in_words, state_of
from detectors import weights
from detectors.errors import UnknownDetector, WeightsMismatch, WeightsMissing
from detectors.record import Licence, WeightsFile
from tests.bot.resolver.server import Server, answer, in_turn
from tests.bot.weights.serving import plain, ranged
from tests.detectors.sample import make_record, register, state

ROOT = Path(__file__).parents[3]


def checkpoint(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


BODY = checkpoint({"state_dict": {f"module.{name}": tensor for name, tensor in state().items()}})
SHA256 = hashlib.sha256(BODY).hexdigest()


def quiet(_: str) -> Any:
    return lambda done, total: None


def left(home: Path) -> set[str]:
    """What lies in the weights folder but for locks."""
    files = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    return files - {".lock", f"{DOWNLOADS}/lock"}


def test_a_converted_checkpoint_is_ready_after_one_call(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.handlers["/sample.pth"] = ranged(BODY)
    record = register(monkeypatch, make_record(sha256=SHA256, url=server.url("/sample.pth")))
    assert state_of(record) is State.MISSING
    (file,) = fetch("sample", quiet)
    assert (file.sha256, file.stated, file.source) == (SHA256, True, server.url("/sample.pth"))
    assert file.path == home / "sample.safetensors"
    assert left(home) == {"sample.safetensors", "sample.safetensors.sha256"}
    assert state_of(record) is State.READY
    detectors.create("sample")
    assert fetch("sample", quiet) == ()
    assert len(server.requests) == 1


def test_an_interruption_is_resumed_by_the_next_call(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.weights.download.ATTEMPTS", 1)
    server.handlers["/sample.pth"] = in_turn(ranged(BODY, most=1000), ranged(BODY, most=0), ranged(BODY))
    register(monkeypatch, make_record(url=server.url("/sample.pth")))
    monkeypatch.setattr("bot.weights.download._FIRST_WAIT", 0.0)
    with pytest.raises(FetchFailed, match="run the same command again"):
        fetch("sample", quiet)
    fetch("sample", quiet)
    assert server.requests[-1].headers["range"] == "bytes=1000-"
    detectors.create("sample")


def test_a_process_that_is_killed_midway_loses_nothing(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(request: Any, send: Any) -> None:
        ranged(BODY, most=len(BODY) // 2)(request, send)
        process.kill()
        process.wait()

    server.handlers["/sample.pth"] = in_turn(half, ranged(BODY))
    code = (
        "import pytest; from tests.detectors.sample import *; from bot.weights.fetch import fetch\n"
        f"register(pytest.MonkeyPatch(), make_record(url={server.url('/sample.pth')!r}))\n"
        "fetch('sample', lambda _: lambda done, total: None)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert process.wait(timeout=60) == -9
    record = register(monkeypatch, make_record(url=server.url("/sample.pth")))
    assert state_of(record) is State.MISSING
    fetch("sample", quiet)
    assert state_of(record) is State.READY
    assert weights.pins(weights.location(record)).published == SHA256


def test_a_wrong_hash_is_named_and_the_file_removed(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.handlers["/sample.pth"] = in_turn(ranged(checkpoint(state(1))), ranged(BODY))
    register(monkeypatch, make_record(sha256=SHA256, url=server.url("/sample.pth")))
    with pytest.raises(WeightsMismatch, match=rf"SHA-256 [0-9a-f]{{64}}, expected {SHA256}"):
        fetch("sample", quiet)
    assert left(home) == set()
    fetch("sample", quiet)
    detectors.create("sample")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (BODY[: len(BODY) // 2], "not a whole PyTorch checkpoint"),
        (checkpoint({"0.weight": torch.zeros(2, 3)}), r"missing: 0\.bias, 1\.bias, 1\.weight"),
        (checkpoint({"code": os.system}), r"holds pickled code \(posix\.system\)"),
    ],
)
def test_a_file_that_is_none_of_ours_is_named_and_removed(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch, body: bytes, reason: str
) -> None:
    server.handlers["/sample.pth"] = plain(body)
    register(monkeypatch, make_record(url=server.url("/sample.pth")))
    with pytest.raises(WeightsMismatch, match=reason):
        fetch("sample", quiet)
    assert left(home) == set()


def test_a_damaged_file_is_fetched_again_and_must_be_the_same(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.handlers["/sample.pth"] = in_turn(ranged(BODY), ranged(BODY), ranged(checkpoint(state(2))))
    record = register(monkeypatch, make_record(url=server.url("/sample.pth")))
    for _ in range(2):
        assert len(fetch("sample", quiet)) == 1
        weights.location(record).write_bytes(b"damaged")
    with pytest.raises(WeightsMismatch, match="used first"):
        fetch("sample", quiet)


def test_only_missing_parts_are_fetched_and_those_by_hand_are_explained(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, last = ({k: t for k, t in state().items() if k.startswith(n)} for n in "01")
    server.handlers["/trunk.pth"] = ranged(checkpoint(first))
    head = WeightsFile(name="head.pth", sha256=None, page="https://publisher.example/form")
    parts = make_record(url=server.url("/trunk.pth"), name="trunk.pth", parts={"head": head})
    record = register(monkeypatch, parts)
    assert state_of(record) is State.NOT_PUBLIC
    reason = (
        r"get it from https://publisher\.example/form, run `veritag weights import sample FILE --part head`"
    )
    for _ in range(2):
        with pytest.raises(FetchFailed, match=reason):
            fetch("sample", quiet)
    assert left(home) == {"trunk.safetensors", "trunk.safetensors.sha256"}
    assert len(server.requests) == 1
    (home / "given.pth").write_bytes(checkpoint(last))
    weights.install(record, {"head": home / "given.pth"})
    assert fetch("sample", quiet) == ()
    assert state_of(record) is State.READY


def test_a_package_that_is_missing_or_damaged_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = WeightsFile(name="sample.pth", sha256=SHA256, bundled=True, package="veritag_sample_weights")
    record = register(monkeypatch, make_record().model_copy(update={"file": own}))
    assert state_of(record) is State.MISSING
    mend = "pip install veritag_sample_weights"
    assert mend in in_words(State.MISSING, record)
    with pytest.raises(WeightsMissing, match=mend):
        fetch("sample", quiet)
    (tmp_path / "veritag_sample_weights").mkdir()
    (tmp_path / "veritag_sample_weights" / "sample.pth").write_bytes(b"cut off")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WeightsMismatch, match="pip install --force-reinstall veritag_sample_weights"):
        fetch("sample", quiet)
    (tmp_path / "veritag_sample_weights" / "sample.pth").write_bytes(BODY)
    assert fetch("sample", quiet) == ()
    assert not home.exists()


def test_two_processes_do_not_fetch_at_once(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, make_record(url=server.url("/sample.pth")))
    (home / DOWNLOADS).mkdir(parents=True)
    with (home / DOWNLOADS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(FetchFailed, match="another process is fetching into"):
            fetch("sample", quiet)


def test_licences_that_need_it_are_asked_for_after_fetching(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.handlers["/sample.pth"] = ranged(BODY)
    licence = Licence(code="MIT", weights="research only", needs_acceptance=True)
    record = register(monkeypatch, make_record(url=server.url("/sample.pth"), licence=licence))
    fetch("sample", quiet)
    assert state_of(record) is State.UNLICENSED
    weights.accept_licence(record)
    assert state_of(record) is State.READY


def test_nothing_is_fetched_for_bundled_or_unknown_detectors(home: Path) -> None:
    assert fetch("tiny_ladeda", quiet) == ()
    with pytest.raises(UnknownDetector):
        fetch("nothing", quiet)
    assert not home.exists()


def test_building_a_detector_fetches_nothing(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.handlers["/sample.pth"] = answer(BODY)
    register(monkeypatch, make_record(url=server.url("/sample.pth")))
    with pytest.raises(WeightsMissing, match=r"^weights not fetched; run `veritag weights fetch sample`$"):
        detectors.create("sample")
    assert server.connections == 0
