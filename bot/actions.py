"""What operators can do about a verdict: each action is one commit, with its row in the audit log.

Where an action can be undone, its row holds what that needs. An undo is a row of its own: nothing is erased.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analysis.ensemble.combine import ReviewLabel
from analysis.model import Band
from bot import reviews
from bot.errors import BotError
from bot.keeping import Keeper
from bot.platforms.base import Platform, TextRules
from bot.writer import Writer
from state.model import AuditRow, MentionRow, MentionState, NewReply, ReplyState, ReviewRow, Step
from state.outbox import OPERATOR
from state.store import Store

LONGEST_NOTE = 4000
CLOSED = {MentionState.ANSWERED, MentionState.FAILED}
TOLD = {ReplyState.SENT, ReplyState.RETRACTING, ReplyState.RETRACTED}


class ActionRefused(BotError):
    """This cannot be done now; says why, and what helps."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, in words. ``audit_id`` undoes it where ``undoable``."""

    words: str
    audit_id: int
    undoable: bool = False


class Actions:
    """Every action, by `actor`: the operator's name. All raise `NotFound` for what does not exist."""

    def __init__(
        self, store: Store, writer: Writer, platforms: Mapping[str, Platform], keeper: Keeper
    ) -> None:
        self._store = store
        self._writer = writer
        self._platforms = platforms
        self._keeper = keeper
        self._undoes: dict[str, Callable[[str, AuditRow], str]] = {
            "review": self._undo_review,
            "retract": self._undo_retract,
            "correct": self._undo_correct,
            "block": self._undo_block,
            "opt_out": self._undo_opt_out,
        }

    def undoable(self, row: AuditRow) -> bool:
        """Whether an undo of this action may still be asked for."""
        return row.action in self._undoes and row.undone_by is None and row.mode == self._store.mode

    # -- what a person says of a medium ------------------------------------------------------------------

    def review(self, actor: str, sha256: str, label: ReviewLabel, note: str = "") -> Done:
        """Say what a medium is; everyone who was told another band gets a correction."""
        note = _plain(note)[:LONGEST_NOTE]
        with self._store.transaction():
            before = self._store.reviews.latest(sha256)
            corrections = reviews.review(
                self._store, self._writer, self._rules(), sha256, label, note=note, reviewer=actor
            )
            data = {
                "label": label,
                "note": note,
                "before": None if before is None else [before.label, before.note, before.reviewer],
                "number": len(self._store.reviews.history(sha256)),
                "corrections": len(corrections),
            }
            row = self._store.audit.add(actor, "review", f"medium:{sha256}", data)
        words = f"Labelled {_spaced(label)}.{_corrections(len(corrections))}"
        return Done(words, row, undoable=True)

    def review_mention(self, actor: str, mention_id: int, label: ReviewLabel, note: str = "") -> Done:
        """Say what the one medium of a mention's post is.

        Raises:
            ActionRefused: there is none, or there are several.
        """
        mention = self._store.mentions.get(mention_id)
        media = self._store.posts.media(mention.target_id) if mention.target_id is not None else []
        digests = {medium.sha256 for medium in media if medium.sha256}
        if len(digests) != 1:
            count = len(digests) or "no"
            raise ActionRefused(f"the post has {count} media; open it and label what it is about")
        return self.review(actor, digests.pop(), label, note)

    def _undo_review(self, actor: str, row: AuditRow) -> str:
        sha256 = row.subject.removeprefix("medium:")
        if len(self._store.reviews.history(sha256)) != row.data["number"]:
            raise ActionRefused("the medium was labelled again since; label it as it should be")
        before = row.data["before"]
        earlier = None if before is None else ReviewRow(before[0], before[1], before[2], row.at)
        corrections = reviews.take_back(
            self._store, self._writer, self._rules(), sha256, earlier, reviewer=actor
        )
        words = f"The label is {earlier.label} again." if earlier else "The label is taken back."
        return words + _corrections(len(corrections))

    # -- looking again -----------------------------------------------------------------------------------

    def analyse_again(self, actor: str, mention_id: int) -> Done:
        """Have the media judged anew; a correction goes out where the band changes.

        Raises:
            ActionRefused: the mention is still under way, or none of its files is here.
        """
        mention = self._closed(mention_id)
        media = self._store.posts.media(mention.target_id) if mention.target_id is not None else []
        if not any(medium.sha256 and not medium.reason for medium in media):
            raise ActionRefused("none of its media is on this machine; resolve it again to fetch them")
        return self._look_again(actor, mention, Step.ANALYSE)

    def resolve_again(self, actor: str, mention_id: int) -> Done:
        """Fetch the media anew and have them judged anew.

        Raises:
            ActionRefused: the mention is still under way.
        """
        return self._look_again(actor, self._closed(mention_id), Step.RESOLVE)

    def _look_again(self, actor: str, mention: MentionRow, step: Step) -> Done:
        with self._store.transaction():
            self._store.mentions.reopen(mention.id, step, actor)
            row = self._store.audit.add(actor, f"{step}_again", f"mention:{mention.id}")
        words = {Step.RESOLVE: "The media are fetched and judged again.", Step.ANALYSE: "It is judged again."}
        return Done(words[step], row)

    # -- the reply ---------------------------------------------------------------------------------------

    def retract(self, actor: str, reply_id: int) -> Done:
        """Take back a reply.

        Raises:
            ActionRefused: it does not stand.
        """
        reply = self._store.outbox.get(reply_id)
        self._of_this_mode(reply.mention_id)
        with self._store.transaction():
            if not self._store.outbox.retract(reply_id):
                raise ActionRefused(f"the reply does not stand: it is {reply.state}")
            row = self._store.audit.add(actor, "retract", f"mention:{reply.mention_id}", {"reply": reply_id})
        return Done("The reply is taken back.", row, undoable=True)

    def _undo_retract(self, _: str, row: AuditRow) -> str:
        if not self._store.outbox.keep(row.data["reply"]):
            raise ActionRefused("the reply is being taken back already; write a correction instead")
        return "The reply stays."

    def correct(self, actor: str, mention_id: int, text: str, band: Band | None = None) -> Done:
        """Send a correction in the operator's own words; with a band, that is what counts from now on.

        Raises:
            ActionRefused: nothing was said yet, the asker has opted out, or the platform would not take this.
        """
        mention = self._closed(mention_id)
        said = [r for r in self._store.outbox.of_mention(mention_id) if r.state in TOLD]
        if not said:
            raise ActionRefused("nothing was said to this person that could be corrected")
        if self._store.mentions.opted_out(mention.platform, mention.post.author_id):
            raise ActionRefused(f"@{mention.asker_handle} has opted out and is told nothing more")
        text = _plain(text)
        self._measure(mention.platform, text)
        revision = 1 + max(reply.revision for reply in self._store.outbox.of_mention(mention_id))
        last = said[-1]
        counts = band or mention.band
        with self._store.transaction():
            reply_id = self._store.outbox.add(
                mention,
                NewReply(
                    mention_id=mention_id,
                    kind="correction",
                    in_reply_to=last.in_reply_to,
                    text=text,
                    language=last.language,
                    wording=OPERATOR,
                    band=counts,
                    revision=revision,
                ),
            )
            if counts is not None:
                self._store.mentions.set_band(mention_id, counts)
            data = {"reply": reply_id, "text": text, "band": counts, "band_before": mention.band}
            row = self._store.audit.add(actor, "correct", f"mention:{mention_id}", data)
        return Done("The correction is queued.", row, undoable=True)

    def _undo_correct(self, _: str, row: AuditRow) -> str:
        if not self._store.outbox.withdraw_queued(row.data["reply"]):
            raise ActionRefused("the correction has been sent already; retract it instead")
        if row.data["band_before"] is not None:
            self._store.mentions.set_band(_mention_of(row), row.data["band_before"])
        return "The correction is withdrawn."

    def _measure(self, platform: str, text: str) -> None:
        rules = self._rules().get(platform)
        if rules is None:
            raise ActionRefused(f"{platform} is not among the configured platforms; add it to answer there")
        if not text:
            raise ActionRefused("there are no words; write what the correction shall say")
        if not rules.fits(text):
            length = rules.measure(text)
            raise ActionRefused(f"{platform} takes {rules.max_length}, this is {length} long; shorten it")

    # -- the asker ---------------------------------------------------------------------------------------

    def block(self, actor: str, mention_id: int, reason: str = "") -> Done:
        """Answer this person no more.

        Raises:
            ActionRefused: they are blocked already.
        """
        mention = self._store.mentions.get(mention_id)
        who = (mention.platform, mention.post.author_id, mention.asker_handle)
        if self._store.blocks.holds(*who):
            raise ActionRefused(f"@{mention.asker_handle} is blocked already")
        platform, platform_id, handle = who
        with self._store.transaction():
            self._store.blocks.add(
                platform, handle, platform_id=platform_id, reason=_plain(reason)[:LONGEST_NOTE], by=actor
            )
            row = self._store.audit.add(actor, "block", f"mention:{mention_id}", {"handle": handle})
        return Done(f"@{handle} is blocked.", row, undoable=True)

    def _undo_block(self, actor: str, row: AuditRow) -> str:
        mention = self._store.mentions.get(_mention_of(row))
        if not self._store.blocks.remove(mention.platform, row.data["handle"], by=actor):
            raise ActionRefused(f"@{row.data['handle']} is not blocked any more")
        return f"@{row.data['handle']} is not blocked any more."

    def opt_out(self, actor: str, mention_id: int) -> Done:
        """Answer this person no more, because they asked for that elsewhere.

        Raises:
            ActionRefused: they have opted out already.
        """
        mention = self._store.mentions.get(mention_id)
        if self._store.mentions.opted_out(mention.platform, mention.post.author_id):
            raise ActionRefused(f"@{mention.asker_handle} has opted out already")
        with self._store.transaction():
            self._opt_out(mention, out=True)
            row = self._store.audit.add(actor, "opt_out", f"mention:{mention_id}")
        return Done(f"@{mention.asker_handle} is opted out.", row, undoable=True)

    def _undo_opt_out(self, _: str, row: AuditRow) -> str:
        mention = self._store.mentions.get(_mention_of(row))
        self._opt_out(mention, out=False)
        return f"@{mention.asker_handle} gets answers again."

    def _opt_out(self, mention: MentionRow, *, out: bool) -> None:
        author = mention.post
        self._store.mentions.set_opt_out(mention.platform, author.author_id, mention.asker_handle, out=out)

    # -- the file ----------------------------------------------------------------------------------------

    def delete_medium(self, actor: str, sha256: str) -> Done:
        """Delete a file and what was drawn from it; what was found out about it stays.

        Raises:
            ActionRefused: it is not here.
        """
        self._store.media.id_of(sha256)
        if not self._keeper.delete(sha256):
            raise ActionRefused("the file is not on this machine any more")
        row = self._store.audit.add(actor, "delete_medium", f"medium:{sha256}")
        return Done("The file is deleted.", row)

    # -- undo --------------------------------------------------------------------------------------------

    def undo(self, actor: str, audit_id: int) -> Done:
        """Undo an action, once.

        Raises:
            ActionRefused: it cannot be undone, or not any more.
        """
        with self._store.transaction():
            row = self._store.audit.get(audit_id)
            if not self.undoable(row):
                raise ActionRefused("this was undone already" if row.undone_by else "this cannot be undone")
            words = self._undoes[row.action](actor, row)
            undo = self._store.audit.add(actor, "undo", row.subject, {"of": audit_id, "action": row.action})
            self._store.audit.undone(audit_id, undo)
        return Done(words, undo)

    def _closed(self, mention_id: int) -> MentionRow:
        mention = self._store.mentions.get(mention_id)
        self._of_this_mode(mention_id)
        if mention.state not in CLOSED:
            what = "was ignored" if mention.state is MentionState.IGNORED else "is still under way"
            raise ActionRefused(f"the mention {what}; only one that was answered or failed can be taken up")
        return mention

    def _of_this_mode(self, mention_id: int) -> None:
        """What was simulated is never acted on for real, nor the other way round."""
        mode = self._store.mentions.mode_of(mention_id)
        if mode is not self._store.mode:
            raise ActionRefused(f"the mention came in {mode} mode; run the bot in that mode to act on it")

    def _rules(self) -> dict[str, TextRules]:
        return {name: platform.text_rules for name, platform in self._platforms.items()}


def in_words(row: AuditRow) -> str:
    """What was done, as the audit log tells it to people."""
    data = row.data
    match row.action:
        case "review":
            note = f": {data['note']}" if data["note"] else ""
            return f"labelled {_spaced(data['label'])}{note}"
        case "analyse_again":
            return "had it judged again"
        case "resolve_again":
            return "had the media fetched and judged again"
        case "retract":
            return "took the reply back"
        case "correct":
            return f"corrected the reply: {data['text']}"
        case "block":
            return f"blocked @{data['handle']}"
        case "opt_out":
            return "opted the asker out"
        case "delete_medium":
            return "deleted the file"
        case "undo":
            return f"undid: {_spaced(data['action'])}"
        case "take_page_down":
            return "took the public page down"
        case "put_page_up_again":
            return "put the public page up again"
        case other:
            return _spaced(other)


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _mention_of(row: AuditRow) -> int:
    return int(row.subject.removeprefix("mention:"))


def _corrections(count: int) -> str:
    return f" {count} {'correction is' if count == 1 else 'corrections are'} queued." if count else ""


def _plain(text: str) -> str:
    """Text as a person types it: composed, without control characters but line breaks."""
    lines = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    return "".join(c for c in lines if c == "\n" or unicodedata.category(c) not in {"Cc", "Cs"})
