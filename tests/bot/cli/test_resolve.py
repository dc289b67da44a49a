"""`veritag resolve` against a server on loopback."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bot.cli import edge

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = {"/picture": PNG, "/page": b"<!doctype html><title>x</title>"}.get(
            self.path.partition("?")[0]
        )
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        monkeypatch.setenv("VERITAG_FETCH__ALLOW_NETWORKS", "127.0.0.0/8")
        monkeypatch.setenv("VERITAG_FETCH__PORTS", str(running.server_port))
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def resolve(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = edge.run(["resolve", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_what_media_a_link_has(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = resolve(capsys, f"{server}/picture")
    assert (status, err) == (0, "")
    assert "1 medium" in out
    assert "image/png" in out


def test_json_and_download(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = resolve(capsys, f"{server}/picture", "--json", "--download", "media/here")
    assert status == 0
    found = json.loads(out)
    (medium,) = found["media"]
    assert (found["input"], found["route"], found["error"]) == (f"{server}/picture", "direct", None)
    digest = hashlib.sha256(PNG).hexdigest()
    assert (medium["sha256"], medium["mime"], medium["size"]) == (digest, "image/png", len(PNG))
    assert Path(medium["file"]).read_bytes() == PNG
    assert medium["file"] == f"media/here/{digest}.png"
    assert resolve(capsys, f"{server}/picture", "--download", "media/here")[0] == 0


@pytest.mark.parametrize(
    ("path", "reason"), [("/gone?secret=hunter2", "gone"), ("/page", "unsupported_site")]
)
def test_why_none_can_be_had(server: str, capsys: pytest.CaptureFixture[str], path: str, reason: str) -> None:
    status, out, err = resolve(capsys, server + path)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "hunter2" not in err
    status, out, err = resolve(capsys, server + path, "--json")
    assert (status, err) == (2, "")
    found = json.loads(out)
    assert (found["media"], found["error"]["reason"]) == ([], reason)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "ftp://a.example/x", "nonsense", "", "http://[::1", "/etc/passwd"]
)
def test_rubbish_is_one_line(capsys: pytest.CaptureFixture[str], url: str) -> None:
    status, out, err = resolve(capsys, "--", url)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "internal error" not in err


def test_a_folder_that_cannot_be_written_to_is_named(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").touch()
    status, _, err = resolve(capsys, f"{server}/picture", "--download", "file/below")
    assert status == 2
    assert "--download file/below" in err


def test_each_route_is_explained(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = resolve(capsys, f"{server}/picture", "--explain")
    assert status == 0
    assert out.startswith("web/direct: media after ")
    status, out, err = resolve(capsys, f"{server}/gone", "--explain")
    assert (status, err.count("\n")) == (2, 1)
    assert "web/direct: gone after " in out
    found = json.loads(resolve(capsys, f"{server}/gone", "--explain", "--json")[1])
    assert found["attempts"][0]["outcome"] == "gone"


def test_what_is_answered_is_recorded(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = resolve(capsys, f"{server}/picture?token=hunter2hunter2", "--record", "fixture.json")
    assert (status, err.count("\n")) == (0, 1)
    assert "it replays the same" in err
    text = Path("fixture.json").read_text("utf-8")
    assert "hunter2" not in text
    assert json.loads(text)["exchanges"][0]["media"] == "image/png"
    assert resolve(capsys, f"{server}/gone", "--record", "gone.json")[0] == 2
    assert json.loads(Path("gone.json").read_text("utf-8"))["exchanges"][0]["status"] == 404
    assert resolve(capsys, f"{server}/picture", "--record", "missing/f.json")[0] == 2
