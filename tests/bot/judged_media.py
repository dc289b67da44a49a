"""A state file with media that the bundled image detector has judged, as its engine would have left them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import numpy as np

import detectors
from analysis.calibration.scores import Row, read_scores
from analysis.ensemble import create_policy
from analysis.model import Kind, Score
from state.model import AnalysisRow, PostMedium, PostRow, ScoreRow, VerdictRow
from state.store import Store

NAME = "veritag_image"


def known_scores() -> list[Row]:
    """The out-of-fold scores of its calibration set, as the media are."""
    path = Path(str(resources.files("detectors") / "records" / f"{NAME}.scores.csv"))
    return [row for row in read_scores(path) if row.delivery == "as_is"]


def add_judged(
    store: Store, number: int, score: float, *, label: str | None = None, weights: str | None = ""
) -> str:
    """A medium that was judged by the policy that ships, and maybe reviewed; returns its SHA-256."""
    sha256 = hashlib.sha256(f"medium {number}".encode()).hexdigest()
    platform = ("inbox", "mastodon")[number // 2 % 2]
    made = PostRow(
        platform,
        f"judged-{number}",
        "a",
        "a",
        author_is_bot=False,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        text="",
        language=None,
    )
    post = store.posts.save(made)
    store.posts.set_media(post, [PostMedium("https://example.org/a", None, sha256, "image/png", 9)])
    verdict = create_policy("calibrated").judge(Kind.IMAGE, [Score(NAME, score, applicable=True)])
    store.media.save_analysis(
        AnalysisRow(
            sha256,
            "fingerprint",
            "image",
            timing={"total": 0.5, f"detector:{NAME}": 0.25},
            scores=(
                ScoreRow(
                    NAME,
                    score,
                    True,
                    None,
                    weights=detectors.record(NAME).digest if weights == "" else weights,
                ),
                ScoreRow("veritag_face", None, False, "no face"),
            ),
            verdict=VerdictRow(
                verdict.band,
                verdict.probability,
                verdict.policy,
                tuple({"code": reason.code, "text": reason.text} for reason in verdict.reasons),
                verdict.calibration,
            ),
        )
    )
    if label is not None:
        store.reviews.add(sha256, label, "", "ann")
    return sha256


def fill(store: Store, media: int, *, reviewed: int = 0, shift: float = 0.0) -> None:
    """So many media with scores drawn from the calibration set; the last are reviewed as what they are."""
    rng, known = np.random.default_rng(5), known_scores()
    with store.transaction():
        for number in range(media):
            row = known[int(rng.integers(len(known)))]
            label = ("real", "fake")[row.label] if number >= media - reviewed else None
            add_judged(store, number, float(np.clip(row.score + shift, 0, 1)), label=label)
