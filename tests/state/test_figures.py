"""Figures that operators see, counted from rows."""

from __future__ import annotations

from state.model import AnalysisRow, PostMedium, ScoreRow, VerdictRow
from state.store import Store

VERDICT = VerdictRow("uncertain", 0.5, "calibrated", (), "set 1")


def test_a_detectors_seconds_are_those_of_media_that_it_judged(store: Store) -> None:
    for number, judges in enumerate((True, False, False)):
        sha256 = f"{number:064}"
        store.media.save(PostMedium(f"https://a.example/{number}", sha256=sha256, mime="image/png", size=1))
        scores = (
            ScoreRow("image", 0.5, True, None),
            ScoreRow("face", 0.5 if judges else None, judges, None if judges else "no face was found"),
        )
        timing = {"detector:image": 0.2, "detector:face": 0.1 if judges else 0.0, "total": 0.4}
        store.media.save_analysis(
            AnalysisRow(sha256, "f", "image", timing=timing, scores=scores, verdict=VERDICT)
        )
    store.media.save_analysis(AnalysisRow("0" * 64, "g", reason="corrupt"))
    assert store.figures.stage_seconds(10) == {
        "detector:image": [0.2] * 3,
        "detector:face": [0.1],
        "total": [0.4] * 3,
    }
    assert store.figures.stage_seconds(2) == {"detector:image": [0.2], "total": [0.4]}
