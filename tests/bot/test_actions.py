"""What operators can do about a verdict, and how it is undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.ensemble.combine import ReviewLabel
from analysis.model import Band
from bot.actions import ActionRefused, Actions
from bot.keeping import Keeper
from bot.resolver import MediaStore
from state.errors import NotFound
from state.model import MentionState, ReplyState, Step
from tests.bot.rig import Rig, rig


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as bot:
        bot.world.post("p", bot.world.medium(1))
        bot.world.post("gallery", bot.world.medium(2), bot.world.medium(3))
        bot.world.mention("m", parent_id="p")
        bot.world.mention("n", parent_id="p", author="bob")
        bot.world.mention("g", parent_id="gallery", author="cid")
        bot.settle()
        yield bot


@pytest.fixture
def actions(bot: Rig, tmp_path: Path) -> Actions:
    files = MediaStore(tmp_path / "media")
    drawn = (tmp_path / "evidence",)
    keeper = Keeper(bot.store, files, quota=10**9, retention=1e9, keep_reviewed=True, drawn=drawn)
    return Actions(bot.store, bot.writer, {"inbox": bot.platform}, keeper)


def sha256_of(bot: Rig, post: str = "p") -> str:
    medium = bot.store.posts.media_of("inbox", post)[0]
    assert medium.sha256 is not None
    return medium.sha256


def other_label(bot: Rig) -> ReviewLabel:
    return ReviewLabel.REAL if bot.store.mentions.get(1).band != "low" else ReviewLabel.FAKE


def test_a_label_is_told_and_its_undo_too(bot: Rig, actions: Actions) -> None:
    before = bot.store.mentions.get(1).band
    done = actions.review("ann", sha256_of(bot), other_label(bot), "looked closely")
    assert (done.undoable, "2 corrections" in done.words) == (True, True)
    bot.settle()
    assert bot.reply_counts() == {"m": 2, "n": 2, "g": 1}
    actions.undo("ann", done.audit_id)
    bot.settle()
    assert bot.store.reviews.latest(sha256_of(bot)) is None
    assert bot.store.reviews.scores() == []
    assert bot.store.mentions.get(1).band == before
    assert bot.reply_counts() == {"m": 3, "n": 3, "g": 1}


def test_a_label_that_is_undone_at_once_is_told_to_nobody(bot: Rig, actions: Actions) -> None:
    before = bot.store.mentions.get(1).band
    done = actions.review("ann", sha256_of(bot), other_label(bot))
    undone = actions.undo("bob", done.audit_id)
    bot.settle()
    assert "correction" not in undone.words
    assert bot.reply_counts() == {"m": 1, "n": 1, "g": 1}
    assert bot.store.mentions.get(1).band == before
    assert [row.action for row in bot.store.audit.latest()] == ["undo", "review"]
    assert bot.store.audit.get(done.audit_id).undone_by == undone.audit_id


def test_undoing_a_second_label_brings_the_first_one_back(bot: Rig, actions: Actions) -> None:
    first, second = other_label(bot), ReviewLabel.CANNOT_TELL
    early = actions.review("ann", sha256_of(bot), first, "first")
    late = actions.review("bob", sha256_of(bot), second)
    with pytest.raises(ActionRefused, match="labelled again since"):
        actions.undo("ann", early.audit_id)
    actions.undo("bob", late.audit_id)
    review = bot.store.reviews.latest(sha256_of(bot))
    assert review is not None
    assert (review.label, review.note, review.reviewer) == (first, "first", "ann")


def test_nothing_is_undone_twice(bot: Rig, actions: Actions) -> None:
    done = actions.review("ann", sha256_of(bot), ReviewLabel.SATIRE)
    undone = actions.undo("ann", done.audit_id)
    for audit_id in (done.audit_id, undone.audit_id):
        with pytest.raises(ActionRefused, match="undone"):
            actions.undo("ann", audit_id)


def test_a_withdrawn_label_no_longer_keeps_the_file(bot: Rig, actions: Actions) -> None:
    sha256 = sha256_of(bot)
    done = actions.review("ann", sha256, ReviewLabel.SATIRE)
    assert sha256 in bot.store.media.needed(reviewed=True)
    actions.undo("ann", done.audit_id)
    assert sha256 not in bot.store.media.needed(reviewed=True)


def test_a_mention_of_one_medium_can_be_labelled_by_its_number(bot: Rig, actions: Actions) -> None:
    actions.review_mention("ann", 1, ReviewLabel.SATIRE)
    assert bot.store.reviews.latest(sha256_of(bot)) is not None
    with pytest.raises(ActionRefused, match="2 media"):
        actions.review_mention("ann", 3, ReviewLabel.SATIRE)


@pytest.mark.parametrize("step", [Step.ANALYSE, Step.RESOLVE])
def test_a_mention_is_looked_at_again(bot: Rig, actions: Actions, step: Step) -> None:
    look = actions.analyse_again if step is Step.ANALYSE else actions.resolve_again
    done = look("ann", 1)
    assert not done.undoable
    with pytest.raises(ActionRefused, match="under way"):
        look("ann", 1)
    bot.settle()
    assert bot.store.mentions.get(1).state is MentionState.ANSWERED
    assert bot.store.audit.get(done.audit_id).action == f"{step}_again"


def test_what_was_ignored_is_not_taken_up_again(bot: Rig, actions: Actions) -> None:
    bot.world.mention("chat", text="@veritag hello")
    bot.settle()
    with pytest.raises(ActionRefused, match="was ignored"):
        actions.resolve_again("ann", 4)


def test_a_reply_is_retracted_and_kept(bot: Rig, actions: Actions) -> None:
    reply = next(iter(bot.store.outbox.of_mention(1)))
    done = actions.retract("ann", reply.id)
    actions.undo("ann", done.audit_id)
    bot.settle()
    assert bot.world.retractions() == []
    done = actions.retract("ann", reply.id)
    bot.settle()
    assert bot.world.retractions() == [reply.platform_id]
    for again in (lambda: actions.retract("ann", reply.id), lambda: actions.undo("ann", done.audit_id)):
        with pytest.raises(ActionRefused, match=r"does not stand|already"):
            again()


def test_a_correction_in_own_words_is_measured_then_sent(bot: Rig, actions: Actions) -> None:
    for text, problem in (("", "no words"), (" \n\x00 ", "no words"), ("x" * 501, "takes 500, this is 501")):
        with pytest.raises(ActionRefused, match=problem):
            actions.correct("ann", 1, text)
    assert bot.store.audit.latest() == []
    actions.correct("ann", 1, "We were wrong:\r\nthis is a photo.\x07", Band.LOW)
    bot.settle()
    assert bot.replies_to("m")[1] == "We were wrong:\nthis is a photo."
    assert bot.store.mentions.get(1).band == "low"
    assert bot.reply_counts()["n"] == 1


def test_a_correction_is_withdrawn_while_it_waits(bot: Rig, actions: Actions) -> None:
    before = bot.store.mentions.get(1).band
    done = actions.correct("ann", 1, "Sorry.", Band.TRUSTED)
    actions.undo("ann", done.audit_id)
    bot.settle()
    assert (bot.reply_counts()["m"], bot.store.mentions.get(1).band) == (1, before)
    sent = actions.correct("ann", 1, "Sorry.")
    bot.settle()
    assert bot.reply_counts()["m"] == 2
    with pytest.raises(ActionRefused, match="retract it"):
        actions.undo("ann", sent.audit_id)
    assert [r.state for r in bot.store.outbox.of_mention(1)][1:] == [ReplyState.WITHDRAWN, ReplyState.SENT]


def test_an_undone_label_leaves_operators_words_alone(bot: Rig, actions: Actions) -> None:
    done = actions.review("ann", sha256_of(bot), other_label(bot))
    actions.correct("ann", 1, "In my own words.")
    actions.undo("ann", done.audit_id)
    bot.settle()
    assert "In my own words." in bot.replies_to("m")


def test_an_asker_is_blocked_and_let_in_again(bot: Rig, actions: Actions) -> None:
    done = actions.block("ann", 1, "spam")
    with pytest.raises(ActionRefused, match="already"):
        actions.block("ann", 1)
    assert bot.store.blocks.holds("inbox", "ann", "ann")
    actions.undo("ann", done.audit_id)
    assert not bot.store.blocks.holds("inbox", "ann", "ann")


def test_an_asker_is_opted_out_and_in_again(bot: Rig, actions: Actions) -> None:
    done = actions.opt_out("ann", 1)
    with pytest.raises(ActionRefused, match="already"):
        actions.opt_out("ann", 1)
    bot.world.mention("later", bot.world.medium(9))
    bot.settle()
    assert bot.end("later") == "ignored:opted_out"
    with pytest.raises(ActionRefused, match="told nothing more"):
        actions.correct("ann", 1, "Sorry.")
    actions.undo("ann", done.audit_id)
    assert not bot.store.mentions.opted_out("inbox", "ann")


def test_a_deleted_file_goes_with_what_was_drawn_from_it(bot: Rig, actions: Actions, tmp_path: Path) -> None:
    sha256 = sha256_of(bot)
    drawn = tmp_path / "evidence" / sha256 / "1"
    drawn.mkdir(parents=True)
    done = actions.delete_medium("ann", sha256)
    assert not done.undoable
    assert not drawn.exists()
    assert list((tmp_path / "media").rglob(sha256)) == []
    with pytest.raises(ActionRefused, match="not on this machine"):
        actions.delete_medium("ann", sha256)
    with pytest.raises(ActionRefused, match="resolve it again"):
        actions.analyse_again("ann", 1)


def test_what_was_simulated_is_never_acted_on_for_real(bot: Rig, actions: Actions) -> None:
    reply = next(iter(bot.store.outbox.of_mention(1)))
    with bot.store.transaction() as db:
        db.execute("UPDATE mentions SET mode = 'test' WHERE id = 1")
    for act in (
        lambda: actions.retract("ann", reply.id),
        lambda: actions.analyse_again("ann", 1),
        lambda: actions.resolve_again("ann", 1),
        lambda: actions.correct("ann", 1, "Sorry."),
    ):
        with pytest.raises(ActionRefused, match="test mode"):
            act()
    assert bot.store.queue.open_count(["inbox"], *Step) == 0


def test_what_does_not_exist_is_said_so(actions: Actions) -> None:
    for act in (
        lambda: actions.review("ann", "0" * 64, ReviewLabel.REAL),
        lambda: actions.analyse_again("ann", 99),
        lambda: actions.retract("ann", 99),
        lambda: actions.undo("ann", 99),
        lambda: actions.delete_medium("ann", "0" * 64),
    ):
        with pytest.raises(NotFound):
            act()
