"""The outbox: a reply is a row before it is a request, and its key makes a second one impossible."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from state.base import Table
from state.errors import NotFound
from state.model import MentionRow, NewReply, ReplyRow, ReplyState, Step, to_moment

COLUMNS = (
    "id, mention_id, kind, revision, key, state, in_reply_to, text, language, wording, band, created_at, "
    "sent_at, platform_id, url, reason, detail"
)

OPERATOR = "operator"
"""The wording of a reply whose words are an operator's own."""

_ANSWERS = {"verdict", "correction"}
_STANDING = {ReplyState.QUEUED, ReplyState.SENDING, ReplyState.SENT}


def reply_key(mode: str, platform: str, post_id: str, kind: str, revision: int) -> str:
    """The idempotency key of a reply: the same mention, kind and revision always give the same key.

    It depends on what is being answered and not on row numbers, so that a bot which lost its state file
    still cannot answer twice on platforms that keep the key.
    """
    name = "\n".join((mode, platform, post_id, kind, str(revision)))
    return hashlib.sha256(name.encode()).hexdigest()[:32]


class Outbox(Table):
    """Rows of `replies`."""

    def add(self, mention: MentionRow, reply: NewReply) -> int:
        """Queue a reply, to be sent at once; the same kind and revision for a mention is queued once.

        Returns:
            The reply's row id (the earlier one's where it already stands).
        """
        key = reply_key(
            self._store.mode, mention.platform, mention.post.platform_id, reply.kind, reply.revision
        )
        with self._store.transaction() as db:
            row = db.execute(
                "INSERT INTO replies (mention_id, kind, revision, key, state, in_reply_to, text, language, "
                "wording, band, created_at) VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (mention_id, kind, revision) DO NOTHING RETURNING id",
                (
                    reply.mention_id,
                    reply.kind,
                    reply.revision,
                    key,
                    reply.in_reply_to,
                    reply.text,
                    reply.language,
                    reply.wording,
                    reply.band,
                    self._store.stamp(),
                ),
            ).fetchone()
            if row is None:
                return self._existing(reply)
            self._store.queue.add(Step.SEND, mention.platform, row[0], mention.created_at)
            self._store.events.add(
                "reply_queued", reply.mention_id, {"kind": reply.kind, "band": reply.band, "text": reply.text}
            )
            return int(row[0])

    def _existing(self, reply: NewReply) -> int:
        row = self._store.row(
            "SELECT id FROM replies WHERE mention_id = ? AND kind = ? AND revision = ?",
            (reply.mention_id, reply.kind, reply.revision),
        )
        assert row is not None
        return int(row["id"])

    def begin(self, reply_id: int) -> bool:
        """Note that a request is about to leave.

        Returns:
            Whether an earlier request may already have had its effect: then read back before sending.
        """
        with self._store.transaction() as db:
            earlier = db.execute(
                "UPDATE replies SET state = 'sending' WHERE id = ? AND state = 'queued'", (reply_id,)
            )
            return earlier.rowcount == 0

    def not_sent(self, reply_id: int) -> None:
        """The request surely had no effect: the next one need not read back first."""
        with self._store.transaction() as db:
            db.execute("UPDATE replies SET state = 'queued' WHERE id = ? AND state = 'sending'", (reply_id,))

    def sent(self, reply_id: int, platform_id: str, url: str | None) -> None:
        """The reply stands on the platform."""
        with self._store.transaction() as db:
            db.execute(
                "UPDATE replies SET state = 'sent', sent_at = ?, platform_id = ?, url = ? WHERE id = ?",
                (self._store.stamp(), platform_id, url, reply_id),
            )

    def failed(self, reply_id: int, reason: str, detail: str) -> None:
        """The reply will never stand on the platform."""
        with self._store.transaction() as db:
            db.execute(
                "UPDATE replies SET state = 'failed', reason = ?, detail = ? WHERE id = ?",
                (reason, detail, reply_id),
            )

    def withdraw_pending(self, mention_id: int) -> None:
        """Take back a `pending` reply that nobody has begun to send: the verdict is here."""
        with self._store.transaction() as db:
            row = db.execute(
                "UPDATE replies SET state = 'withdrawn' "
                "WHERE mention_id = ? AND kind = 'pending' AND state = 'queued' RETURNING id",
                (mention_id,),
            ).fetchone()
            if row is not None:
                self._store.queue.cancel(Step.SEND, row[0])

    def withdraw(self, reply_id: int) -> None:
        """Take back a reply that surely does not stand on the platform."""
        with self._store.transaction() as db:
            db.execute("UPDATE replies SET state = 'withdrawn' WHERE id = ?", (reply_id,))

    def withdraw_unsent(self, mention_id: int) -> bool:
        """Take back corrections that nobody has begun to send, but for operators' own.

        Returns:
            Whether there were any.
        """
        unsent = [
            reply.id
            for reply in self.of_mention(mention_id)
            if reply.kind == "correction" and reply.wording != OPERATOR
        ]
        with self._store.transaction():
            return sum(map(self.withdraw_queued, unsent)) > 0

    def withdraw_queued(self, reply_id: int) -> bool:
        """Take back a reply that nobody has begun to send; False where it is too late."""
        with self._store.transaction() as db:
            withdrawn = db.execute(
                "UPDATE replies SET state = 'withdrawn' WHERE id = ? AND state = 'queued'", (reply_id,)
            )
            if withdrawn.rowcount:
                self._store.queue.cancel(Step.SEND, reply_id)
        return withdrawn.rowcount == 1

    def retract(self, reply_id: int) -> bool:
        """Have a reply that stands taken back; False where it does not stand."""
        with self._store.transaction() as db:
            row = db.execute(
                "UPDATE replies SET state = 'retracting' WHERE id = ? AND state = 'sent' "
                "AND platform_id IS NOT NULL RETURNING mention_id",
                (reply_id,),
            ).fetchone()
            if row is None:
                return False
            platform = self._store.mentions.get(row[0]).platform
            self._store.queue.add(Step.RETRACT, platform, reply_id, self._store.now())
            self._store.events.add("retract_queued", row[0], {"reply": reply_id})
        return True

    def keep(self, reply_id: int) -> bool:
        """Let a reply stand that nobody has begun to take back; False where it is too late."""
        with self._store.transaction() as db:
            if not self._store.queue.cancel(Step.RETRACT, reply_id):
                return False
            kept = db.execute(
                "UPDATE replies SET state = 'sent' WHERE id = ? AND state = 'retracting'", (reply_id,)
            )
        return kept.rowcount == 1

    def retracted(self, reply_id: int) -> None:
        """The reply stands no more."""
        with self._store.transaction() as db:
            db.execute("UPDATE replies SET state = 'retracted' WHERE id = ?", (reply_id,))

    def not_retracted(self, reply_id: int, reason: str, detail: str) -> None:
        """The platform did not take the reply back; it stands."""
        with self._store.transaction() as db:
            db.execute(
                "UPDATE replies SET state = 'sent', reason = ?, detail = ? WHERE id = ?",
                (reason, detail, reply_id),
            )

    def standing(self, mention_id: int) -> ReplyRow | None:
        """The last answer to a mention that stands, or will: its verdict or a correction of that."""
        answers = [r for r in self.of_mention(mention_id) if r.kind in _ANSWERS and r.state in _STANDING]
        return answers[-1] if answers else None

    def earlier_is_open(self, reply: ReplyRow) -> bool:
        """Whether an earlier revision of this reply is still to be sent."""
        sql = (
            "SELECT 1 FROM replies WHERE mention_id = ? AND kind = ? AND revision < ? "
            "AND state IN ('queued', 'sending')"
        )
        return self._store.row(sql, (reply.mention_id, reply.kind, reply.revision)) is not None

    def get(self, reply_id: int) -> ReplyRow:
        """One reply.

        Raises:
            NotFound: there is none.
        """
        row = self._store.row(f"SELECT {COLUMNS} FROM replies WHERE id = ?", (reply_id,))
        if row is None:
            raise NotFound(f"there is no reply {reply_id}")
        return to_reply(row)

    def of_mention(self, mention_id: int) -> Iterator[ReplyRow]:
        """All replies to one mention, in the order in which they were queued."""
        sql = f"SELECT {COLUMNS} FROM replies WHERE mention_id = ? ORDER BY id"
        for row in self._store.rows(sql, (mention_id,)):
            yield to_reply(row)

    def next_turn(self, name: str) -> int:
        """Count one more use of a kind of wording; 0 at first."""
        with self._store.transaction() as db:
            row = db.execute(
                "INSERT INTO turns (name, count) VALUES (?, 1) "
                "ON CONFLICT (name) DO UPDATE SET count = count + 1 RETURNING count",
                (name,),
            ).fetchone()
        return int(row[0]) - 1


def to_reply(row: dict[str, Any]) -> ReplyRow:
    """A row of `replies` as a value."""
    return ReplyRow(
        **row
        | {
            "state": ReplyState(row["state"]),
            "created_at": to_moment(row["created_at"]),
            "sent_at": to_moment(row["sent_at"]) if row["sent_at"] else None,
        }
    )
