from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

import detectors
from analysis.decoding.decoder import Decoded
from analysis.members import Judging, Member
from analysis.model import Kind, Probe, Score
from analysis.views import PRODUCERS, Producer, Views
from detectors.base import Output, ServiceDetector, View
from detectors.errors import NotApplicable


class Echo(ServiceDetector):
    """Judges a transcript by what it says."""

    view: ClassVar[View] = View.TRANSCRIPT
    record = detectors.record("transcript")

    def detect(self, view: Any) -> Output:
        if view == "unknown":
            raise NotApplicable("the words alone do not tell")
        return Output(float(view), {"rationale": view})


def judged(words: str) -> Score:
    def made(views: Views) -> str:
        assert len(views.get(View.WAVEFORM)) == 16_000
        return words

    probe = Probe(kind=Kind.AUDIO, mime="audio/wav", size=1, has_audio=True)
    medium = Decoded("00", probe, None, np.zeros(16_000, np.float32), {})
    producers = {**PRODUCERS, View.TRANSCRIPT: Producer(made, sound=True)}
    judging = Judging((Member("transcript", Echo()),), medium, producers)
    assert judging.more
    judging.prepare()
    judging.services(lambda _: None)
    (score,) = judging.scores()
    return score


def test_a_detector_that_asks_services_takes_part_with_its_evidence() -> None:
    score = judged("0.25")
    assert (score.score, score.applicable) == (0.25, True)
    assert score.evidence == {"rationale": "0.25"}


def test_what_it_cannot_judge_is_not_applicable() -> None:
    score = judged("unknown")
    assert (score.applicable, score.reason) == (False, "the words alone do not tell")
