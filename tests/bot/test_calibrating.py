"""People's reviews refit the calibration, which the engine then judges by."""

from __future__ import annotations

import csv
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from analysis.calibration.own import load_own
from analysis.ensemble import create_policy
from analysis.errors import ConfigurationError
from analysis.model import Band, Kind, Score
from bot.calibrating import gather
from bot.cli.app import app
from bot.config import Settings
from detectors import record
from state.model import AnalysisRow, Mode, PostMedium, PostRow, ScoreRow, VerdictRow
from state.store import Store

NOW = datetime(2026, 1, 31, tzinfo=UTC)
NAME = "npr"  # ships no scores of its own
runner = CliRunner()


def invoke(data: Path, *arguments: str, detectors: str = NAME) -> Result:
    environment = {"VERITAG_DATA_DIR": str(data), "VERITAG_ANALYSIS__DETECTORS": detectors}
    return runner.invoke(app, ["calibrate", *arguments], env=environment, catch_exceptions=True)


def digest_of(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def reviewed(store: Store, number: int, platform: str, label: str, score: float, weights: str | None) -> str:
    sha256 = digest_of(number)
    post = store.posts.save(
        PostRow(platform, str(number), "a", "a", author_is_bot=False, created_at=NOW, text="", language=None)
    )
    store.posts.set_media(post, [PostMedium("https://example.org/a", None, sha256, "image/png", 9)])
    store.media.save_analysis(
        AnalysisRow(
            sha256,
            "f",
            "image",
            scores=(ScoreRow(NAME, score, True, None, weights=weights), ScoreRow("stub", 0.5, True, None)),
            verdict=VerdictRow("uncertain", None, "calibrated", (), None),
        )
    )
    store.reviews.add(sha256, label, "", "me")
    return sha256


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder in which 120 media of two platforms were reviewed; fakes score higher."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    store = Store(folder / "state.sqlite3", Mode.LIVE)
    digest = record(NAME).digest
    with store.transaction():
        for number in range(120):
            fake = number % 2
            score = float(np.clip(rng.normal(0.75 if fake else 0.25, 0.1), 0.01, 0.99))
            platform = ("inbox", "x")[number // 2 % 2]
            reviewed(store, number, platform, ("real", "manipulated")[fake], score, digest)
        reviewed(store, 500, "inbox", "satire", 0.9, digest)
        reviewed(store, 501, "inbox", "cannot_tell", 0.9, digest)
        reviewed(store, 502, "inbox", "fake", 0.9, "of other weights")
    store.close()
    return folder


def test_reviews_become_scores_by_platform_without_what_says_neither(data: Path) -> None:
    store = Store(data / "state.sqlite3", Mode.LIVE)
    found = gather([NAME], {}, store)
    store.close()
    assert found.reviewed == (60, 60)
    rows = found.rows[NAME]
    assert {row.source for row in rows} == {"reviews of inbox", "reviews of x"}
    assert {row.kind for row in rows} == {Kind.IMAGE}


def test_the_newest_review_counts(data: Path) -> None:
    store = Store(data / "state.sqlite3", Mode.LIVE)
    store.reviews.add(digest_of(0), "fake", "", "me")
    assert gather([NAME], {}, store).reviewed == (59, 61)
    store.close()


def test_nothing_is_written_unless_asked(data: Path) -> None:
    result = invoke(data)
    assert result.exit_code == 0, result.output
    assert "Reviewed media among the scores: 60 real, 60 fake." in result.output
    assert "1.00 npr" in result.output
    assert not (data / "calibration.json").exists()


def test_what_was_written_decides_verdicts_until_it_is_discarded(data: Path, tmp_path: Path) -> None:
    own = data / "calibration.json"
    score = [Score(NAME, 0.95, applicable=True)]
    before = create_policy("calibrated", own=own)
    result = invoke(data, "--write", "--plots", str(tmp_path / "plots"))
    assert result.exit_code == 0, result.output
    after = create_policy("calibrated", own=own)
    assert before.fingerprint != after.fingerprint
    assert before.judge(Kind.IMAGE, score).band is Band.UNCERTAIN
    verdict = after.judge(Kind.IMAGE, score)
    assert verdict.band is Band.HIGH
    assert verdict.calibration is not None
    assert "reviews of inbox" in verdict.calibration
    assert [path.suffix for path in (tmp_path / "plots").iterdir()] == [".svg"]
    assert invoke(data, "--discard").exit_code == 0
    assert create_policy("calibrated", own=own).fingerprint == before.fingerprint
    assert "Nothing to discard" in invoke(data, "--discard").output


def test_scores_of_a_file_stand_in(tmp_path: Path) -> None:
    path = tmp_path / "npr.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("item", "modality", "source", "generator", "label", "delivery", "score"))
        for number in range(40):
            row = (
                f"i{number}",
                "image",
                f"s{number // 2 % 2}",
                "",
                number % 2,
                "as_is",
                0.2 + 0.6 * (number % 2),
            )
            writer.writerow(row)
    result = invoke(tmp_path / "new", "--no-reviews", "--scores", f"{NAME}={path}")
    assert result.exit_code == 0, result.output
    assert "0 real, 0 fake" in result.output


def test_the_bundled_detectors_scores_are_refitted(tmp_path: Path) -> None:
    result = invoke(tmp_path / "new", detectors="tiny_ladeda")
    assert result.exit_code == 0, result.output
    assert "tiny_ladeda" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "there are no scores to fit on"),
        (("--scores", "npr"), "is not NAME=CSV"),
        (("--scores", "nope=x.csv"), "nope"),
        (("--scores", "npr=missing.csv"), "missing.csv cannot be read"),
    ],
)
def test_what_cannot_be_fitted_is_named(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    result = invoke(tmp_path / "new", *arguments)
    assert result.exception is not None
    assert message in str(result.exception)


def test_a_damaged_calibration_is_named_with_the_way_back(tmp_path: Path) -> None:
    own = tmp_path / "calibration.json"
    assert load_own(own) is None
    own.write_text("{")
    with pytest.raises(ConfigurationError, match="veritag calibrate --discard"):
        create_policy("calibrated", own=own)


def test_the_settings_name_the_place(tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path).own_calibration == tmp_path / "calibration.json"
