"""`veritag check`, with an engine that needs no networks."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

import analysis.evidence.explain as explain_module
from analysis.errors import EngineFailed, MediumRefused, Refusal
from analysis.evidence.drawing import EvidencePicture
from analysis.model import Analysis, Band, Kind, Probe, Reason, Score, Verdict
from bot import assembly
from bot.cli import check as check_module
from bot.cli.app import app
from bot.cli.bands import LOOKS
from bot.config import Settings
from bot.errors import ConfigError, ResolveError, ResolveFailure
from bot.judging import Judge

runner = CliRunner()
JPEG = b"\xff\xd8\xff"
MEDIUM_KEYS = {"sha256", "kind", "verdict", "scores", "timing"}


class Engine:
    """Answers at once: what the file's text says decides what becomes of it."""

    def __init__(self) -> None:
        self.closed = False
        self.warmed = False

    def warm_up(self, on_progress: Callable[[str], None] | None = None) -> None:
        self.warmed = True
        if on_progress:
            on_progress("loading")

    def submit(self, path: Path) -> Future[Analysis]:
        content = path.read_bytes().removeprefix(JPEG)
        future: Future[Analysis] = Future()
        if not content:
            future.set_exception(MediumRefused(Refusal.EMPTY, "the file is empty; send it again"))
        elif content.startswith(b"crash"):
            future.set_exception(EngineFailed("the engine broke; try again"))
        else:
            future.set_result(analysis(content))
        return future

    def close(self) -> None:
        self.closed = True


def digest_of(content: bytes) -> str:
    return hashlib.sha256(JPEG + content).hexdigest()


def analysis(content: bytes) -> Analysis:
    band = Band(content.decode()) if content.decode() in set(Band) else Band.UNCERTAIN
    probability = {Band.HIGH: 0.93, Band.LOW: 0.05}.get(band)
    return Analysis(
        sha256=digest_of(content),
        probe=Probe(Kind.IMAGE, "image/jpeg", len(content), notes=("cut short: the rest is grey",)),
        scores=(
            Score("tiny", 0.7125, applicable=True),
            Score("voice", None, applicable=False, reason="judges sound only"),
        ),
        verdict=Verdict(
            band,
            probability,
            "calibrated",
            (Reason("weak", "weak \x1b[31msigns"), Reason("not_applicable", "voice did not judge this")),
            "set (2026)",
        ),
        timing={"decode": 0.1, "tiny": 0.02, "total": 1.5},
        fingerprint="f",
    )


class Medium:
    def __init__(self, path: Path) -> None:
        self.path = path


class Network:
    """A resolver whose URLs name files of the working folder: http://a.example/x,y has two media."""

    def __enter__(self) -> Network:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    media: tuple[Path, ...] = ()

    def resolve(self, url: str) -> Network:
        if not url.startswith("http://"):
            raise ResolveError(ResolveFailure.UNSUPPORTED, "supported: direct links")
        found = Network()
        found.media = tuple(Path(name) for name in url.removeprefix("http://a.example/").split(","))
        return found

    def fetch(self, ref: Path, *, file_root: Path | None) -> Medium:
        if not ref.exists():
            raise ResolveError(ResolveFailure.GONE, "there is nothing any more")
        return Medium(ref)


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Engine]:
    made: list[Engine] = []

    def build(settings: Settings) -> Engine:
        made.append(Engine())
        return made[-1]

    monkeypatch.setattr(assembly, "build_analyzer", build)
    monkeypatch.setattr(assembly, "build_resolver", lambda settings, store=None: Network())
    monkeypatch.setattr(check_module, "_refuse_unknown", lambda settings: None)
    for band in Band:
        Path(f"{band}.jpg").write_bytes(JPEG + band.encode())
    Path("empty.jpg").touch()
    Path("crash.jpg").write_bytes(JPEG + b"crash")
    return made


def check(*arguments: str) -> Result:
    return runner.invoke(app, ["check", *arguments])


def objects(done: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("spelling", ["file://{}", "FILE://{}", "file:{}", "file://localhost{}"])
def test_file_urls_are_files(engines: list[Engine], spelling: str) -> None:
    Path("a photo 100%.jpg").write_bytes(JPEG + b"low")
    url = spelling.format(quote(str(Path("a photo 100%.jpg").absolute())))
    (found,) = objects(check("--json", url))
    assert (found["input"], found["error"]) == (url, None)


def test_a_file_url_of_another_machine_is_refused(engines: list[Engine]) -> None:
    done = check("--json", "file://elsewhere/high.jpg", "low.jpg")
    assert done.exit_code == 2
    refused, judged = objects(done)
    assert refused["error"] == {
        "reason": "unsupported_site",
        "message": "the file: link names another machine; copy the file here",
    }
    assert judged["error"] is None


def test_json_keeps_the_contract_to_the_letter(engines: list[Engine]) -> None:
    done = check("high.jpg", "--json")
    assert done.exit_code == 0
    (found,) = objects(done)
    digest = digest_of(b"high")
    assert found == {
        "input": "high.jpg",
        "media": [
            {
                "sha256": digest,
                "kind": "image",
                "verdict": {
                    "band": "high",
                    "probability": 0.93,
                    "policy": "calibrated",
                    "reasons": [
                        {"code": "weak", "text": "weak \x1b[31msigns"},
                        {"code": "not_applicable", "text": "voice did not judge this"},
                    ],
                },
                "scores": [
                    {"detector": "tiny", "score": 0.7125, "applicable": True, "reason": None},
                    {"detector": "voice", "score": None, "applicable": False, "reason": "judges sound only"},
                ],
                "timing": {"decode": 0.1, "tiny": 0.02, "total": 1.5},
            }
        ],
        "error": None,
    }
    assert engines[0].warmed
    assert engines[0].closed


@pytest.mark.parametrize("band", list(Band))
def test_the_status_is_0_whatever_the_verdict(engines: list[Engine], band: Band) -> None:
    done = check(f"{band}.jpg")
    assert done.exit_code == 0
    assert LOOKS[band].words in done.stdout


def test_people_read_the_answer_its_reasons_and_what_it_rests_on(engines: list[Engine]) -> None:
    text = check("high.jpg").stdout
    for part in [
        "high.jpg",
        "93%",
        "set (2026)",
        "tiny",
        "0.713",
        "judges sound only",
        "cut short",
        "the probability rests on set (2026)",
        "1.50 s (waiting 1.38, decode 0.10, tiny 0.02)",
    ]:
        assert part in text
    assert "voice did not judge" not in text  # it stands in the table
    assert "\x1b[31m" not in text
    assert "%" not in check("uncertain.jpg").stdout


def rubbish() -> dict[str, str]:
    Path("folder").mkdir()
    os.mkfifo("pipe")
    return {
        "": "no_such_file",
        "nowhere.jpg": "no_such_file",
        "folder": "is_a_folder",
        "pipe": "not_a_file",
        "/dev/zero": "not_a_file",
        "empty.jpg": "empty",
        "high.jpg/x": "no_such_file",
        "x" * 5000: "no_such_file",
        "gopher://a.example": "unsupported_site",
        "http://a.example/gone": "gone",
        "file:///nowhere": "no_such_file",
    }


def test_unusable_inputs_are_named_and_the_others_are_judged(engines: list[Engine]) -> None:
    expected = rubbish()
    inputs = [*expected, "low.jpg"]
    done = check("--json", *inputs)
    assert done.exit_code == 2
    found = objects(done)
    assert [item["input"] for item in found] == inputs
    reasons = {str(item["input"]): (item["error"] or {"reason": None})["reason"] for item in found}  # type: ignore[index]
    assert reasons == {**expected, "low.jpg": None}
    assert all(set(item) == {"input", "media", "error"} for item in found)
    text = check(*inputs)
    assert text.exit_code == 2
    assert text.stdout.count("not judged") == len(expected)
    assert LOOKS[Band.LOW].words in text.stdout
    assert "Traceback" not in text.output


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(engines: list[Engine]) -> None:
    Path("high.jpg").chmod(0)
    assert objects(check("--json", "high.jpg"))[0]["error"]["reason"] == "not_readable"  # type: ignore[index]


def test_a_fault_of_the_engine_is_not_the_inputs(engines: list[Engine]) -> None:
    assert check("crash.jpg", "low.jpg").exit_code == 1
    assert check("crash.jpg", "empty.jpg").exit_code == 2


def test_nothing_is_started_for_inputs_that_need_nothing(engines: list[Engine]) -> None:
    Path("notes.jpg").write_text("no picture at all")
    Path("list.mp4").write_text("#EXTM3U\n/etc/passwd\n")
    done = check("--json", "nowhere.jpg", "empty.jpg", "notes.jpg", "list.mp4", "-")
    assert done.exit_code == 2
    errors = [found["error"] for found in objects(done)]
    assert [error["reason"] for error in errors] == [  # type: ignore[index]
        "no_such_file",
        "empty",
        "not_media",
        "names_other_files",
        "no_such_file",
    ]
    assert "standard input is not read" in str(errors[-1])
    assert engines == []


def test_several_media_of_one_post_stay_together(engines: list[Engine]) -> None:
    (found,) = objects(check("--json", "http://a.example/low.jpg,empty.jpg,high.jpg,gone.jpg"))
    media = found["media"]
    assert isinstance(media, list)
    assert [medium["verdict"]["band"] for medium in media] == ["low", "high"]
    assert found["error"]["reason"] == "gone"  # type: ignore[index]
    assert "(2 of 2)" in check("http://a.example/low.jpg,high.jpg").stdout


def test_odd_names_are_shown_without_being_obeyed(engines: list[Engine]) -> None:
    odd = "\x1b[2Jé [bold].jpg"
    Path(odd).write_bytes(JPEG + b"low")
    done = check(odd)
    assert "\\x1b[2Jé [bold].jpg" in done.stdout
    assert objects(check("--json", odd))[0]["input"] == odd


def test_many_inputs_are_worked_on_in_order_and_not_all_at_once(engines: list[Engine]) -> None:
    class Counting(Engine):
        waiting = 0
        most = 0

        def submit(self, path: Path) -> Future[Analysis]:
            Counting.waiting += 1
            Counting.most = max(Counting.most, Counting.waiting)
            return super().submit(path)

    engine = Counting()
    judge = Judge(lambda: engine, lambda: Network())  # type: ignore[arg-type, return-value]
    for outcome in judge.run(["low.jpg"] * 200):
        Counting.waiting -= 1
        assert outcome.fault is None
    assert Counting.most <= 20


def test_a_progress_bar_on_a_terminal_leaves_standard_output_alone(
    engines: list[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO()

    def console(*, stderr: bool = False) -> Console:
        return Console(file=terminal, force_terminal=True) if stderr else Console()

    monkeypatch.setattr(check_module, "console", console)
    done = check("--json", "low.jpg", "high.jpg", "nowhere.jpg")
    assert [item["input"] for item in objects(done)] == ["low.jpg", "high.jpg", "nowhere.jpg"]
    assert "judging" in terminal.getvalue()
    terminal.truncate(0)
    check("--json", "low.jpg")
    assert "judging" not in terminal.getvalue()


def test_options_reach_the_settings(engines: list[Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Settings] = []

    def build(settings: Settings) -> Engine:
        seen.append(settings)
        return Engine()

    monkeypatch.setattr(assembly, "build_analyzer", build)
    assert check("--policy", "vote", "--detectors", "a, b", "low.jpg").exit_code == 0
    assert (seen[0].analysis.policy, seen[0].analysis.detectors) == ("vote", ["a", "b"])


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch, engines: list[Engine]) -> None:
    def drawn(path: Path, sha256: str, scores: object, engine: object) -> list[EvidencePicture]:
        return [EvidencePicture("heatmap-tiny", "Where", path.read_bytes(), "bright at the top left")]

    monkeypatch.setattr(explain_module, "explain", drawn)


@pytest.mark.usefixtures("pictures")
def test_evidence_is_written_and_told() -> None:
    digest = digest_of(b"high")
    result = check("high.jpg", "empty.jpg", "http://a.example/low.jpg,high.jpg", "--evidence", "out/new")
    assert result.exit_code == 2  # of the empty file
    assert f"out/new/{digest[:12]}-heatmap-tiny.png" in result.stdout
    assert "bright at the top left" in result.stdout
    assert Path(f"out/new/{digest[:12]}-heatmap-tiny.png").read_bytes() == JPEG + b"high"
    assert len(list(Path("out/new").iterdir())) == 2


@pytest.mark.usefixtures("pictures")
def test_evidence_in_json_is_there_only_when_asked_for() -> None:
    with_it, without = check("high.jpg", "--json", "--evidence", "out"), check("high.jpg", "--json")
    (medium,) = json.loads(with_it.stdout)["media"]
    file = str(Path("out", digest_of(b"high")[:12] + "-heatmap-tiny.png"))
    assert medium["evidence"] == [{"file": file, "alt": "bright at the top left"}]
    assert "evidence" not in json.loads(without.stdout)["media"][0]


@pytest.mark.usefixtures("pictures")
def test_evidence_that_cannot_be_written_is_said() -> None:
    result = check("high.jpg", "--evidence", "low.jpg/out")
    assert isinstance(result.exception, ConfigError)
    assert "name another folder" in str(result.exception)
