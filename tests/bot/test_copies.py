"""Reposts that were encoded again are answered from the analysis of the first copy; edited ones are not."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageFilter
from torch import Tensor

from analysis.engine import EmbeddedAnalyzer
from analysis.ensemble.combine import ReviewLabel
from analysis.limits import Limits
from analysis.model import Band, Kind, Verdict
from bot.analyses import Analyses
from bot.assembly import build_recall
from bot.cli import edge
from bot.config import Settings
from bot.config.limits import Analysis as AnalysisSettings
from bot.recall import StoredRecall
from state.model import AnalysisRow, LikenessRow, Mode, PostMedium
from state.store import Store
from tests.analysis.fakes import Brightness, MeanPolicy
from tests.analysis.media import encoded, photo
from tests.bot.rig import Rig, rig
from tests.bot.world import InboxWorld

SAME = "checked the same file before"
COPY = "checked a copy that looks the same before"


class Counting(Brightness):
    """Counts the media that reach the network, also those that it judges together."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    def preprocess(self, view: Tensor) -> Tensor:
        self.runs += 1
        return super().preprocess(view)


class Reasoned(MeanPolicy):
    """Judges in a band that replies have many words for."""

    def judge(self, kind: Kind, scores: object, *, quality: float = 1.0) -> Verdict:
        return Verdict(Band.UNCERTAIN, 0.5, self.name, ())


class Engine:
    """An engine with a memory over a store, and its network."""

    def __init__(self, store: Store, **limits: int) -> None:
        self.network = Counting()
        self.analyzer = EmbeddedAnalyzer(
            [self.network], Reasoned(), Limits(**limits), torch_threads=1, recall=StoredRecall(store)
        )


@pytest.fixture
def engine():  # type: ignore[no-untyped-def]
    """Makes engines over stores, and closes them."""
    made: list[Engine] = []

    def make(store: Store, **limits: int) -> Engine:
        made.append(Engine(store, **limits))
        return made[-1]

    yield make
    for each in made:
        each.analyzer.close()


Make = Callable[..., Engine]


def jpeg(picture: Image.Image, quality: int) -> bytes:
    return encoded(picture, "JPEG", quality=quality)


ORIGINAL = jpeg(photo(1), 90)
REPOST = jpeg(Image.open(io.BytesIO(ORIGINAL)), 70)


def forged() -> bytes:
    picture = Image.open(io.BytesIO(ORIGINAL))
    mask = Image.new("L", picture.size)
    mask.paste(255, (100, 80, 150, 130))  # a thirtieth of it
    soft = mask.filter(ImageFilter.GaussianBlur(2))
    return jpeg(Image.composite(photo(7), picture, soft), 85)


def add(bot: Rig, **files: bytes) -> None:
    """A post and somebody who asks about it, for each file; the mention is called as the file."""
    for name, content in files.items():
        (bot.world.folder / "media" / f"{name}.jpg").write_bytes(content)
        bot.world.post(f"post-{name}", f"media/{name}.jpg")
        bot.world.mention(name, parent_id=f"post-{name}", author=f"asker-{name}")


def events(store: Store) -> list[dict[str, str]]:
    return [
        json.loads(row["data"])
        for row in store.rows("SELECT data FROM events WHERE name = 'copy_recognised'")
    ]


def test_a_recompressed_repost_is_answered_from_the_first_analysis(tmp_path: Path, engine: Make) -> None:
    engines: list[Engine] = []

    def make(store: Store):  # type: ignore[no-untyped-def]
        engines.append(engine(store))
        return engines[0].analyzer

    with rig(tmp_path, make_analyzer=make) as bot:
        add(bot, original=ORIGINAL)
        bot.settle()
        add(bot, repost=REPOST)
        bot.settle()
        assert engines[0].network.runs == 1
        assert COPY not in bot.replies_to("original")[0]
        assert COPY in bot.replies_to("repost")[0]
        (event,) = events(bot.store)
        row = bot.store.media.analysis(event["sha256"])
        first = bot.store.media.analysis(event["copy_of"])
        assert row is not None
        assert first is not None
        assert (row.copy_of, row.scores) == (first.sha256, first.scores)
        assert row.verdict is not None
        assert [reason["code"] for reason in row.verdict.reasons] == ["copy_analysed"]

        for sha256 in (event["sha256"], event["copy_of"]):
            bot.store.reviews.add(sha256, ReviewLabel.FAKE, "", "ann")
        assert [score.sha256 for score in bot.store.reviews.scores()] == [event["copy_of"]]

        add(bot, again=REPOST, edited=forged())
        bot.settle()
        assert SAME in bot.replies_to("again")[0]
        assert engines[0].network.runs == 2  # the edited one
        assert "before" not in bot.replies_to("edited")[0]


@pytest.fixture
def store(tmp_path: Path):  # type: ignore[no-untyped-def]
    opened = Store(tmp_path / "state.sqlite3", Mode.LIVE)
    yield opened
    opened.close()


class Library:
    """Files by name, known to a store, and what an engine has to say of them."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder, self._store = folder, store

    def medium(self, content: bytes) -> PostMedium:
        sha256 = hashlib.sha256(content).hexdigest()
        (self._folder / sha256).write_bytes(content)
        medium = PostMedium(f"file:{sha256}", sha256=sha256, mime="image/jpeg", size=len(content))
        self._store.media.save(medium)
        return medium

    def analyses(self, engine: Engine) -> Analyses:
        return Analyses(self._store, lambda sha256: self._folder / sha256, engine.analyzer)


@pytest.fixture
def library(tmp_path: Path, store: Store) -> Library:
    return Library(tmp_path, store)


def test_changed_detectors_judge_a_copy_anew(store: Store, library: Library, engine: Make) -> None:
    original, repost = library.medium(ORIGINAL), library.medium(REPOST)
    library.analyses(engine(store)).judge([original])
    changed = engine(store, frames_per_video=7)
    judged = library.analyses(changed).judge([repost])
    assert changed.network.runs == 1
    assert (judged.earlier, judged.copy) == (False, False)
    # And once the changed engine has judged one of them, that one answers for the next.
    third = library.medium(jpeg(Image.open(io.BytesIO(REPOST)), 50))
    judged = library.analyses(changed).judge([third])
    assert (changed.network.runs, judged.earlier, judged.copy) == (1, True, True)


def test_in_one_post_with_something_new_nothing_is_said_of_before(
    store: Store, library: Library, engine: Make
) -> None:
    made = engine(store)
    analyses = library.analyses(made)
    analyses.judge([library.medium(ORIGINAL)])
    both = analyses.judge([library.medium(REPOST), library.medium(jpeg(photo(5), 80))])
    assert made.network.runs == 2
    assert not both.earlier


def test_two_copies_at_the_same_time_are_both_judged_or_recognised(
    store: Store, library: Library, engine: Make
) -> None:
    made = engine(store)
    analyses = library.analyses(made)
    copies = [
        library.medium(jpeg(Image.open(io.BytesIO(ORIGINAL)), quality)) for quality in (50, 60, 70, 80, 90)
    ]
    told: list[object] = []
    threads = [
        threading.Thread(target=lambda medium=medium: told.append(analyses.judge([medium]).post.band))
        for medium in copies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert told == [Band.UNCERTAIN] * 5
    rows = [store.media.analysis(copy.sha256 or "") for copy in copies]
    judged = {row.sha256 for row in rows if row and row.copy_of is None}
    assert len(judged) == made.network.runs >= 1
    assert all(row and (row.copy_of is None or row.copy_of in judged) for row in rows)


def test_a_review_of_the_original_is_told_of_its_copy_and_decides_nothing(
    store: Store, library: Library, engine: Make
) -> None:
    analyses = library.analyses(engine(store))
    original, repost = library.medium(ORIGINAL), library.medium(REPOST)
    analyses.judge([original])
    assert original.sha256
    store.reviews.add(original.sha256, ReviewLabel.FAKE, "", "ann")
    judged = analyses.judge([repost]).post.worst.verdict
    assert judged is not None
    assert judged.band is Band.UNCERTAIN
    assert [reason.code for reason in judged.reasons] == ["copy_analysed", "copy_reviewed"]
    assert repost.sha256
    store.reviews.add(repost.sha256, ReviewLabel.REAL, "", "ann")
    own = analyses.judge([repost]).post.worst.verdict
    assert own is not None
    assert own.band is Band.LOW


def test_a_state_file_that_cannot_be_read_costs_a_run_only(
    store: Store, library: Library, engine: Make
) -> None:
    made = engine(store)
    analyses = library.analyses(made)
    analyses.judge([library.medium(ORIGINAL)])
    store.db.execute("UPDATE likenesses SET sketch = substr(sketch, 1, 40)")
    analyses.judge([library.medium(REPOST)])
    assert made.network.runs == 2


def test_the_memory_can_be_turned_off(store: Store) -> None:
    assert isinstance(build_recall(Settings(), store), StoredRecall)
    assert build_recall(Settings(analysis=AnalysisSettings(recognise_copies=False)), store) is None


def test_a_review_lists_the_copies_and_deleting_forgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    monkeypatch.setenv("VERITAG_PLATFORMS", '["inbox"]')
    monkeypatch.setenv("VERITAG_INBOX__FOLDER", "inbox")
    InboxWorld(tmp_path / "inbox", exist_ok=True)
    one, copy = "1" * 64, "2" * 64
    store = Store(tmp_path / ".veritag" / "state.sqlite3", Mode.LIVE)
    likeness = LikenessRow((1, 2), b"sketch")
    for sha256, row in (
        (one, AnalysisRow(one, "f", "image", likeness=likeness)),
        (copy, AnalysisRow(copy, "f", "image", copy_of=one)),
    ):
        store.media.save(PostMedium(f"file:{sha256}", sha256=sha256, mime="image/jpeg", size=1))
        store.media.save_analysis(row)
    assert edge.run(["review", one, "--label", "fake", "--reviewer", "ann"]) == 0
    assert f"review it, too: {copy}" in capsys.readouterr().out
    edge.run(["media", "delete", one])
    assert list(store.likenesses.candidates(likeness, "f", 8)) == []
    store.close()
