"""Every rule of the published vote, and both sides of every boundary."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from analysis.ensemble.relevance import ExperimentalReason, Pending, RelevanceCategory, RelevanceResult
from analysis.ensemble.vote import (
    Category,
    Influence,
    ModelResult,
    Rank,
    Track,
    Trulean,
    VoteModel,
    audio_decides,
    compute_verdict,
    count_votes,
    determine_fake,
    fake_votes,
    is_vote_decided,
    vote_band,
)
from analysis.model import Band, Kind

IMAGE, VIDEO, AUDIO = Kind.IMAGE, Kind.VIDEO, Kind.AUDIO
U, K, F, T = Trulean.UNREVIEWED, Trulean.UNKNOWN, Trulean.FALSE, Trulean.TRUE
INCLUDED = VoteModel()
TRUSTED = VoteModel(policy=Influence.TRUST)
IGNORED = VoteModel(policy=Influence.IGNORE)
NOISE = VoteModel(category=Category.NOISE)
TRUSTED_NOISE = VoteModel(category=Category.NOISE, policy=Influence.TRUST)
# Like the published hive-audio: trusted on audio files, one vote on the sound of a video.
SOUND = VoteModel(
    category=Category.AUDIO, track=Track.SOUND, policy=Influence.TRUST, track_policy=Influence.INCLUDE
)


def result(model: VoteModel, score: float, *, rank: Rank | None = None) -> ModelResult:
    return ModelResult("m", model, score, rank or model.rank(score))


def fakes(count: int, model: VoteModel = INCLUDED) -> list[ModelResult]:
    return [result(model, 0.9)] * count


REAL = result(INCLUDED, 0.1)
NOT_APPLICABLE = result(INCLUDED, 0.0, rank=Rank.NOT_APPLICABLE)


@pytest.mark.parametrize(
    ("score", "rank", "votes"),
    [
        (0.0, Rank.LOW, 0),
        (0.33, Rank.LOW, 0),
        (0.3300001, Rank.UNCERTAIN, 0),
        (0.4999999, Rank.UNCERTAIN, 0),
        (0.5, Rank.UNCERTAIN, 1),  # ranks uncertain, and votes fake all the same
        (0.5000001, Rank.HIGH, 1),
        (1.0, Rank.HIGH, 1),
    ],
)
def test_rank_and_vote_by_default_thresholds(score: float, rank: Rank, votes: int) -> None:
    assert INCLUDED.rank(score) is rank
    assert fake_votes(IMAGE, result(INCLUDED, score)) == votes


@pytest.mark.parametrize(
    ("score", "rank", "votes"),
    [(0.1, Rank.LOW, 0), (0.11, Rank.UNCERTAIN, 0), (0.7, Rank.UNCERTAIN, 1), (0.71, Rank.HIGH, 1)],
)
def test_rank_and_vote_by_own_thresholds(score: float, rank: Rank, votes: int) -> None:
    model = VoteModel(uncertain_score=0.1, fake_score=0.7)
    assert model.rank(score) is rank
    assert fake_votes(IMAGE, result(model, score)) == votes


@pytest.mark.parametrize("fields", [{"uncertain_score": 0.6}, {"fake_score": 1.1}, {"weight": 2}])
def test_a_row_of_nonsense_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        VoteModel.model_validate(fields)


@pytest.mark.parametrize(
    ("kind", "found", "votes"),
    [
        (IMAGE, result(INCLUDED, 0.9), 1),
        (IMAGE, result(TRUSTED, 0.9), 2),
        (IMAGE, result(IGNORED, 0.9), 0),
        (IMAGE, result(TRUSTED, 0.49), 0),
        (IMAGE, result(TRUSTED, 0.9, rank=Rank.NOT_APPLICABLE), 0),
        (IMAGE, result(INCLUDED, 0.9, rank=Rank.LOW), 1),  # the score counts, a given rank does not
        (AUDIO, result(SOUND, 0.9), 2),
        (VIDEO, result(SOUND, 0.9), 1),  # track policy
        (VIDEO, result(SOUND.model_copy(update={"track_policy": None}), 0.9), 2),
        (VIDEO, result(SOUND.model_copy(update={"track": Track.PICTURE}), 0.9), 2),
        (VIDEO, result(SOUND.model_copy(update={"track_policy": Influence.IGNORE}), 0.9), 0),
    ],
)
def test_votes_by_policy(kind: Kind, found: ModelResult, votes: int) -> None:
    assert fake_votes(kind, found) == votes


@pytest.mark.parametrize(
    ("results", "band"),
    [
        ([], Band.LOW),
        ([REAL], Band.LOW),
        ([result(INCLUDED, 0.45)] * 5, Band.LOW),  # five uncertain ranks add up to nothing
        ([*fakes(1), REAL, REAL], Band.UNCERTAIN),
        (fakes(2), Band.HIGH),
        (fakes(3), Band.HIGH),
        (fakes(1, TRUSTED), Band.HIGH),
        (fakes(2, NOISE), Band.UNCERTAIN),
        ([*fakes(2, NOISE), REAL], Band.UNCERTAIN),
        ([*fakes(1, NOISE), *fakes(1)], Band.HIGH),
        (fakes(3, NOISE), Band.HIGH),  # the special case is for exactly two votes
        (fakes(1, TRUSTED_NOISE), Band.UNCERTAIN),
        (fakes(1, NOISE), Band.UNCERTAIN),
    ],
)
def test_vote_band(results: list[ModelResult], band: Band) -> None:
    assert vote_band(IMAGE, results) is band


def test_sound_and_picture_of_a_video_are_one_pool() -> None:
    picture, sound = result(INCLUDED, 0.9), result(SOUND, 0.9)
    assert vote_band(VIDEO, [picture]) is Band.UNCERTAIN
    assert vote_band(VIDEO, [sound]) is Band.UNCERTAIN
    assert vote_band(VIDEO, [picture, sound]) is Band.HIGH
    assert vote_band(VIDEO, [sound, sound]) is Band.HIGH


@pytest.mark.parametrize(
    ("votes", "pending", "decided"),
    [(0, 0, False), (0, 9, False), (1, 3, False), (1, 2, True), (1, 0, True), (2, 9, True)],
)
def test_vote_decided(votes: int, pending: int, decided: bool) -> None:
    assert is_vote_decided(IMAGE, [*fakes(votes), REAL], Pending(manipulation=pending)) is decided


FACES = RelevanceCategory.FACES
FACE_PENDING = Pending(relevance={FACES: 1})


@pytest.mark.parametrize(
    ("results", "pending", "labels", "shown"),
    [
        ([], Pending(), {}, False),
        ([], Pending(), {"fake": T}, False),  # a label alone shows nothing
        ([result(IGNORED, 0.9)], Pending(), {}, False),
        ([REAL], Pending(), {}, True),
        ([NOT_APPLICABLE], Pending(), {}, True),
        ([REAL], FACE_PENDING, {}, False),
        ([REAL], FACE_PENDING, {"fake": F}, True),
        ([REAL], FACE_PENDING, {"verified_source": True}, True),
        ([*fakes(1), REAL], Pending(2, {FACES: 1}), {}, True),
        ([*fakes(1), REAL], Pending(3, {FACES: 1}), {}, False),
        ([*fakes(2)], Pending(9, {FACES: 1}), {}, True),
        # No relevance model is missing: relevance is decided, so that even an open vote is shown.
        ([REAL], Pending(manipulation=9), {}, True),
    ],
)
def test_show_results(
    results: list[ModelResult], pending: Pending, labels: dict[str, bool], shown: bool
) -> None:
    outcome = compute_verdict(IMAGE, results, pending=pending, **labels)  # type: ignore[arg-type]
    assert outcome.show_results is shown
    if not shown:
        assert outcome.band is outcome.experimental_band is Band.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "fake", "audio_fake", "combined"),
    [
        (IMAGE, U, U, K),
        (IMAGE, K, U, K),
        (IMAGE, F, U, F),
        (IMAGE, T, U, T),
        (IMAGE, F, T, F),  # an image has no sound
        (AUDIO, T, U, T),
        (VIDEO, T, F, T),
        (VIDEO, F, T, T),
        (VIDEO, U, T, T),
        (VIDEO, F, F, F),
        (VIDEO, F, U, K),
        (VIDEO, F, K, K),
        (VIDEO, U, F, K),
        (VIDEO, U, U, K),
    ],
)
def test_human_labels_of_tracks(kind: Kind, fake: Trulean, audio_fake: Trulean, combined: Trulean) -> None:
    assert determine_fake(kind, fake, audio_fake) is combined


@pytest.mark.parametrize(
    ("fake", "verified", "votes", "band"),
    [
        (T, False, 0, Band.HIGH),
        (T, True, 0, Band.HIGH),  # a human "fake" beats a verified source
        (F, True, 3, Band.TRUSTED),  # which beats a human "real"
        (K, True, 3, Band.TRUSTED),
        (U, True, 0, Band.TRUSTED),
        (F, False, 3, Band.LOW),
        (K, False, 3, Band.HIGH),
        (U, False, 1, Band.UNCERTAIN),
        (U, False, 0, Band.LOW),
    ],
)
def test_people_before_votes(fake: Trulean, verified: bool, votes: int, band: Band) -> None:
    outcome = compute_verdict(IMAGE, [*fakes(votes), REAL], fake=fake, verified_source=verified)
    assert outcome.band is outcome.experimental_band is band


NO_FACE = RelevanceResult(IMAGE, FACES)


@pytest.mark.parametrize(
    ("votes", "labels", "band", "shown", "reasons"),
    [
        (0, {}, Band.LOW, Band.UNCERTAIN, 1),
        (1, {}, Band.UNCERTAIN, Band.UNCERTAIN, 1),
        (2, {}, Band.HIGH, Band.UNCERTAIN, 1),
        (3, {}, Band.HIGH, Band.HIGH, 0),
        (0, {"fake": F}, Band.LOW, Band.LOW, 0),
        (0, {"verified_source": True}, Band.TRUSTED, Band.TRUSTED, 0),
    ],
)
def test_experimental_demotion(
    votes: int, labels: dict[str, bool], band: Band, shown: Band, reasons: int
) -> None:
    outcome = compute_verdict(IMAGE, [*fakes(votes), REAL], relevance=[NO_FACE], **labels)  # type: ignore[arg-type]
    assert (outcome.band, outcome.experimental_band) == (band, shown)
    assert len(outcome.experimental_reasons) == reasons


def test_sound_that_votes_high_alone_makes_the_picture_irrelevant() -> None:
    no_face = RelevanceResult(VIDEO, FACES)
    sounds = [result(SOUND, 0.9)] * 2
    assert audio_decides(VIDEO, sounds)
    assert not audio_decides(VIDEO, sounds[:1])
    assert not audio_decides(VIDEO, fakes(2))
    assert not audio_decides(AUDIO, sounds)
    assert compute_verdict(VIDEO, sounds, relevance=[no_face]).experimental_band is Band.HIGH
    mixed = [sounds[0], *fakes(1)]
    outcome = compute_verdict(VIDEO, mixed, relevance=[no_face])
    assert outcome.experimental_reasons == (ExperimentalReason.FACES_TOO_FEW,)
    assert (outcome.band, outcome.experimental_band) == (Band.HIGH, Band.UNCERTAIN)


def test_results_sort_by_rank_then_score() -> None:
    low_thresholds = VoteModel(uncertain_score=0.1, fake_score=0.2)
    results = [result(INCLUDED, 0.4), result(INCLUDED, 0.3), NOT_APPLICABLE, result(low_thresholds, 0.25)]
    in_order = sorted(results, key=lambda found: found.sort_key, reverse=True)
    assert [found.rank for found in in_order] == [Rank.HIGH, Rank.UNCERTAIN, Rank.LOW, Rank.NOT_APPLICABLE]


def test_votes_add_up() -> None:
    assert count_votes(IMAGE, [*fakes(1, TRUSTED), *fakes(2), REAL, NOT_APPLICABLE]) == 4
