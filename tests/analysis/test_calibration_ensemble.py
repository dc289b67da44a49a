"""How true the whole ensemble's word is, on sources that nothing of it was fitted on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from analysis.calibration.ensemble import Judged, judge_left_out, parts, word
from analysis.calibration.scores import Row
from analysis.ensemble.calibrated import Limits
from analysis.model import Band, Kind
from detectors.errors import NotMeasurable


def rows(
    kind: Kind = Kind.IMAGE, *, offset: float = 0.0, separation: float = 2.0, media: int = 240
) -> list[Row]:
    """Normal logits of unit deviation from six sources, every other medium a fake."""
    rng = np.random.default_rng(1)
    found = []
    for n in range(media):
        x = separation * (n % 2 - 0.5) + offset + rng.normal()
        score = 1 / (1 + math.exp(-x))
        found.append(Row(f"{kind}{n:04}", kind, f"{kind}{n // 2 % 6}", "", n % 2, "as_is", score))
    return found


def said(judged: Sequence[Judged], source: str) -> list[tuple[float | None, Band]]:
    return [(row.probability, row.band) for row in judged if row.source == source]


def test_a_source_has_no_say_in_how_it_is_judged() -> None:
    given = rows()
    before = judge_left_out({"veritag_image": given}, "platt", Limits())
    flipped = [replace(row, label=1 - row.label) if row.source == "image0" else row for row in given]
    after = judge_left_out({"veritag_image": flipped}, "platt", Limits())
    assert len(before) == len(given)
    assert said(after, "image0") == said(before, "image0")
    assert said(after, "image1") != said(before, "image1")


def test_good_scores_keep_their_word() -> None:
    found = word(judge_left_out({"veritag_image": rows(media=960)}, "platt", Limits()))
    assert found.low <= found.error <= found.high
    assert found.error < 0.05
    assert found.beside.within_chance
    assert (found.media, found.said, found.real, found.sources) == (960, 960, 480, 6)
    assert 0 < found.alarms <= 0.05 * found.real
    assert found.alarms / found.real < found.bound < 0.06
    assert found.weakest is not None
    assert found.weakest > 0.75


def test_the_silence_of_a_narrow_detector_is_an_abstention() -> None:
    judged = judge_left_out({"veritag_face": rows(separation=4)}, "platt", Limits())
    found = word(judged)
    assert 0 < found.said < found.media
    assert all(row.probability is None or row.probability > 0.5 for row in judged)
    assert {row.band for row in judged if row.probability is None} == {Band.UNCERTAIN}


def test_kinds_weigh_alike_however_many_media_they_have() -> None:
    def of(kind: Kind, media: int, probability: float) -> list[Judged]:
        return [
            Judged(
                f"{kind}{n}", kind, f"{kind}{n % 4 // 2}", n % 2, "as_is", probability, Band.UNCERTAIN, ("a",)
            )
            for n in range(media)
        ]

    true, false = of(Kind.IMAGE, 400, 0.5), of(Kind.AUDIO, 40, 0.9)
    assert word(true).error == pytest.approx(0)
    assert word(false).error == pytest.approx(0.4)
    assert word([*true, *false]).error == pytest.approx(0.2)


def test_where_nothing_was_said_nothing_is_measured() -> None:
    silent = [Judged("i", Kind.IMAGE, "s", 1, "as_is", None, Band.UNCERTAIN, ("a",))]
    with pytest.raises(NotMeasurable, match="no probability"):
        word(silent)


def test_a_kind_is_split_by_the_detectors_that_scored_its_media() -> None:
    given = rows()
    faces = [replace(row, delivery="jpeg75") for row in given[:120]]
    judged = judge_left_out({"veritag_image": given, "veritag_face": faces}, "platt", Limits())
    found = {name: len({row.item for row in said}) for name, said in parts(judged).items()}
    assert found == {
        "image media": 240,
        "image media scored by veritag_face and veritag_image": 120,
        "image media scored by veritag_image": 120,
    }
    one = parts(judge_left_out({"veritag_image": given}, "platt", Limits()))
    assert list(one) == ["image media"]
