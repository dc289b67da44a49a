"""Evidence on demand: drawn once, a few wait, kept with the file and gone with it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analysis.errors import EngineFailed
from analysis.evidence.drawing import EvidencePicture
from bot.evidence import MOST_WAITING, EvidenceRoom, Pictures, Progress
from state.model import AnalysisRow

PICTURE = EvidencePicture("heatmap-x", "Where", b"png", "words", b"overlay")


def analysis(number: int = 0) -> AnalysisRow:
    return AnalysisRow(f"{number:064x}", "engine/1", finished_at=datetime(2026, 1, 1, tzinfo=UTC))


class Studio:
    """Draws when it is let, and counts."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.drawn = 0
        self.fault: Exception | None = None

    def __call__(self, path: Path, analysis: AnalysisRow) -> list[EvidencePicture]:
        assert self.let.wait(10)
        self.drawn += 1
        if self.fault is not None:
            raise self.fault
        return [PICTURE]


@pytest.fixture
def studio() -> Studio:
    return Studio()


@pytest.fixture
def room(tmp_path: Path, studio: Studio) -> EvidenceRoom:
    def path_of(sha256: str) -> Path:
        return tmp_path / "media" / sha256

    (tmp_path / "media").mkdir()
    for number in range(20):
        path_of(analysis(number).sha256).touch()
    return EvidenceRoom(tmp_path / "evidence", path_of, studio)


def until(room: EvidenceRoom, row: AnalysisRow, *states: Progress) -> Pictures:
    deadline = time.monotonic() + 10
    while (found := room.pictures(row)).progress not in states:
        assert time.monotonic() < deadline, found
        time.sleep(0.005)
    return found


def test_pictures_are_drawn_once_and_kept(room: EvidenceRoom, studio: Studio, tmp_path: Path) -> None:
    row = analysis()
    assert room.pictures(row).progress is Progress.NONE
    assert room.request(row).progress is Progress.WAITING
    until(room, row, Progress.DRAWING)
    room.request(row)
    studio.let.set()
    (drawn,) = until(room, row, Progress.READY).drawn
    assert (drawn.name, drawn.title, drawn.alt, drawn.overlay) == ("heatmap-x", "Where", "words", True)
    file = room.file(row, "heatmap-x.overlay")
    assert file is not None
    assert file.read_bytes() == b"overlay"
    assert room.request(row).progress is Progress.READY
    assert studio.drawn == 1
    assert room.file(row, "../../../media/" + "0" * 64) is None
    assert list((tmp_path / "evidence").rglob("partial-*")) == []


def test_another_run_of_the_engine_has_pictures_of_its_own(room: EvidenceRoom, studio: Studio) -> None:
    studio.let.set()
    room.request(analysis())
    until(room, analysis(), Progress.READY)
    later = AnalysisRow(analysis().sha256, "engine/1", finished_at=datetime(2026, 1, 2, tzinfo=UTC))
    assert room.pictures(later).progress is Progress.NONE


def test_only_a_few_wait(room: EvidenceRoom, studio: Studio) -> None:
    room.request(analysis())
    until(room, analysis(), Progress.DRAWING)
    for number in range(1, MOST_WAITING + 1):
        assert room.request(analysis(number)).progress is Progress.WAITING
    refused = room.request(analysis(15))
    assert (refused.progress, refused.problem) == (
        Progress.FAILED,
        "others are being drawn; try again in a while",
    )
    studio.let.set()
    until(room, analysis(MOST_WAITING), Progress.READY)
    assert studio.drawn == MOST_WAITING + 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [(EngineFailed("the file has changed"), "has changed"), (KeyError("x"), "log says why")],
)
def test_what_cannot_be_drawn_is_said_and_can_be_tried_again(
    room: EvidenceRoom, studio: Studio, fault: Exception, told: str
) -> None:
    studio.let.set()
    studio.fault = fault
    room.request(analysis())
    problem = until(room, analysis(), Progress.FAILED).problem
    assert problem is not None
    assert told in problem
    studio.fault = None
    room.request(analysis())
    until(room, analysis(), Progress.READY)


def test_a_file_that_is_deleted_meanwhile_leaves_no_pictures(
    room: EvidenceRoom, studio: Studio, tmp_path: Path
) -> None:
    room.request(analysis())
    until(room, analysis(), Progress.DRAWING)
    (tmp_path / "media" / analysis().sha256).unlink()
    studio.let.set()
    until(room, analysis(), Progress.NONE)
    assert list((tmp_path / "evidence").rglob("*.png")) == []
