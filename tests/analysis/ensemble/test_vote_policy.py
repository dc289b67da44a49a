"""The policy `vote`: our model table, and what it makes of scores."""

from __future__ import annotations

import pytest

from analysis.ensemble.vote import Category, Influence, Track, VoteModel
from analysis.ensemble.vote_policy import VotePolicy, VotePolicyConfig
from analysis.model import Band, Kind
from detectors.base import Modality
from tests.analysis.ensemble.builders import codes, record, score

PLAIN = VotePolicyConfig(models={name: VoteModel() for name in "abc"})


@pytest.mark.parametrize(
    ("values", "band"),
    [
        ((0.1, 0.2), Band.LOW),
        ((0.9, 0.2), Band.UNCERTAIN),
        ((0.9, 0.5), Band.HIGH),
        ((0.9, None), Band.UNCERTAIN),
        ((None, None), Band.UNKNOWN),
        ((), Band.UNKNOWN),
    ],
)
def test_bands(values: tuple[float | None, ...], band: Band) -> None:
    scores = [score(name, value, "no face") for name, value in zip("abc", values, strict=False)]
    verdict = VotePolicy(PLAIN).judge(Kind.IMAGE, scores)
    assert (verdict.band, verdict.probability, verdict.policy) == (band, None, "vote")


def test_reasons_say_what_happened() -> None:
    config = VotePolicyConfig(models={"a": VoteModel(), "b": VoteModel(policy=Influence.IGNORE)})
    verdict = VotePolicy(config).judge(
        Kind.VIDEO, [score("c", None, "no face"), score("b", 0.8), score("a", 0.9)]
    )
    assert codes(verdict.reasons) == [
        "detector_signs",
        "vote_ignored",
        "votes",
        "not_applicable",
        "limited_evidence",
    ]
    assert verdict.reasons[0].text == "a (score 0.90) finds signs of generation or manipulation: a vote"
    assert verdict.reasons[3].text == "c did not judge this video: no face"


def test_only_ignored_detectors_judge_nothing() -> None:
    config = VotePolicyConfig(models={"a": VoteModel(policy=Influence.IGNORE)})
    verdict = VotePolicy(config).judge(Kind.IMAGE, [score("a", 0.9)])
    assert verdict.band is Band.UNKNOWN
    assert codes(verdict.reasons) == ["vote_ignored"]


def test_the_bundled_noise_detector_alone_never_reaches_high() -> None:
    trusted = VotePolicyConfig(
        models={"tiny_ladeda": VoteModel(category=Category.NOISE, policy=Influence.TRUST)}
    )
    for policy in (VotePolicy(), VotePolicy(trusted)):
        assert policy.model("tiny_ladeda").category is Category.NOISE
        verdict = policy.judge(Kind.IMAGE, [score("tiny_ladeda", 0.999)])
        assert verdict.band is Band.UNCERTAIN
    assert "noise_only" in codes(verdict.reasons)


def test_rows_come_from_the_operator_then_the_defaults_then_the_record() -> None:
    records = {"voices": record("voices", modalities=(Modality.AUDIO,)), "both": record("both")}
    policy = VotePolicy(PLAIN, records=records)
    assert policy.model("voices") == VoteModel(category=Category.AUDIO, track=Track.SOUND)
    assert policy.model("both") == policy.model("never heard of") == VoteModel()


def test_limited_evidence_only_without_stronger_detectors() -> None:
    records = {"a": record("a", bundled=True), "b": record("b")}
    policy = VotePolicy(PLAIN, records=records)
    assert "limited_evidence" in codes(policy.judge(Kind.IMAGE, [score("a", 0.9)]).reasons)
    both = policy.judge(Kind.IMAGE, [score("a", 0.9), score("b", 0.9)])
    assert "limited_evidence" not in codes(both.reasons)


def test_fingerprint_follows_the_table() -> None:
    assert VotePolicy(PLAIN).fingerprint == VotePolicy(PLAIN).fingerprint
    changed = VotePolicyConfig(models={**PLAIN.models, "a": VoteModel(fake_score=0.6)})
    assert VotePolicy(PLAIN).fingerprint != VotePolicy(changed).fingerprint
