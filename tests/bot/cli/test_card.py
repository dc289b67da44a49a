"""Model cards: made from the record and its stored scores alone; those in docs are up to date."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import pytest
from typer.testing import CliRunner

import detectors as room
from analysis.calibration.stored import measured_again, reliability_svg
from analysis.evaluation import kept
from analysis.evaluation.kept import Curves
from analysis.evaluation.result import Figure, Rung
from analysis.gallery.model import Counted, Gallery, Shown, is_whole
from analysis.model import Kind
from bot.cli import card_gallery, card_robustness
from bot.cli.app import app
from bot.cli.card import Beside, card, write_cards
from bot.cli.detectors_page import page
from detectors.base import Modality
from detectors.record import Measurement, WeightsRecord
from tests.bot.cli.test_detectors import known as known

runner = CliRunner()
ROOT = Path(__file__).parents[3]
CARDS = ROOT / "docs" / "cards"
_NUMBER = re.compile(r"-?\d+\.\d+")


def test_a_card_says_everything_that_is_known(known: WeightsRecord) -> None:
    text = card(known, Beside({Modality.IMAGE: "sample.image.svg"}))
    for part in [
        "# sample: A sample",
        "| looks for | A sample (image, video, audio) |",
        "| on media that it never saw | left-out sources: AUC",
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


def with_frames(record: WeightsRecord) -> WeightsRecord:
    """The record with a figure of frames of two clips, too."""
    frames = {"protocol": "frames of 2 videos; as_is", "modality": "video", "metric": "AUC of frames"}
    sizes = {"value": 0.93, "low": 0.9, "high": 0.96, "real": 60, "fake": 60, "clips": (1, 1)}
    figure = Measurement.model_validate({**frames, **sizes, "date": "2026-01-02"})
    return record.model_copy(update={"measured": (figure, *record.measured)})


def test_frames_of_a_few_clips_are_told_but_not_at_a_glance(known: WeightsRecord) -> None:
    text = card(with_frames(known))
    at_a_glance = next(line for line in text.splitlines() if line.startswith("| on media that it never saw"))
    assert "left-out sources: AUC" in at_a_glance
    assert "frames" not in at_a_glance
    assert "| frames of 2 videos | AUC of frames | 0.93 (0.90 to 0.96) | 60 | 60 |" in text
    assert "these few videos; of others they tell nothing" in " ".join(text.split())
    assert "of others they tell nothing" not in card(known)


def test_frames_of_a_few_clips_are_no_figure_in_the_table_of_detectors(known: WeightsRecord) -> None:
    row = next(line for line in page([with_frames(known)]).splitlines() if line.startswith("| [sample]"))
    assert "image AUC 0.710" in row
    assert "0.93" not in row


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
    for folder in ("gallery", "robustness"):
        shutil.copytree(CARDS / folder, tmp_path / folder)
    assert runner.invoke(app, ["detectors", "--cards", str(tmp_path)]).exit_code == 0
    made, written = ({path.relative_to(root): path for path in root.rglob("*")} for root in (tmp_path, CARDS))
    assert made.keys() == written.keys(), "run `veritag detectors --cards docs/cards`"
    for name, path in made.items():
        if path.suffix == ".md":
            assert path.read_text("utf-8") == written[name].read_text("utf-8"), name


def test_the_galleries_in_docs_are_those_of_the_weights_that_ship() -> None:
    mend = "run `veritag detectors --cards docs/cards --gallery samples`"
    shipped = [
        record for record in map(room.record, room.names()) if record.file.bundled and record.calibration
    ]
    shown = {CARDS / "gallery" / f"{record.name}.json" for record in shipped}
    for record in shipped:
        gallery = card_gallery.stored(record, CARDS)
        assert gallery is not None, f"{record.name}: {mend}"
        assert is_whole(gallery, CARDS / "gallery"), mend
        shown |= {CARDS / "gallery" / each.picture for each in gallery.shown()}
    assert set((CARDS / "gallery").iterdir()) == shown
    assert sum(path.stat().st_size for path in CARDS.rglob("*") if path.is_file()) < 1_500_000


def test_the_curves_in_docs_are_those_of_the_weights_that_ship() -> None:
    for path in (CARDS / "robustness").iterdir():
        curves = card_robustness.stored(room.record(path.stem), CARDS)
        assert curves is not None, f"{path.name} is of other weights: measure again, or remove it"
        assert curves.detector == path.stem


def test_what_other_weights_left_is_not_shown(
    known: WeightsRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundled = known.model_copy(update={"file": known.file.model_copy(update={"bundled": True})})
    curves = Curves(
        detector="sample",
        weights=bundled.digest,
        kind="image",
        data="photos",
        sources=("a",),
        trained_on=(),
        delivery="as_is",
        real=30,
        fake=31,
        date="2026-01-02",
        resamples=100,
        rungs=(_rung(None, 0.9), _rung(75, 0.8), _rung(40, 0.6)),
    )
    kept.write(curves, tmp_path / "robustness" / "sample.json")
    write_cards([bundled], tmp_path)
    text = (tmp_path / "sample.md").read_text("utf-8")
    assert "the harshest of these changes, JPEG quality 40, leaves 0.60" in text
    assert "It was not trained on these sources." in text
    assert (tmp_path / "sample.robustness.svg").read_text("utf-8").startswith("<svg")
    assert capsys.readouterr().err == ""

    kept.write(replace(curves, weights="others", trained_on=("a",)), tmp_path / "robustness" / "sample.json")
    write_cards([bundled], tmp_path)
    assert "harshest" not in (tmp_path / "sample.md").read_text("utf-8")
    assert "--robustness DIR" in " ".join(capsys.readouterr().err.split())


def _rung(level: float | None, auc: float) -> Rung:
    way = "jpeg" if level else ""
    what = "JPEG quality" if level else ""
    return Rung("sample", way, what, level, Figure("AUC", auc, auc - 0.1, auc + 0.05), 0.4, 0.6, 30, 31)


def _shown(*, made_by: str = "", fake: bool = True, evidence: float = -1.0) -> Shown:
    return Shown(
        picture="sample-01.webp",
        sha256="0" * 64,
        medium="cat.jpg",
        made_by=made_by,
        done="as it is",
        fake=fake,
        score=0.25,
        evidence=evidence,
        probability=0.27,
        words="sample finds little sign of generation or manipulation (score 0.25)",
    )


def test_a_gallery_says_what_it_is_and_what_it_is_not() -> None:
    gallery = Gallery(
        detector="sample",
        weights="w",
        calibrators={},
        seed=0,
        by_score=False,
        one_sided=False,
        real=Counted(judged=0, wrong=0),
        fake=Counted(judged=7, wrong=3),
        makers={"": Counted(judged=3, wrong=1), "splice": Counted(judged=4, wrong=2)},
        refused=2,
        false_alarms=(),
        misses=(_shown(made_by="splice"),),
        strips=((_shown(), _shown(evidence=0.0)),),
    )
    text = card_gallery.section(gallery)
    assert "are **no measurement**" in text
    assert "**no real media of its kind**" in text
    assert "Real media that it takes for fakes" not in text
    assert "Of 7 deliveries of fakes, 3 look real to it. It could not judge 2 others" in text
    assert "| splice: an object of another picture put in | 4 | 2 |" in text
    assert (
        "made of cat.jpg<br>as it is | finds little sign of generation or manipulation (score 0.25)" in text
    )
    assert "2.7 times as likely of a real one" in text
    assert "| **27%**<br>(score 0.25) | **27%**<br>(score 0.25) |" in text

    silent = gallery.model_copy(
        update={"one_sided": True, "real": Counted(judged=4, wrong=0), "misses": (_shown(evidence=0.0),)}
    )
    text = card_gallery.section(silent)
    assert "Of 4 deliveries of real media, 0 look fake to it" in text
    assert "None among these media." in text
    assert "3 give it no reason to suspect anything" in text
    assert "cat.jpg, not genuine<br>as it is" in text
    assert "no evidence either way" in text

    text = card_gallery.section(gallery.model_copy(update={"by_score": True}))
    assert "the bare score is taken here, with 0.5 as the cut" in text
    assert "times as likely" not in text


def test_curves_come_from_a_report(tmp_path: Path, known: WeightsRecord) -> None:
    (tmp_path / "figures.json").write_text('{"kinds": []}')
    refused = runner.invoke(
        app, ["detectors", "--cards", str(tmp_path / "cards"), "--robustness", str(tmp_path)]
    )
    assert refused.exit_code == 1
    assert "evaluate with --detector and --robustness" in str(refused.exception)
    assert runner.invoke(app, ["detectors", "--robustness", str(tmp_path)]).exit_code == 2
    assert runner.invoke(app, ["detectors", "--gallery", str(tmp_path)]).exit_code == 2


@pytest.mark.parametrize(
    "path", sorted({*CARDS.glob("*.image.svg"), *CARDS.glob("*.audio.svg")}), ids=lambda path: path.name
)
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
