"""When a medium counts as experimental, and when that is decided."""

from __future__ import annotations

import pytest

from analysis.ensemble.relevance import (
    ExperimentalReason,
    Pending,
    RelevanceCategory,
    RelevanceResult,
    confident_faces,
    determine_relevance,
)
from analysis.model import Kind

FEW, MANY = ExperimentalReason.FACES_TOO_FEW, ExperimentalReason.FACES_TOO_MANY
FACES, ARTWORK, TEXT = RelevanceCategory.FACES, RelevanceCategory.ARTWORK, RelevanceCategory.TEXT


def reasons(kind: Kind, *results: RelevanceResult) -> tuple[ExperimentalReason, ...]:
    return determine_relevance(kind, results, Pending(), audio_decides=False).reasons


@pytest.mark.parametrize(
    ("kind", "counts", "expected"),
    [
        (Kind.IMAGE, (), ()),
        (Kind.IMAGE, (1,), ()),
        (Kind.IMAGE, (0,), (FEW,)),
        (Kind.IMAGE, (0, 1), (FEW,)),  # a tie counts
        (Kind.IMAGE, (0, 1, 1), ()),
        (Kind.IMAGE, (0, 0, 1), (FEW,)),
        (Kind.VIDEO, (0, 0, 1), (FEW,)),
        (Kind.IMAGE, (4,), ()),
        (Kind.IMAGE, (5,), (MANY,)),
        (Kind.IMAGE, (5, 1), (MANY,)),
        (Kind.IMAGE, (5, 1, 1), ()),
        (Kind.IMAGE, (0, 5), (FEW,)),  # too few goes first
        (Kind.VIDEO, (5,), ()),  # crowds count in images only
    ],
)
def test_faces(kind: Kind, counts: tuple[int, ...], expected: tuple[ExperimentalReason, ...]) -> None:
    results = [RelevanceResult(kind, FACES, faces=(0.9,) * count) for count in counts]
    assert reasons(kind, *results) == expected


def test_a_face_counts_from_one_half_on() -> None:
    assert confident_faces(RelevanceResult(Kind.IMAGE, FACES, faces=(0.5, 0.49999, 0.9))) == 2


@pytest.mark.parametrize("category", [ARTWORK, TEXT])
@pytest.mark.parametrize(("score", "found"), [(1.0, True), (0.99, False), (0.0, False)])
def test_artwork_and_text(category: RelevanceCategory, score: float, found: bool) -> None:
    expected = (ExperimentalReason(category.value),) if found else ()
    assert reasons(Kind.IMAGE, RelevanceResult(Kind.IMAGE, category, score=score)) == expected


def test_several_reasons_hold_at_once_and_other_kinds_do_not_count() -> None:
    found = reasons(
        Kind.IMAGE,
        RelevanceResult(Kind.IMAGE, FACES),
        RelevanceResult(Kind.IMAGE, ARTWORK, score=1),
        RelevanceResult(Kind.IMAGE, TEXT, score=1),
    )
    assert found == (FEW, ExperimentalReason.ARTWORK, ExperimentalReason.TEXT)
    assert reasons(Kind.VIDEO, RelevanceResult(Kind.IMAGE, FACES)) == ()
    assert reasons(Kind.AUDIO) == ()


@pytest.mark.parametrize(
    ("results", "waiting", "decided"),
    [
        ((), {}, True),
        ((), {TEXT: 1}, False),
        ((), {TEXT: 0}, True),
        ((RelevanceResult(Kind.IMAGE, FACES),), {TEXT: 1}, True),  # one reason is enough
        ((RelevanceResult(Kind.IMAGE, FACES, faces=(0.9,)),), {FACES: 1}, False),
    ],
)
def test_decided(
    results: tuple[RelevanceResult, ...], waiting: dict[RelevanceCategory, int], decided: bool
) -> None:
    found = determine_relevance(Kind.IMAGE, results, Pending(relevance=waiting), audio_decides=False)
    assert found.decided is decided


def test_sound_that_decides_ends_it() -> None:
    no_face = RelevanceResult(Kind.VIDEO, FACES)
    found = determine_relevance(Kind.VIDEO, [no_face], Pending(relevance={TEXT: 1}), audio_decides=True)
    assert found.decided
    assert not found.reasons
