"""`veritag weights`: every command on a small detector whose weights a loopback server publishes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

import detectors
from analysis.engine import EmbeddedAnalyzer
from analysis.limits import Limits
from bot.cli import edge
from bot.cli.app import app
from detectors import weights
from detectors.record import Licence, WeightsFile, WeightsRecord
from tests.analysis.fakes import Brightness, MeanPolicy
from tests.bot.resolver.server import Server, answer, in_turn
from tests.bot.weights.serving import ranged
from tests.bot.weights.test_fetch import BODY, SHA256
from tests.detectors.sample import make_record, register, state

runner = CliRunner()
ROOT = Path(__file__).parents[3]
LICENCE = Licence(
    code="MIT", weights="Research use only", needs_acceptance=True, url="https://publisher.example/licence"
)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.handlers["/sample.pth"] = ranged(BODY)
    yield server
    server.stop()


@pytest.fixture
def known(server: Server, monkeypatch: pytest.MonkeyPatch) -> WeightsRecord:
    monkeypatch.setenv("VERITAG_WEIGHTS_DIR", str(Path.cwd() / "weights"))
    monkeypatch.setattr(detectors, "names", lambda: ("sample", "tiny_ladeda"))
    return register(monkeypatch, make_record(url=server.url("/sample.pth"), licence=LICENCE))


def veritag(*arguments: str) -> Result:
    return runner.invoke(app, ["weights", *arguments])


def listed() -> dict[str, object]:
    found: dict[str, object] = json.loads(veritag("list", "--json").stdout)[0]
    return found


def test_from_nothing_to_use(known: WeightsRecord, server: Server) -> None:
    assert (listed()["state"], listed()["usable"]) == ("missing", False)
    assert "sample: not on this machine; `veritag weights fetch sample`" in veritag("list").stdout
    fetched = veritag("fetch", "sample")
    assert fetched.exit_code == 0
    assert f"SHA-256 {SHA256} (pinned now; compare it if its publisher states one)" in fetched.stdout
    assert f"from {server.url('/sample.pth')}" in fetched.stdout
    assert "not used before you accept the licence" in fetched.stdout
    assert (listed()["state"], listed()["accepted"]) == ("licence_not_accepted", False)
    accepted = veritag("accept-licence", "sample")
    assert accepted.exit_code == 0
    assert "Research use only" in accepted.stdout
    assert "to be read at: https://publisher.example/licence" in accepted.stdout
    assert (listed()["state"], listed()["usable"]) == ("ready", True)
    for said in (accepted.stdout, veritag("fetch", "sample").stdout):
        assert 'add "sample" to `detectors` under [analysis]' in said
        assert "`veritag evaluate --detector sample,OTHERS" in " ".join(said.split())
    assert "nothing to fetch" in veritag("fetch", "sample").stdout
    assert veritag("verify", "sample").exit_code == 0
    detectors.create("sample")


def test_the_list_says_what_is_where(known: WeightsRecord) -> None:
    entries = {entry["name"]: entry for entry in json.loads(veritag("list", "--json").stdout)}
    assert entries["tiny_ladeda"]["state"] == "bundled"
    (file,) = entries["sample"]["files"]
    assert (file["part"], file["size"], file["published_sha256"]) == (None, None, None)
    assert file["source"] == known.file.url
    assert file["licence_url"] == "https://publisher.example/licence"
    text = veritag("list").stdout
    assert f"sample.safetensors, from {known.file.url}" in text
    assert "licence: Research use only" in text
    assert "tiny_ladeda: there, shipped with Veritag" in text


def test_one_failure_does_not_stop_the_others(known: WeightsRecord, server: Server) -> None:
    server.handlers["/sample.pth"] = answer(b"", status=404)
    done = veritag("fetch", "sample", "tiny_ladeda")
    assert done.exit_code == 1
    assert "sample: " in done.stdout
    assert "is not there any more (404)" in done.stdout
    assert "tiny_ladeda: nothing to fetch" in done.stdout


def test_a_wrong_name_stops_before_the_first_download(known: WeightsRecord, server: Server) -> None:
    assert edge.run(["weights", "fetch", "sample", "nothing"]) == 2
    assert server.connections == 0


def test_failures_are_one_line(
    known: WeightsRecord, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.handlers["/sample.pth"] = answer(b"rubbish")
    assert edge.run(["weights", "fetch", "sample"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "veritag: sample.pth is not a whole PyTorch checkpoint (7 bytes): cut off, or something else"
    ]


def test_verify_finds_damage(known: WeightsRecord) -> None:
    missing = veritag("verify", "sample")
    assert missing.exit_code == 1
    assert "weights not fetched; run `veritag weights fetch sample`" in missing.stdout
    everything = veritag("verify")
    assert everything.exit_code == 0
    assert "tiny_ladeda: tiny_ladeda.safetensors is as it should be, SHA-256 " in everything.stdout
    veritag("fetch", "sample")
    path = weights.location(known)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    damaged = veritag("verify")
    assert damaged.exit_code == 1
    assert "sample.safetensors is not the file of sample" in damaged.stdout


def test_a_file_at_hand_is_imported(known: WeightsRecord, server: Server) -> None:
    Path("mine.pth").write_bytes(BODY)
    done = veritag("import", "sample", "mine.pth")
    assert done.exit_code == 0
    assert f"SHA-256 of mine.pth: {SHA256} (pinned now)" in done.stdout
    assert listed()["state"] == "licence_not_accepted"
    assert server.connections == 0


def test_parts_are_imported_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERITAG_WEIGHTS_DIR", str(Path.cwd() / "weights"))
    head = WeightsFile(name="head.pth", sha256=None)
    register(monkeypatch, make_record(name="trunk.pth", parts={"head": head}))
    for number, name in enumerate(("trunk.pth", "head.pth")):
        torch.save({k: t for k, t in state().items() if k.startswith(str(number))}, name)
    assert veritag("import", "sample", "head.pth", "--part", "head").exit_code == 0
    assert veritag("import", "sample", "trunk.pth").exit_code == 0
    detectors.create("sample")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["import", "sample", "nowhere.pth"], "nowhere.pth is no file; name the one that holds the weights"),
        (["import", "sample", "."], ". is no file"),
        (["import", "sample", "here.pth", "--part", "x"], "sample has no such part; known: it has none"),
        (["import", "tiny_ladeda", "here.pth"], "tiny_ladeda ship with Veritag and are not replaced"),
        (["accept-licence", "nothing"], "there is no detector 'nothing'"),
        (["verify", "nothing"], "there is no detector 'nothing'"),
        (["fetch"], "Missing argument"),
        (["steal"], "No such command"),
    ],
)
def test_unusable_input_is_named(
    known: WeightsRecord, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    Path("here.pth").write_bytes(BODY)
    assert edge.run(["weights", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line


@pytest.mark.parametrize(("word", "accepted"), [("y\n", True), ("n\n", False), ("", False)])
def test_in_a_terminal_the_operator_is_asked(
    known: WeightsRecord, monkeypatch: pytest.MonkeyPatch, word: str, accepted: bool
) -> None:
    monkeypatch.setattr("bot.cli.weights._is_terminal", lambda: True)
    done = runner.invoke(app, ["weights", "accept-licence", "sample"], input=word)
    assert "Do you accept it" in done.stdout
    assert weights.is_accepted(known) is accepted
    assert (done.exit_code == 0) is accepted


def test_who_says_yes_is_not_asked(known: WeightsRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cli.weights._is_terminal", lambda: True)
    assert "Do you" not in veritag("accept-licence", "sample", "--yes").stdout
    assert weights.is_accepted(known)
    assert "Nothing more is needed." in veritag("accept-licence", "sample").stdout


def test_the_engine_goes_on_without_weights_and_says_so(known: WeightsRecord, server: Server) -> None:
    Image.new("RGB", (8, 8), (51, 51, 51)).save("grey.png")

    def judged() -> dict[str, tuple[bool, str | None]]:
        analyzer = EmbeddedAnalyzer(["sample", Brightness()], MeanPolicy(), Limits(), torch_threads=1)
        try:
            analysis = analyzer.submit(Path("grey.png")).result(timeout=60)
        finally:
            analyzer.close()
        assert analysis.verdict.probability == pytest.approx(0.2, abs=0.6)
        return {score.detector: (score.applicable, score.reason) for score in analysis.scores}

    weights.accept_licence(known)
    found = judged()
    assert found["sample"] == (False, "weights not fetched; run `veritag weights fetch sample`")
    assert found["brightness"] == (True, None)
    assert server.connections == 0
    veritag("fetch", "sample")
    assert judged()["sample"] == (True, None)


def test_resuming_shows_in_what_is_asked(known: WeightsRecord, server: Server) -> None:
    server.handlers["/sample.pth"] = in_turn(ranged(BODY, most=1000), ranged(BODY))
    assert veritag("fetch", "sample").exit_code == 0
    assert server.requests[1].headers["range"] == "bytes=1000-"


@pytest.mark.parametrize("arguments", [["weights", "--help"], ["weights", "list"], ["detectors"]])
def test_looking_loads_neither_torch_nor_a_network_client(arguments: list[str]) -> None:
    code = (
        f"import sys\nfrom bot.cli.edge import run\nstatus = run({arguments!r})\n"
        "heavy = {'torch', 'numpy', 'httpx', 'huggingface_hub'} & set(sys.modules)\n"
        "sys.exit(status or bool(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
