"""`veritag detectors`: what the records say, in words and for programs, without loading anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import detectors as room
from bot.cli.app import app
from bot.cli.detectors import figure
from detectors import weights
from detectors.record import InTheWild, Measurement, WeightsRecord

runner = CliRunner()
ROOT = Path(__file__).parents[3]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> WeightsRecord:
    """One detector with everything that can be said of one."""
    measurement = {"protocol": "left-out sources", "modality": "image", "metric": "AUC", "value": 0.71}
    record = WeightsRecord.model_validate(
        {
            "name": "sample",
            "title": "A sample",
            "architecture": "one convolution",
            "paper": "none",
            "modalities": ["image", "video", "audio"],
            "parameters": 1297,
            "licence": {"code": "MIT", "weights": "research only", "needs_acceptance": True},
            "file": {"name": "sample.safetensors", "sha256": "0" * 64, "url": "http://x.example/s.pth"},
            "preprocessing": {},
            "trained_on": [{"name": "photos", "real": 40, "fake": 50}],
            "recipe": "none",
            "calibration": {
                "image": {
                    "method": "platt",
                    "parameters": {"slope": 1.0, "intercept": 0.0},
                    "bound": 2.0,
                    "data": [{"name": "held-out", "real": 10, "fake": 10}],
                    "date": "2026-01-02",
                    "protocol": "by source",
                }
            },
            "in_the_wild": {"video": InTheWild(tpr=0.6, fpr=0.2, source="a paper")},
            "measured": [
                Measurement(**measurement, low=0.66, high=0.76, real=440, fake=450, date="2026-01-02")
            ],
            "limits": ["It fails on drawings."],
        }
    )
    monkeypatch.setattr(room, "names", lambda: ("sample",))
    monkeypatch.setattr(room, "record", lambda name: record)
    monkeypatch.setenv("VERITAG_WEIGHTS_DIR", str(Path.cwd() / "weights"))
    return record


def test_people_learn_how_well_it_was_measured_and_where_it_fails(known: WeightsRecord) -> None:
    text = runner.invoke(app, ["detectors"]).stdout
    for part in [
        "sample: A sample",
        "image, video, audio",
        "1297 parameters",
        "not on this machine; `veritag weights fetch sample`",
        "research only (code: MIT)",
        "photos (40 real, 50 fake)",
        "image: yes, on held-out (2026-01-02)",
        "video: no; counts up to its published error rates",
        "audio: no; its score counts for nothing",
        "AUC 0.710 (95 % interval 0.660 to 0.760); 440 real, 450 fake; left-out sources",
        "- It fails on drawings.",
    ]:
        assert part in text


def test_the_state_of_weights_follows_the_machine(known: WeightsRecord) -> None:
    assert not json.loads(runner.invoke(app, ["detectors", "--json"]).stdout)[0]["usable"]
    place = weights.location(known)
    place.parent.mkdir()
    place.write_bytes(b"x")
    assert "licence not accepted" in runner.invoke(app, ["detectors"]).stdout
    weights.accept_licence(known)
    (found,) = json.loads(runner.invoke(app, ["detectors", "--json"]).stdout)
    assert (found["usable"], found["weights"], found["calibrated"]) == (True, "there", ["image"])
    assert found["measured"][0]["low"] == 0.66


def test_the_page_says_nothing_of_this_machine(known: WeightsRecord) -> None:
    page = runner.invoke(app, ["detectors", "--markdown"]).stdout
    assert page.startswith("# Detectors\n")
    assert "## sample" in page
    assert "- It fails on drawings." in page
    assert "not on this machine" not in page


def test_every_real_detector_is_listed_without_torch() -> None:
    code = (
        "import sys\nfrom bot.cli.edge import run\nstatus = run(['detectors'])\n"
        "sys.exit(status or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [name for name in room.names() if f"{name}: " not in done.stdout] == []


@pytest.mark.parametrize("options", [["--json", "--markdown"], ["--card", "ufd", "--cards", "x"]])
def test_formats_exclude_each_other(options: list[str]) -> None:
    assert runner.invoke(app, ["detectors", *options]).exit_code == 2


def test_the_table_shows_what_is_known(known: WeightsRecord) -> None:
    page = runner.invoke(app, ["detectors", "--markdown"]).stdout
    (row,) = [line for line in page.splitlines() if line.startswith("| [sample]")]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "[sample](#sample)",
        "image, video, audio",
        "1 297",
        "–",
        "–",
        "x.example/s.pth",
        "research only \\*",
        "image",
        "image AUC 0.710",
    ]


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (0.00342, "0.0034"), (1.74, "1.7"), (9.96, "10"), (155.3, "155"), (12034.3, "12 034")],
)
def test_figures_keep_the_digits_that_mean_something(number: float, shown: str) -> None:
    assert figure(number) == shown


def test_the_page_in_docs_is_up_to_date() -> None:
    page = runner.invoke(app, ["detectors", "--markdown"]).stdout
    written = (ROOT / "docs" / "detectors.md").read_text("utf-8")
    assert page == written, "run `veritag detectors --markdown > docs/detectors.md`"
