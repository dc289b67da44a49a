"""`veritag evaluate`: the command from its options to its report, and what it says when it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli.app import app
from bot.cli.edge import run
from detectors import record
from detectors.weights import location
from tests.analysis.evaluation.made import pictures

runner = CliRunner()
ROOT = Path(__file__).parents[3]
QUICK = ["--resamples", "20", "--detector", "tiny_ladeda"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures(tmp_path_factory.mktemp("data"), 4, size=80)


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERITAG_ANALYSIS__THREADS", "1")


def test_people_get_sentences_tables_and_a_page(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = runner.invoke(
        app,
        [
            *("evaluate", *QUICK, "--policy", "calibrated,vote", "--data", str(data), "--crop", "72"),
            *("--reencode", "jpeg:75", "--report", str(out), "--thumbnails"),
        ],
    )
    assert result.exit_code == 0, result.output
    for part in [
        "16 media of 2 sources (layout real_fake), delivered crop72+jpeg75",
        "Of 100 real pictures, tiny_ladeda would flag about",
        "policy calibrated",
        "policy vote, verdicts real / fake: ",
        "average precision",
        "source (tiny_ladeda)",
        "bits per pixel",
        f"report: {out / 'index.html'}",
    ]:
        assert part in result.stdout, part
    page = (out / "index.html").read_text("utf-8")
    assert "data:image/jpeg;base64," in page
    assert str(data) not in page
    assert {path.name for path in out.iterdir()} >= {"figures.json", "scores.csv", "scores.jsonl"}


def test_programs_get_json(data: Path) -> None:
    result = runner.invoke(app, ["evaluate", *QUICK, "--data", str(data), "--json", "--limit", "8"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["items"], found["delivery"], found["resamples"]) == (8, "as_is", 20)
    (kind,) = found["kinds"]
    names = {figure["name"] for figure in kind["judged"][0]["figures"]}
    assert {"AUC", "ECE", "Brier score", "recall at 1 % false alarms", "false alarms at 0.5"} <= names


def test_a_policy_alone_hears_the_configured_detectors(data: Path) -> None:
    arguments = ["evaluate", "--policy", "calibrated", "--data", str(data), "--resamples", "20", "--json"]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    (kind,) = json.loads(result.stdout)["kinds"]
    assert [one["subject"] for one in kind["judged"]] == ["policy calibrated"]
    assert kind["judged"][0]["bands"]["uncertain"] == {"real": 8, "fake": 8}


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ([], "nothing to measure; name --detector or --policy"),
        (["--detector", "nope"], "there is no detector 'nope'"),
        (["--detector", "ufd"], "ufd: weights not fetched"),
        (["--policy", "best"], "analysis.policy"),
        (["--policy", "vote,best"], "there is no verdict policy 'best'"),
        (["--detector", "tiny_ladeda", "--reencode", "blur:2"], "'blur:2' is no change"),
        (["--detector", "tiny_ladeda", "--layout", "mine"], "there is no layout 'mine'"),
        (["--detector", "tiny_ladeda", "--split", "val"], "no labelled media in split 'val'"),
        (["--detector", "tiny_ladeda", "--thumbnails"], "--thumbnails needs --report"),
        (["--detector", "tiny_ladeda", "--crop", "4000"], "smaller than the crop of 4000"),
        (["--detector", "tiny_ladeda", "--limit", "1"], "limit"),
    ],
)
def test_what_cannot_be_evaluated(
    data: Path, options: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "--data", str(data), *options]) == 2
    said = capsys.readouterr().err.splitlines()
    assert fault in said[-1]


def test_help_imports_no_engine() -> None:
    code = (
        "import sys\nfrom bot.cli.edge import run\nrun(['evaluate', '--help'])\n"
        "sys.exit(bool({'torch', 'numpy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--robustness" in done.stdout


def test_new_weights_are_compared_with_those_in_use(data: Path, tmp_path: Path) -> None:
    known = record("tiny_ladeda")
    weights = tmp_path / "runs" / known.file.name
    weights.parent.mkdir()
    weights.write_bytes(location(known).read_bytes())
    described = known.model_copy(update={"file": known.file.model_copy(update={"bundled": False})})
    trained = weights.with_suffix(".json")
    trained.write_text(json.dumps({"record": described.model_dump(mode="json")}))
    arguments = ["--detector", f"tiny_ladeda,{trained}", "--data", str(data), "--resamples", "20", "--json"]
    result = runner.invoke(app, ["evaluate", *arguments])
    assert result.exit_code == 0, result.output
    (kind,) = json.loads(result.stdout)["kinds"]
    assert [one["subject"] for one in kind["judged"]] == ["runs/tiny_ladeda.json", "tiny_ladeda"]
    assert {pair["difference"]["value"] for pair in kind["comparisons"]} == {0.0}
    assert str(tmp_path) not in result.stdout
