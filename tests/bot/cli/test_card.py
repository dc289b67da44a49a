"""Model cards: made from the record and its stored scores alone; those in docs are up to date."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import pytest
from typer.testing import CliRunner

import detectors as room
from analysis.calibration.stored import measured_again, reliability_svg
from analysis.model import Kind
from bot.cli.app import app
from bot.cli.card import card
from detectors.base import Modality
from detectors.record import WeightsRecord
from tests.bot.cli.test_detectors import known as known

runner = CliRunner()
ROOT = Path(__file__).parents[3]
CARDS = ROOT / "docs" / "cards"
_NUMBER = re.compile(r"-?\d+\.\d+")


def test_a_card_says_everything_that_is_known(known: WeightsRecord) -> None:
    text = card(known, {Modality.IMAGE: "sample.image.svg"})
    for part in [
        "# sample: A sample",
        "- **media**: image, video, audio",
        "| photos | 40 | 50 |",
        "| image | left-out sources | AUC | 0.710 | 0.660 to 0.760 | 440 | 450 | 2026-01-02 |",
        "Calibrator `platt` (slope 1, intercept 0), 2026-01-02",
        "| held-out | 10 | 10 |",
        "![Reliability and evidence of sample on image media](sample.image.svg)",
        "from a score of 0.5 on it finds 60% of the fakes and flags 20% of the reals (a paper)",
        "Not calibrated: its score counts for nothing",
        "- It fails on drawings.",
        "research only (must be accepted first)",
        "`veritag weights fetch sample`",
        "Not measured.",
    ]:
        assert part in text
    assert "![" not in card(known)


def test_one_card_is_printed(known: WeightsRecord) -> None:
    assert runner.invoke(app, ["detectors", "--card", "sample"]).stdout == card(known)


def test_every_record_makes_a_card() -> None:
    for name in room.names():
        text = card(room.record(name))
        assert text.startswith(f"# {name}: ")
        assert len(re.findall(r"^## ", text, re.MULTILINE)) == 7


def test_a_detector_that_is_not_there() -> None:
    result = runner.invoke(app, ["detectors", "--card", "nope"])
    assert result.exit_code == 1
    assert "nope" in str(result.exception)


def test_the_cards_in_docs_are_up_to_date(tmp_path: Path) -> None:
    assert runner.invoke(app, ["detectors", "--cards", str(tmp_path)]).exit_code == 0
    made = {path.name: path for path in tmp_path.iterdir()}
    written = {path.name: path for path in CARDS.iterdir()}
    assert made.keys() == written.keys(), "run `veritag detectors --cards docs/cards`"
    for name, path in made.items():
        if path.suffix == ".md":
            assert path.read_text("utf-8") == written[name].read_text("utf-8"), name


@pytest.mark.parametrize("path", sorted(CARDS.glob("*.svg")), ids=lambda path: path.name)
def test_the_plots_in_docs_show_the_stored_scores(path: Path) -> None:
    if not mpl.__version__.startswith("3.11."):
        pytest.skip(f"drawn by matplotlib 3.11; this is {mpl.__version__}")
    name, kind, _ = path.name.split(".")
    found = measured_again(room.record(name), Kind(kind))
    assert found is not None
    drawn, stored = reliability_svg(found), path.read_text("utf-8")
    assert _NUMBER.sub("#", drawn) == _NUMBER.sub("#", stored)
    # Another processor may round the last digit of a coordinate otherwise.
    pairs = zip(_NUMBER.findall(drawn), _NUMBER.findall(stored), strict=True)
    assert all(float(one) == pytest.approx(float(other), abs=0.01) for one, other in pairs)
    assert str(ROOT) not in stored
    assert not re.search(r"\d{4}-\d\d-\d\d", stored)


def test_without_stored_scores_there_is_no_plot(tmp_path: Path) -> None:
    record = room.record("tiny_ladeda")
    assert measured_again(record, Kind.IMAGE, tmp_path) is None
    assert measured_again(record, Kind.VIDEO) is None
    few = "item,modality,source,generator,label,delivery,score\na,image,s,,0,as_is,0.5\n"
    (tmp_path / "tiny_ladeda.scores.csv").write_text(few)
    assert measured_again(record, Kind.IMAGE, tmp_path) is None
