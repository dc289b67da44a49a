"""Hugging Face files through their own client, against a loopback stand-in for the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

import detectors
from bot.errors import FetchFailed
from bot.weights.fetch import fetch
from bot.weights.hub import as_hub_file, download_from_hub
from bot.weights.state import State, state_of
from detectors.record import HubFile, WeightsFile
from tests.bot.resolver.server import Server, answer, in_turn
from tests.bot.weights.serving import ranged
from tests.bot.weights.test_fetch import BODY, SHA256, left
from tests.detectors.sample import make_record, register

COMMIT = "32bd64288804d66eefd0ccbe215aa642df71cc41"
FILE = HubFile(repo="owner/net", file="weights/net.pth", revision=COMMIT)
PATH = f"/owner/net/resolve/{COMMIT}/weights/net.pth"
HEADERS = (f"X-Repo-Commit: {COMMIT}", "Accept-Ranges: bytes", "Connection: close")
ETAG = f'"{hashlib.sha256(BODY).hexdigest()}"'


@pytest.fixture(autouse=True)
def hub(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", server.url("").rstrip("/"))
    server.handlers[PATH] = ranged(BODY, etag=ETAG, headers=HEADERS)
    return server


def test_a_pinned_revision_is_fetched_installed_and_tidied_up(
    hub: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = register(monkeypatch, make_record(hub=FILE, sha256=SHA256))
    seen: list[tuple[int, int | None]] = []
    (file,) = fetch("sample", lambda _: lambda done, total: seen.append((done, total)))
    assert file.source == f"hf://owner/net/weights/net.pth@{COMMIT}"
    assert file.sha256 == SHA256
    assert seen[-1] == (len(BODY), len(BODY))
    assert left(home) == {"sample.safetensors", "sample.safetensors.sha256"}
    assert state_of(record) is State.READY
    detectors.create("sample")
    assert {request.path for request in hub.requests} == {PATH}


def test_a_branch_is_named_by_the_commit_that_it_stood_at(hub: Server, tmp_path: Path) -> None:
    branch = FILE.model_copy(update={"revision": "main"})
    hub.handlers[PATH.replace(COMMIT, "main")] = hub.handlers[PATH]
    path, pinned = download_from_hub(branch, tmp_path, lambda done, total: None)
    assert path.read_bytes() == BODY
    assert pinned == FILE
    assert hub.requests[0].path.endswith("/resolve/main/weights/net.pth")
    assert hub.requests[-1].path == PATH


def test_what_broke_off_goes_on(hub: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 500)
    whole, cut = hub.handlers[PATH], ranged(BODY, etag=ETAG, headers=HEADERS, most=1000)
    hub.handlers[PATH] = in_turn(whole, cut, whole)  # the first is asked for its headers only
    path, _ = download_from_hub(FILE, tmp_path, lambda done, total: None)
    assert path.read_bytes() == BODY
    assert hub.requests[-1].headers["range"] == "bytes=1000-"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("EntryNotFound", "has no such file any more; get it by hand"),
        ("RevisionNotFound", "has no such revision any more"),
        ("RepoNotFound", "there is no such repository, or it needs HF_TOKEN"),
        ("GatedRepo", "needs a login: accept its terms at https://huggingface.co/owner/net"),
    ],
)
def test_the_hubs_refusals_are_named(hub: Server, tmp_path: Path, code: str, reason: str) -> None:
    status = 403 if code == "GatedRepo" else 404
    hub.handlers[PATH] = answer(b"", status=status, headers=(f"X-Error-Code: {code}", "Connection: close"))
    with pytest.raises(FetchFailed, match=rf"^hf://owner/net/weights/net\.pth@{COMMIT}:? .*{reason}"):
        download_from_hub(FILE, tmp_path, lambda done, total: None)


def test_offline_mode_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(FetchFailed, match="HF_HUB_OFFLINE is set; unset it to fetch"):
        download_from_hub(FILE, tmp_path, lambda done, total: None)


def test_a_plain_address_of_the_hub_is_known_as_such() -> None:
    def file(url: str) -> WeightsFile:
        return WeightsFile(name="net.pth", sha256=None, url=url)

    plain = f"https://huggingface.co/owner/net/resolve/{COMMIT}/weights/net.pth"
    assert as_hub_file(file(plain)) == FILE
    assert as_hub_file(file(f"{plain}?download=true")) == FILE
    assert as_hub_file(file("https://github.com/owner/net/raw/main/net.pth")) is None
