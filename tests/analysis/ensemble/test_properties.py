"""What must hold for any scores, checked with hypothesis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.ensemble.base import Policy
from analysis.ensemble.calibrated import CalibratedPolicy, Limits
from analysis.ensemble.vote import VoteModel
from analysis.ensemble.vote_policy import VotePolicy, VotePolicyConfig
from analysis.model import Band, Kind, Score
from detectors.base import Modality
from tests.analysis.ensemble.builders import gaussian, images, panel, platt, rates, record

A, B = platt(slope=0.8, intercept=0.2), gaussian((-1, 1), (1, 2))
RECORDS = {
    "a": record("a", calibration={Modality.IMAGE: A}),
    "b": record("b", calibration={Modality.IMAGE: B}),
    "c": record("c", in_the_wild={Modality.IMAGE: rates()}),
    "d": record("d"),
}
CALIBRATED = CalibratedPolicy(
    images(panel({"a": A}), panel({"b": B}), panel({"a": A, "b": B}, weights={"a": 0.7, "b": 0.6})),
    records=RECORDS,
)
VOTE = VotePolicy(VotePolicyConfig(models={name: VoteModel() for name in "abcd"}))
ORDER = {Band.LOW: 0, Band.UNCERTAIN: 1, Band.HIGH: 2}

policies = pytest.mark.parametrize("policy", [CALIBRATED, VOTE], ids=lambda policy: policy.name)
values = st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1), min_size=1)


def scores(given_values: dict[str, float]) -> list[Score]:
    return [Score(name, value, True) for name, value in given_values.items()]


@policies
@given(values=values, name=st.sampled_from("abcd"), other=st.floats(0, 1))
def test_a_higher_score_never_lowers_the_verdict(
    policy: Policy, values: dict[str, float], name: str, other: float
) -> None:
    values.setdefault(name, 0.5)
    low, high = sorted((values[name], other))
    before = policy.judge(Kind.IMAGE, scores({**values, name: low}))
    after = policy.judge(Kind.IMAGE, scores({**values, name: high}))
    assert ORDER[before.band] <= ORDER[after.band]
    if before.probability is not None and after.probability is not None:
        assert before.probability <= after.probability + 1e-12
    assert (before.probability is None) == (after.probability is None)


@policies
@given(values=values, quality=st.floats(0, 1), prior=st.floats(-20, 20))
def test_the_probability_stays_within_its_caps(
    policy: Policy, values: dict[str, float], quality: float, prior: float
) -> None:
    if isinstance(policy, CalibratedPolicy):
        prejudiced = CalibratedPolicy(
            images(panel({"a": A})), records=RECORDS, limits=Limits(prior_log_odds=prior)
        )
        probability = prejudiced.judge(Kind.IMAGE, scores(values), quality=quality).probability
    else:
        probability = policy.judge(Kind.IMAGE, scores(values)).probability
        assert probability is None
    assert probability is None or 0.01 <= probability <= 0.99


@policies
@given(values=values, data=st.data())
def test_the_order_of_scores_is_irrelevant(
    policy: Policy, values: dict[str, float], data: st.DataObject
) -> None:
    given_scores = [*scores(values), Score("z", None, False, "no face")]
    shuffled = data.draw(st.permutations(given_scores))
    assert policy.judge(Kind.IMAGE, shuffled) == policy.judge(Kind.IMAGE, given_scores)


@policies
@given(values=values)
def test_a_detector_that_could_not_judge_changes_nothing_but_reasons(
    policy: Policy, values: dict[str, float]
) -> None:
    absent = Score("z", None, False, "no face")
    without = policy.judge(Kind.IMAGE, scores(values))
    beside = policy.judge(Kind.IMAGE, [*scores(values), absent])
    assert (beside.band, beside.probability, beside.calibration) == (
        without.band,
        without.probability,
        without.calibration,
    )
    assert {reason.code for reason in beside.reasons} - {reason.code for reason in without.reasons} == {
        "not_applicable"
    }


@given(first=st.floats(0, 1), second=st.floats(0, 1))
def test_bands_rise_with_the_evidence(first: float, second: float) -> None:
    low, high = (CALIBRATED.judge(Kind.IMAGE, scores({"a": value})) for value in sorted((first, second)))
    assert low.probability is not None
    assert high.probability is not None
    assert low.probability <= high.probability
    assert ORDER[low.band] <= ORDER[high.band]


@given(values=values, quality=st.floats(0, 1))
def test_shrinking_never_turns_uncertain_into_a_clear_answer(
    values: dict[str, float], quality: float
) -> None:
    full = CALIBRATED.judge(Kind.IMAGE, scores(values))
    shrunk = CALIBRATED.judge(Kind.IMAGE, scores(values), quality=quality)
    assert shrunk.band in (full.band, Band.UNCERTAIN)
