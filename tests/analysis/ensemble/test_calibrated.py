"""The policy `calibrated`: what counts, how it adds up, where the bands begin, and what people read."""

from __future__ import annotations

from math import log

import pytest

from analysis.ensemble.calibrated import CalibratedPolicy, Limits
from analysis.ensemble.likelihood import sigmoid
from analysis.ensemble.panels import EnsembleCalibration
from analysis.errors import ConfigurationError
from analysis.model import Band, Kind, Score, Verdict
from detectors.base import Modality
from tests.analysis.ensemble.builders import (
    codes,
    curve,
    gaussian,
    images,
    panel,
    platt,
    rates,
    record,
    score,
)

IMAGE, VIDEO, AUDIO = Modality.IMAGE, Modality.VIDEO, Modality.AUDIO
A = platt(slope=1.0)
B = platt(slope=0.5)
RECORDS = {
    "a": record("a", calibration={IMAGE: A}),
    "b": record("b", calibration={IMAGE: B}),
    "published": record("published", in_the_wild={IMAGE: rates(0.9, 0.1)}),
    "nothing": record("nothing"),
}
POLICY = CalibratedPolicy(
    images(panel({"a": A}), panel({"a": A, "b": B}, weights={"a": 0.9, "b": 0.5})), records=RECORDS
)


def at(llr: float) -> float:
    """Return the score that detector `a` turns into this LLR."""
    return sigmoid(llr)


def judge(*scores: Score, policy: CalibratedPolicy = POLICY, quality: float = 1.0) -> Verdict:
    return policy.judge(Kind.IMAGE, scores, quality=quality)


@pytest.mark.parametrize(
    ("llr", "band"),
    [
        (4.0, Band.HIGH),
        (2.001, Band.HIGH),
        (1.999, Band.UNCERTAIN),
        (0.0, Band.UNCERTAIN),
        (-0.999, Band.UNCERTAIN),
        (-1.001, Band.LOW),
        (-4.0, Band.LOW),
    ],
)
def test_bands_are_cut_where_the_measured_error_meets_the_limits(llr: float, band: Band) -> None:
    verdict = judge(score("a", at(llr)))
    assert verdict.band is band
    assert verdict.probability == pytest.approx(sigmoid(llr))


@pytest.mark.parametrize(("bound", "value", "band"), [(2.0, 1.0, Band.HIGH), (1.0, 0.0, Band.LOW)])
def test_a_cut_itself_belongs_to_its_band(bound: float, value: float, band: Band) -> None:
    capped = platt(slope=5, bound=bound)  # its strongest evidence is the cut, to the last bit
    policy = CalibratedPolicy(
        images(panel({"c": capped})), records={"c": record("c", calibration={IMAGE: capped})}
    )
    assert judge(score("c", value), policy=policy).band is band


def test_limits_move_the_cuts() -> None:
    def policy(limits: Limits) -> CalibratedPolicy:
        return CalibratedPolicy(images(panel({"a": A})), records=RECORDS, limits=limits)

    suspicious = score("a", at(2.5))
    assert judge(suspicious, policy=policy(Limits(high_false_alarms=0.01))).band is Band.UNCERTAIN
    assert judge(score("a", at(1.6)), policy=policy(Limits(high_false_alarms=0.15))).band is Band.HIGH
    strict = judge(suspicious, policy=policy(Limits(high_false_alarms=0.001)))
    assert strict.band is Band.UNCERTAIN
    assert codes(strict.reasons).count("band_unsupported") == 1


def test_the_probability_never_claims_certainty() -> None:
    wide = platt(slope=5, bound=60)
    policy = CalibratedPolicy(EnsembleCalibration(), records={"w": record("w", calibration={IMAGE: wide})})
    assert judge(score("w", 1.0), policy=policy).probability == 0.99
    assert judge(score("w", 0.0), policy=policy).probability == 0.01


def test_a_panel_sums_by_its_weights() -> None:
    verdict = judge(score("a", at(1.0)), score("b", at(3.0)))
    assert verdict.probability == pytest.approx(sigmoid(0.9 * 1.0 + 0.5 * 1.5))


def test_a_prior_moves_the_probability_and_not_the_band() -> None:
    limits = Limits(prior_log_odds=log(0.1 / 0.9))
    policy = CalibratedPolicy(images(panel({"a": A})), records=RECORDS, limits=limits)
    verdict = judge(score("a", at(2.5)), policy=policy)
    assert verdict.band is Band.HIGH
    assert verdict.probability == pytest.approx(sigmoid(2.5 + log(1 / 9)))


def test_poor_quality_shrinks_the_evidence() -> None:
    verdict = judge(score("a", at(3.0)), quality=0.5)
    assert verdict.band is Band.UNCERTAIN
    assert verdict.probability == pytest.approx(sigmoid(1.5))
    assert "low_quality" in codes(verdict.reasons)
    assert judge(score("a", at(3.0)), quality=0).probability == 0.5


@pytest.mark.parametrize(("quality", "left"), [(0.5, "lets only 50% of"), (0.004, "lets none of")])
def test_what_the_state_of_a_medium_leaves_is_said(quality: float, left: str) -> None:
    verdict = judge(score("a", at(3.0)), quality=quality)
    assert [item.text for item in verdict.reasons if item.code == "low_quality"] == [
        f"the state in which the medium arrived {left} the evidence count"
    ]


@pytest.mark.parametrize("quality", [-0.1, 1.1, float("nan")])
def test_quality_is_a_share(quality: float) -> None:
    with pytest.raises(ValueError, match="quality"):
        judge(score("a", 0.5), quality=quality)


def test_published_rates_count_only_as_far_as_they_go() -> None:
    verdict = judge(score("published", 0.999999))
    assert verdict.band is Band.UNCERTAIN
    assert verdict.probability == pytest.approx(0.9)
    assert verdict.calibration == "published: published rates, a made-up survey"
    assert codes(verdict.reasons) == ["detector_published_rates", "no_calibrated_evidence"]


def test_an_unmeasured_detector_counts_for_nothing() -> None:
    alone = judge(score("nothing", 0.999))
    assert (alone.band, alone.probability, alone.calibration) == (Band.UNCERTAIN, None, None)
    assert codes(alone.reasons) == ["detector_uncalibrated", "no_calibrated_evidence"]
    assert "was never measured" in alone.reasons[0].text
    beside = judge(score("a", at(2.5)), score("nothing", 0.001))
    assert (beside.band, beside.probability) == (Band.HIGH, pytest.approx(sigmoid(2.5)))


def test_a_detector_calibrated_for_another_kind_counts_for_nothing() -> None:
    verdict = POLICY.judge(Kind.VIDEO, [score("a", 0.99)])
    assert (verdict.band, verdict.probability) == (Band.UNCERTAIN, None)


def test_evidence_never_measured_together_cannot_make_a_clear_answer() -> None:
    nearly = score("a", at(1.9))
    pushed = judge(nearly, score("published", 0.99))
    assert pushed.probability == pytest.approx(sigmoid(1.9 + log(9) / 2))
    assert pushed.band is Band.UNCERTAIN
    assert judge(score("a", at(2.5))).band is Band.HIGH
    assert judge(score("a", at(2.5)), score("published", 0.1)).band is Band.UNCERTAIN  # but can take one back


def test_unmeasured_signs_of_a_fake_forbid_the_all_clear() -> None:
    clear = score("a", at(-1.5))
    assert judge(clear).band is Band.LOW
    warned = judge(clear, score("published", 0.99))
    assert warned.probability == pytest.approx(sigmoid(-1.5 + log(9) / 2))
    assert warned.band is Band.UNCERTAIN


def test_a_refitted_calibrator_puts_its_panel_out_of_use() -> None:
    refitted = {"a": record("a", calibration={IMAGE: platt(slope=1.1)})}
    policy = CalibratedPolicy(images(panel({"a": A})), records=refitted)
    verdict = judge(score("a", 0.999), policy=policy)
    assert verdict.band is Band.UNCERTAIN
    assert "bands_not_measured" in codes(verdict.reasons)


def test_nothing_applicable_is_unknown() -> None:
    for scores in ([], [score("a", None, "the image is smaller than 64 pixels")]):
        verdict = POLICY.judge(Kind.IMAGE, scores)
        assert (verdict.band, verdict.probability, verdict.calibration) == (Band.UNKNOWN, None, None)
        assert "nothing_judged" in codes(verdict.reasons)
    assert verdict.reasons[0].text == "a did not judge this image: the image is smaller than 64 pixels"


def test_a_sound_detector_hears_the_sound_of_a_video() -> None:
    voices = record("v", modalities=(AUDIO,), calibration={AUDIO: A})
    policy = CalibratedPolicy(EnsembleCalibration(), records={"v": voices})
    verdict = policy.judge(Kind.VIDEO, [score("v", at(2.0))])
    assert verdict.probability == pytest.approx(sigmoid(2.0))
    assert verdict.band is Band.UNCERTAIN


def test_reasons_are_plain_sentences() -> None:
    high = judge(score("a", at(2.5)))
    assert [reason.text for reason in high.reasons] == [
        "a finds strong signs of generation or manipulation (score 0.92)",
        (
            "of 400 real images from sources that the detectors never saw, 8 looked this suspicious: "
            "at most 3.6 % are to be expected"
        ),
    ]
    low = judge(score("a", at(-1.5)))
    assert [reason.text for reason in low.reasons] == [
        "a finds little sign of generation or manipulation (score 0.18)",
        (
            "of 400 generated or manipulated images from sources that the detectors never saw, 40 looked "
            "this unsuspicious: at most 13 % are to be expected"
        ),
    ]
    between = judge(score("a", at(0.8)), score("b", None, "judges portraits only"))
    assert [reason.text for reason in between.reasons] == [
        "a finds weak signs of generation or manipulation (score 0.69)",
        "the evidence is not strong enough for a clear answer",
        "b did not judge this image: judges portraits only",
    ]


@pytest.mark.parametrize(
    ("llr", "words"),
    [(0.3, "no clear sign"), (-0.3, "no clear sign"), (0.7, "weak"), (1.2, "moderate"), (2.4, "strong")],
)
def test_strength_in_words(llr: float, words: str) -> None:
    assert words in judge(score("a", at(llr))).reasons[0].text


def test_the_calibration_names_sets_sizes_and_date() -> None:
    assert judge(score("a", 0.6)).calibration == "a: setone, settwo (400 real, 400 fake; 2026-11-02)"


def test_limited_evidence_is_said_where_only_bundled_detectors_took_part() -> None:
    bundled = record("s", calibration={IMAGE: A}, bundled=True)
    policy = CalibratedPolicy(EnsembleCalibration(), records={**RECORDS, "s": bundled})
    assert "limited_evidence" in codes(judge(score("s", 0.9), policy=policy).reasons)
    assert "limited_evidence" in codes(judge(score("s", 0.9), score("nothing", 0.9), policy=policy).reasons)
    assert "limited_evidence" not in codes(judge(score("s", 0.9), score("a", 0.9), policy=policy).reasons)


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"high_false_alarms": 0.0}, "high_false_alarms"),
        ({"low_misses": 1.0}, "low_misses"),
        ({"high_false_alarms": float("nan")}, "high_false_alarms"),
        ({"prior_log_odds": float("inf")}, "prior_log_odds"),
    ],
)
def test_limits_of_nonsense_are_refused(limits: dict[str, float], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Limits(**limits)


def test_an_unusable_calibrator_is_refused_at_once() -> None:
    broken = record("x", calibration={IMAGE: gaussian((1, 1), (0, 1))})
    with pytest.raises(ConfigurationError, match="calibration of x"):
        CalibratedPolicy(EnsembleCalibration(), records={"x": broken})


def test_fingerprint_follows_everything_that_moves_a_verdict() -> None:
    def of(**changes: object) -> str:
        arguments = {"calibration": images(panel({"a": A})), "records": RECORDS, "limits": Limits()}
        return CalibratedPolicy(**{**arguments, **changes}).fingerprint  # type: ignore[arg-type]

    others = [
        of(limits=Limits(low_misses=0.1)),
        of(records={"a": RECORDS["a"]}),
        of(calibration=EnsembleCalibration()),
        of(calibration=images(panel({"a": A}, high=curve(*[(5.0, 0, 0.01, 0.1)])))),
    ]
    assert of() == of()
    assert len({of(), *others}) == 1 + len(others)
