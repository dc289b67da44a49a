"""Fitting calibrators and bands from out-of-fold scores."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.calibration import fitting
from analysis.calibration.__main__ import main
from analysis.calibration.choosing import chosen, left_out_loss
from analysis.calibration.measuring import error_curve, member_sets, out_of_fold
from analysis.calibration.methods import METHODS, Choice
from analysis.calibration.run import Fit, fit, write
from analysis.calibration.scores import COLUMNS, ScoreTable, joined, read_scores, table_of
from analysis.ensemble.calibrated import CalibratedPolicy, Limits
from analysis.ensemble.likelihood import calibrated_llr
from analysis.ensemble.panels import HIGH_FLOOR, LOW_CEILING, EnsembleCalibration, load_calibration
from analysis.errors import ConfigurationError
from analysis.model import Band, Kind, Score
from detectors.base import Modality
from detectors.errors import NotMeasurable
from detectors.record import WeightsRecord
from tests.analysis.ensemble.builders import platt, record

DATE = "2026-11-20"
IMAGE = Kind.IMAGE


def sample(
    separation: float, *, seed: int = 0, media: int = 600, sources: int = 6, shared: float = 0.0
) -> list[dict[str, Any]]:
    """Make scores with normal logits of unit deviation; ``shared`` is the correlation between seeds."""
    own, common = np.random.default_rng([seed, 1]), np.random.default_rng(0)
    rows = []
    for i in range(media):
        label = i % 2
        noise = math.sqrt(shared) * common.normal() + math.sqrt(1 - shared) * own.normal()
        x = separation * (label - 0.5) + noise
        rows.append(
            dict(
                zip(
                    COLUMNS,
                    (f"i{i:05}", "image", f"s{i // 2 % sources}", "", label, "as_is", 1 / (1 + math.exp(-x))),
                    strict=True,
                )
            )
        )
    return rows


def save(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def table(tmp_path: Path, rows: Iterable[Mapping[str, Any]], name: str = "d") -> ScoreTable:
    return table_of(name, read_scores(save(tmp_path / f"{name}.csv", rows)), IMAGE)


def fitted(tmp_path: Path, method: Choice = "platt", **rows: list[dict[str, Any]]) -> Fit:
    paths = {name: save(tmp_path / f"{name}.csv", of) for name, of in rows.items()}
    return fit(paths, method, date=DATE)


def policy_of(found: Fit, limits: Limits | None = None) -> CalibratedPolicy:
    records: dict[str, WeightsRecord] = {}
    for (name, kind), calibration in found.calibrations.items():
        records[name] = record(name, calibration={Modality(kind.value): calibration})
    panels = {kind: tuple(item.panel for item in items) for kind, items in found.measured.items()}
    return CalibratedPolicy(EnsembleCalibration(panels=panels), records=records, limits=limits)


# --- reading ---------------------------------------------------------------------------------------------


GOOD_ROW = dict(zip(COLUMNS, ("i1", "image", "s1", "", "1", "as_is", "0.5"), strict=True))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"score": "1.7"}, "line 2: score must lie"),
        ({"score": "nan"}, "line 2: score must lie"),
        ({"score": "high"}, "line 2: could not convert"),
        ({"label": "fake"}, "line 2: label must be 0"),
        ({"modality": "hologram"}, "line 2: 'hologram'"),
        ({"item": " "}, "line 2: item, source and delivery"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, change: dict[str, str], fault: str) -> None:
    with pytest.raises(NotMeasurable, match=fault):
        read_scores(save(tmp_path / "d.csv", [{**GOOD_ROW, **change}]))


@pytest.mark.parametrize(
    ("second", "fault"),
    [
        (GOOD_ROW, "twice"),
        ({**GOOD_ROW, "delivery": "jpeg75", "label": "0"}, "two sources or labels"),
        ({**GOOD_ROW, "delivery": "jpeg75", "source": "s2"}, "two sources or labels"),
    ],
)
def test_contradictory_rows_are_named(tmp_path: Path, second: dict[str, str], fault: str) -> None:
    with pytest.raises(NotMeasurable, match=fault):
        read_scores(save(tmp_path / "d.csv", [GOOD_ROW, second]))


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotMeasurable, match=r"none\.csv cannot be read"):
        read_scores(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(NotMeasurable, match=r"bytes\.csv"):
        read_scores(tmp_path / "bytes.csv")
    (tmp_path / "other.csv").write_text("path,score\n")
    with pytest.raises(NotMeasurable, match="no column item, modality"):
        read_scores(tmp_path / "other.csv")


def test_weights_balance_classes_sources_and_deliveries(tmp_path: Path) -> None:
    rows = []
    for i in range(200):  # s0 is big, s1 small; each real arrives twice
        source, label = ("s0" if i < 160 else "s1"), i % 2
        for delivery in ("as_is", "jpeg75")[: 2 - label]:
            row = (f"i{i:03}", "image", source, "", label, delivery, 0.5)
            rows.append(dict(zip(COLUMNS, row, strict=True)))
    found = table(tmp_path, rows)
    weights = found.weights()
    assert weights[found.label == 0].sum() == pytest.approx(0.5)
    assert weights[found.label == 1].sum() == pytest.approx(0.5)
    for label in (0, 1):
        big, small = (weights[(found.source == s) & (found.label == label)].sum() for s in ("s0", "s1"))
        assert big / small == pytest.approx(50 / 20)  # 80 count as 50
    assert found.effective_media(0) == pytest.approx(found.effective_media(1))
    assert 70 < found.effective_media(0) < 100


def test_joining_takes_the_common_rows_and_refuses_contradictions(tmp_path: Path) -> None:
    first = table(tmp_path, sample(1, media=40), "a")
    second = table(tmp_path, sample(1, seed=1, media=60), "b")
    both = joined([second, first])
    assert both.detectors == ("b", "a")
    assert both.scores.shape == (40, 2)
    assert (both.scores[:, 1] == first.scores[:, 0]).all()
    other = table(tmp_path, [{**row, "label": 1 - row["label"]} for row in sample(1, media=40)], "c")
    with pytest.raises(NotMeasurable, match="other sources or labels"):
        joined([first, other])


# --- fitting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_the_true_likelihood_ratio_is_found(tmp_path: Path, method: Choice) -> None:
    found = fitting.fit_calibration(table(tmp_path, sample(2, media=6000)), method, date=DATE)
    for logit in (-1.0, 0.0, 1.0):  # normal logits at -1 and +1 with unit deviation: LLR = 2 logit
        assert calibrated_llr(found, 1 / (1 + math.exp(-logit))) == pytest.approx(2 * logit, abs=0.2)


@pytest.mark.parametrize("method", METHODS)
def test_class_imbalance_does_not_leak_into_the_ratio(tmp_path: Path, method: Choice) -> None:
    rows = [row for i, row in enumerate(sample(2, media=8000)) if row["label"] == 0 or i % 8 == 1]
    found = fitting.fit_calibration(table(tmp_path, rows), method, date=DATE)
    assert calibrated_llr(found, 0.5) == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize("method", METHODS)
def test_a_detector_that_is_wrong_way_round_gives_no_evidence(tmp_path: Path, method: Choice) -> None:
    found = fitting.fit_calibration(table(tmp_path, sample(-2)), method, date=DATE)
    assert abs(calibrated_llr(found, 0.99)) < 0.05
    assert abs(calibrated_llr(found, 0.01)) < 0.05


def deaf(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fakes of every third source score as the reals before them do."""
    return [
        {**row, "score": rows[n - 1]["score"]} if row["label"] and row["source"] in ("s0", "s3") else row
        for n, row in enumerate(rows)
    ]


def test_makers_that_a_detector_is_deaf_to_are_a_lapse(tmp_path: Path) -> None:
    mine = table(tmp_path, deaf(sample(4, media=3000)))
    found = fitting.fit_calibration(mine, "lapse", date=DATE)
    assert found.parameters["lapse"] == pytest.approx(1 / 3, abs=0.05)
    assert calibrated_llr(found, 0.0) == pytest.approx(math.log(1 / 3), abs=0.15)
    assert left_out_loss(mine, "lapse") < left_out_loss(mine, "platt") - 0.02
    assert chosen(mine, "best") == "lapse"
    assert chosen(mine, "platt") == "platt"


def test_where_no_source_can_be_left_out_the_plainest_is_chosen(tmp_path: Path) -> None:
    assert chosen(table(tmp_path, deaf(sample(4, sources=1))), "best") == "platt"


def test_perfect_separation_stays_within_what_the_sample_supports(tmp_path: Path) -> None:
    rows = [{**row, "score": row["label"]} for row in sample(0, media=100)]
    found = fitting.fit_calibration(table(tmp_path, rows), "platt", date=DATE)
    assert found.bound == pytest.approx(math.log(51), abs=0.02)
    assert calibrated_llr(found, 1.0) == pytest.approx(found.bound, abs=0.1)
    assert math.isfinite(found.parameters["slope"])


def test_one_class_only_cannot_be_fitted(tmp_path: Path) -> None:
    reals = [row for row in sample(1) if not row["label"]]
    with pytest.raises(NotMeasurable, match="no fake media"):
        fitting.fit_calibration(table(tmp_path, reals), "platt", date=DATE)


def test_correlated_detectors_weigh_less_than_independent_ones(tmp_path: Path) -> None:
    def weights(shared: float) -> list[float]:
        rows = {name: sample(1.5, seed=i, shared=shared) for i, name in enumerate("ab", start=1)}
        return list(fitted(tmp_path, **rows).measured[IMAGE][-1].panel.weights.values())

    independent, alike = weights(0.0), weights(0.9)
    assert min(independent) > 0.8
    assert sum(alike) < 1.35
    assert fitted(tmp_path, a=sample(1)).measured[IMAGE][0].panel.weights == {"a": 1.0}


# --- measuring -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "sizes"),
    [
        ("a", [1]),
        ("ab", [1, 1, 2]),
        ("abc", [1, 1, 1, 2, 2, 2, 3]),
        ("abcd", [1] * 4 + [3] * 4 + [4]),
        ("", []),
    ],
)
def test_member_sets(names: str, sizes: list[int]) -> None:
    assert [len(members) for members in member_sets(names)] == sizes


def test_a_medium_is_judged_without_its_source(tmp_path: Path) -> None:
    rows = sample(2)
    mine, evidence = out_of_fold([table(tmp_path, rows)], [platt()])
    # Relabelling a source moves its own evidence only if the source was used to judge itself.
    flipped = [{**row, "label": 1 - row["label"]} if row["source"] == "s0" else row for row in rows]
    _, after = out_of_fold([table(tmp_path, flipped)], [platt()])
    inside = mine.source == "s0"
    assert after[inside] == pytest.approx(evidence[inside])
    assert after[~inside] != pytest.approx(evidence[~inside])


def test_a_class_from_a_single_source_cannot_be_measured(tmp_path: Path) -> None:
    rows = [row for row in sample(2) if row["label"] or row["source"] == "s0"]
    with pytest.raises(NotMeasurable, match=r"source s0 cannot be left out: .* no real media"):
        out_of_fold([table(tmp_path, rows)], [platt()])


def test_error_curves_count_media_by_their_worst_delivery(tmp_path: Path) -> None:
    rows = []
    for i, (label, evidence) in enumerate(
        [(0, (0.0, 2.0)), (0, (0.0, 0.0)), (1, (1.0, 3.0)), (1, (2.0, 2.5))]
    ):
        for delivery, value in zip(("as_is", "jpeg75"), evidence, strict=True):
            row = (f"i{i}", "image", "s", "", label, delivery, value / 10 + 0.5)
            rows.append(dict(zip(COLUMNS, row, strict=True)))
    mine = table(tmp_path, rows)
    curve = error_curve(mine, (mine.scores[:, 0] - 0.5) * 10, fakes_err=False)
    assert curve.media == 2
    assert [point.errors for point in curve.points] == [0, 1]
    assert curve.points[-1].cut == pytest.approx(HIGH_FLOOR)
    assert 2.0 < curve.points[0].cut < 2.0 + 0.05


@pytest.mark.parametrize("method", METHODS)
def test_a_good_detector_gets_bands_that_keep_their_promise(tmp_path: Path, method: Choice) -> None:
    found = fitted(tmp_path, method, good=sample(3.5, media=800))
    panel = found.measured[IMAGE][0].panel
    assert panel.ece < 0.05
    policy = policy_of(found)
    bands: dict[int, list[Band]] = {0: [], 1: []}
    for row in sample(3.5, seed=99, media=4000):
        verdict = policy.judge(IMAGE, [Score("good", row["score"], True)])
        bands[row["label"]].append(verdict.band)
    real, fake = bands[0], bands[1]
    assert real.count(Band.HIGH) / len(real) <= 0.05
    assert fake.count(Band.LOW) / len(fake) <= 0.20
    assert fake.count(Band.HIGH) / len(fake) > 0.8
    assert real.count(Band.LOW) / len(real) > 0.8


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(5))
def test_a_useless_detector_never_leaves_uncertain(tmp_path: Path, method: Choice, seed: int) -> None:
    policy = policy_of(fitted(tmp_path, method, useless=sample(0, seed=seed)))
    for value in np.linspace(0, 1, 201):
        assert policy.judge(IMAGE, [Score("useless", float(value), True)]).band is Band.UNCERTAIN


def test_too_few_reals_support_no_high_band(tmp_path: Path) -> None:
    found = fitted(tmp_path, small=sample(6, media=100, sources=3))  # 50 reals; 5 % needs 59 without error
    panel = found.measured[IMAGE][0].panel
    assert panel.high.cut(0.05) is None
    assert panel.low.cut(0.2) is not None
    verdict = policy_of(found).judge(IMAGE, [Score("small", 0.9999, True)])
    assert verdict.band is Band.UNCERTAIN
    assert "band_unsupported" in {reason.code for reason in verdict.reasons}


def test_cuts_never_lie_within_weak_evidence(tmp_path: Path) -> None:
    panel = fitted(tmp_path, good=sample(6)).measured[IMAGE][0].panel
    assert min(point.cut for point in panel.high.points) == pytest.approx(HIGH_FLOOR)
    assert max(point.cut for point in panel.low.points) == pytest.approx(LOW_CEILING)


def test_what_cannot_be_measured_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    videos = [
        {**row, "modality": "video", "item": f"v{row['item']}", "source": "only"}
        for row in sample(2, media=40)
    ]
    found = fitted(tmp_path, a=[*sample(2), *videos])
    assert set(found.calibrations) == {("a", IMAGE)}
    assert len(found.refused) == 1
    assert "video: source only cannot be left out" in found.refused[0]
    with pytest.raises(NotMeasurable, match="source only"):
        fitted(tmp_path, a=videos)
    with pytest.raises(NotMeasurable, match="no rows"):
        fitted(tmp_path, a=[])


# --- writing ---------------------------------------------------------------------------------------------


@pytest.fixture
def records(tmp_path: Path) -> Path:
    folder = tmp_path / "records"
    folder.mkdir()
    (folder / "good.json").write_text(record("good").model_dump_json())
    return folder


def test_a_refit_lands_in_the_record_and_the_ensemble(tmp_path: Path, records: Path) -> None:
    found = fitted(tmp_path, good=sample(3))
    target = tmp_path / "calibration.json"
    written = write(found, records, target)
    assert set(written) == {records / "good.json", target}
    stored = WeightsRecord.model_validate_json((records / "good.json").read_text())
    assert stored.calibration == {Modality.IMAGE: found.calibrations["good", IMAGE]}
    policy = CalibratedPolicy(load_calibration(target), records={"good": stored})
    verdict = policy.judge(IMAGE, [Score("good", 0.99, True)])
    assert verdict.band is Band.HIGH
    assert verdict.calibration == "good: s0, s1, s2 and 3 more (300 real, 300 fake; 2026-11-20)"


def test_the_same_scores_give_the_same_bytes(tmp_path: Path, records: Path) -> None:
    texts = []
    for rows in (sample(3), sample(3)[::-1]):
        write(fitted(tmp_path, good=rows), records, tmp_path / "calibration.json")
        texts.append(((records / "good.json").read_bytes(), (tmp_path / "calibration.json").read_bytes()))
    assert texts[0] == texts[1]


def test_other_kinds_keep_their_panels(tmp_path: Path, records: Path) -> None:
    target = tmp_path / "calibration.json"
    write(fitted(tmp_path, good=sample(3)), records, target)
    write(fitted(tmp_path, good=[{**row, "modality": "audio"} for row in sample(3)]), records, target)
    assert set(load_calibration(target).panels) == {Kind.IMAGE, Kind.AUDIO}


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_nothing_is_written_over_a_broken_record(tmp_path: Path, records: Path, text: str) -> None:
    (records / "good.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"good\.json") as caught:
        write(fitted(tmp_path, good=sample(3)), records, tmp_path / "calibration.json")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "calibration.json").exists()


def test_the_tool_shows_writes_and_plots(
    tmp_path: Path, records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = save(tmp_path / "good.csv", sample(3))
    arguments = ["--scores", f"good={scores}", "--date", DATE]
    assert main(arguments) == 0
    assert not (tmp_path / "ensemble.json").exists()
    places = ["--records", str(records), "--ensemble", str(tmp_path / "ensemble.json")]
    plots = ["--plots", str(tmp_path / "plots")]
    assert main([*arguments, "--write", *places, *plots]) == 0
    plot = tmp_path / "plots" / "image.good.svg"
    first = plot.read_bytes()
    assert b"<svg" in first
    assert main([*arguments, *plots]) == 0
    assert plot.read_bytes() == first
    assert json.loads((tmp_path / "ensemble.json").read_text())["version"] == 1
    assert "Left-out sources" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--scores", "good=none.csv"], "none.csv cannot be read"),
        (["--scores", "good=none.csv", "--date", "soon"], "YYYY-MM-DD"),
        (["--scores", "good=none.csv", "--low-misses", "7"], "low_misses"),
        (["--scores", "none.csv"], "is not NAME=CSV"),
        (["--scores", "a=x.csv", "a=y.csv"], "names a detector twice"),
    ],
)
def test_the_tool_names_what_is_wrong(
    arguments: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(arguments)
    except SystemExit as error:  # argparse ends the process itself
        status = int(error.code or 0)
    assert status == 2
    assert fault in capsys.readouterr().err.replace("\n", " ")
