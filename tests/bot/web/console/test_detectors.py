"""The detectors' pages: the record, the time, the reviews, the drift."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

import detectors
from state.model import AnalysisRow, PostMedium, ScoreRow, VerdictRow
from tests.bot.judged_media import NAME, fill
from tests.bot.web.console.conftest import Console

PAGE = f"/console/detectors/{NAME}"


def test_every_detector_is_listed_and_has_a_page(console: Console) -> None:
    browser = console.client()
    text = browser.get("/console/detectors").text
    for name in detectors.names():
        assert f'href="/console/detectors/{name}"' in text
        page = browser.get(f"/console/detectors/{name}")
        assert page.status_code == 200, name
        assert "Too few reviews: 0 media" in page.text
    assert text.count(">in use<") == 3
    assert "nothing judged yet" in text


def test_a_detector_that_was_never_fitted_says_so(console: Console) -> None:
    text = console.client().get("/console/detectors/npr").text
    assert "Not fitted" in text
    assert "it has judged nothing yet" in text


def test_what_was_judged_and_reviewed_is_told(console: Console) -> None:
    fill(console.parts.store, 240, reviewed=120)
    text = console.client().get(PAGE).text
    assert "median 250 ms" in text
    assert "(240 of the latest analyses)" in text
    assert "120 unreviewed media here, against 1082 real and 1040 fake" in text
    assert "image: no drift to be seen" in text
    assert "Area under the ROC curve" in text
    assert "Probability said" in text


def test_other_scores_show_as_drift(console: Console) -> None:
    fill(console.parts.store, 200, shift=0.35)
    browser = console.client()
    assert "image: drifted" in browser.get(PAGE).text
    assert "image: drifted" in browser.get("/console/detectors").text


def test_few_media_and_few_reviews_are_counted_not_measured(console: Console) -> None:
    fill(console.parts.store, 25, reviewed=5)
    browser = console.client()
    text = browser.get(PAGE).text
    assert "20 media are too few; 30 are needed" in text
    assert "Too few reviews for curves and rates:" in text
    assert browser.get(f"{PAGE}/scores.svg?kind=image").status_code == 200
    assert browser.get(f"{PAGE}/roc.svg?kind=image").status_code == 404


@pytest.mark.parametrize("plot", ["scores", "roc", "reliability", "calibration"])
def test_plots_are_pictures_that_may_do_nothing(console: Console, plot: str) -> None:
    fill(console.parts.store, 60, reviewed=60)
    answer = console.client().get(f"{PAGE}/{plot}.svg?kind=image")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert ElementTree.fromstring(answer.text).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_sound_detector_hears_videos_by_its_calibration_of_sound(console: Console) -> None:
    store, name = console.parts.store, "veritag_speech"
    with store.transaction():
        for number in range(40):
            sha256 = f"{number:064x}"
            store.media.save(PostMedium("https://example.org/v", None, sha256, "video/mp4", 9))
            score = ScoreRow(name, number / 40, True, None, weights=detectors.record(name).digest)
            said = VerdictRow("uncertain", 0.5, "calibrated", (), None)
            store.media.save_analysis(AnalysisRow(sha256, "f", "video", scores=(score,), verdict=said))
    assert (
        "40 unreviewed media here, against 82 real and 131 fake"
        in console.client().get(f"/console/detectors/{name}").text
    )


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/console/detectors/nobody", 404),
        ("/console/detectors/..%2f..%2fetc%2fpasswd", 404),
        ("/console/detectors/" + "x" * 200, 422),
        (f"{PAGE}/scores.svg?kind=image", 404),
        (f"{PAGE}/scores.svg?kind=smell", 422),
        (f"{PAGE}/secret.svg?kind=image", 422),
        (f"{PAGE}/calibration.svg?kind=audio", 404),
        ("/console/detectors/nobody/scores.svg?kind=image", 404),
    ],
)
def test_rubbish_is_refused(console: Console, address: str, status: int) -> None:
    assert console.client().get(address).status_code == status


def test_a_damaged_calibration_is_named(console: Console) -> None:
    console.parts.settings.own_calibration.write_text("{")
    answer = console.client().get("/console/detectors")
    assert answer.status_code == 500
    assert "veritag calibrate --discard" in answer.text
