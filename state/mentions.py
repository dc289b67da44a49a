"""Mentions: stored once, moved from state to state, closed with a reason that a person can see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from state.base import Table
from state.errors import NotFound
from state.model import MentionRow, MentionState, Mode, NewMention, PostRow, Step, to_moment, to_text
from state.posts import COLUMNS as POST_COLUMNS
from state.posts import to_post

SELECT = (
    "SELECT m.id AS m_id, m.platform AS m_platform, m.asker_id, a.handle, m.target_id, "
    "m.created_at AS m_created_at, m.seen_at, m.state, m.reason, m.detail, m.band, "
    "m.language AS m_language, m.details, m.thread, "
    f"p.id, {', '.join('p.' + column for column in POST_COLUMNS.split(', '))} "
    "FROM mentions m JOIN askers a ON a.id = m.asker_id JOIN posts p ON p.id = m.post_id "
)


class Mentions(Table):
    """Rows of `mentions` and `askers`."""

    def accept(self, new: NewMention, notice_after: timedelta) -> bool:
        """Store a mention with its first step; one that is known already changes nothing.

        Args:
            new: the mention; with ``ignore`` set it is stored closed, with that reason.
            notice_after: how long an asker waits before the `pending` reply.

        Returns:
            Whether it was new.
        """
        with self._store.transaction():
            return self._accept(new, notice_after)

    def _accept(self, new: NewMention, notice_after: timedelta) -> bool:
        post, now = new.post, self._store.now()
        asked_at = min(post.created_at, now)  # a platform's clock may be ahead; nothing is due in the future
        state = MentionState.IGNORED if new.ignore else MentionState.SEEN
        post_id = self._store.posts.save(post)
        row = self._store.db.execute(
            "INSERT INTO mentions "
            "(mode, platform, asker_id, post_id, created_at, seen_at, closed_at, state, reason, "
            "language, details, thread) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (mode, post_id) DO NOTHING RETURNING id",
            (
                self._store.mode,
                post.platform,
                self._asker(post),
                post_id,
                to_text(asked_at),
                to_text(now),
                to_text(now) if new.ignore else None,
                state,
                new.ignore,
                new.language,
                int(new.details),
                new.thread,
            ),
        ).fetchone()
        if row is None:
            return False
        self._store.events.add(state, row[0], {"reason": new.ignore} if new.ignore else None)
        if not new.ignore:
            self._store.queue.add(Step.RESOLVE, post.platform, row[0], asked_at)
            self._store.queue.add(Step.NOTICE, post.platform, row[0], now + notice_after)
        return True

    def _asker(self, post: PostRow) -> int:
        row = self._store.db.execute(
            "INSERT INTO askers (platform, platform_id, handle, first_seen) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (platform, platform_id) DO UPDATE SET handle = excluded.handle RETURNING id",
            (post.platform, post.author_id, post.author_handle, self._store.stamp()),
        ).fetchone()
        return int(row[0])

    def known(self, platform: str, platform_id: str) -> bool:
        """Whether the post with this id has been stored as a mention in this mode."""
        return (
            self._store.row(
                "SELECT 1 FROM mentions WHERE mode = ? AND post_id = "
                "(SELECT id FROM posts WHERE platform = ? AND platform_id = ?)",
                (self._store.mode, platform, platform_id),
            )
            is not None
        )

    def asked_since(self, platform: str, author_id: str, since: datetime) -> int:
        """How many mentions by this person were taken up since then."""
        row = self._store.row(
            "SELECT count(*) AS n FROM mentions "
            "WHERE mode = ? AND seen_at >= ? AND state <> 'ignored' AND asker_id = "
            "(SELECT id FROM askers WHERE platform = ? AND platform_id = ?)",
            (self._store.mode, to_text(since), platform, author_id),
        )
        return int(row["n"]) if row else 0

    def set_opt_out(self, platform: str, author_id: str, handle: str, *, out: bool) -> None:
        """Note that this person, known or not, wants no answers any more, or wants them again."""
        now = self._store.stamp()
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO askers (platform, platform_id, handle, first_seen, opted_out_at) "
                "VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (platform, platform_id) DO UPDATE SET opted_out_at = excluded.opted_out_at",
                (platform, author_id, handle, now, now if out else None),
            )

    def opted_out(self, platform: str, author_id: str) -> bool:
        """Whether this person wants no answers."""
        row = self._store.row(
            "SELECT opted_out_at FROM askers WHERE platform = ? AND platform_id = ?", (platform, author_id)
        )
        return row is not None and row["opted_out_at"] is not None

    def get(self, mention_id: int) -> MentionRow:
        """One mention.

        Raises:
            NotFound: there is none.
        """
        row = self._store.row(SELECT + "WHERE m.id = ?", (mention_id,))
        if row is None:
            raise NotFound(f"there is no mention {mention_id}")
        return to_mention(row)

    def mode_of(self, mention_id: int) -> Mode:
        """The mode that a mention came in; jobs of another one must not touch it.

        Raises:
            NotFound: there is none.
        """
        row = self._store.row("SELECT mode FROM mentions WHERE id = ?", (mention_id,))
        if row is None:
            raise NotFound(f"there is no mention {mention_id}")
        return Mode(row["mode"])

    def asked_already(self, mention: MentionRow, target_id: int) -> bool:
        """Whether another mention by the same person asks for the same and was not turned away.

        The same is the same post, and neither another language nor further details. Call inside the
        transaction that stores the target: of two at once, the first one stored goes on.
        """
        return (
            self._store.row(
                "SELECT 1 FROM mentions WHERE target_id = ? AND mode = ? AND asker_id = ? AND id <> ? "
                "AND state NOT IN ('ignored', 'failed') "
                "AND details >= ? AND (? IS NULL OR language = ?)",
                (
                    target_id,
                    self._store.mode,
                    mention.asker_id,
                    mention.id,
                    int(mention.details),
                    mention.language,
                    mention.language,
                ),
            )
            is not None
        )

    def answered_by(self, platform: str, platform_id: str | None) -> MentionRow | None:
        """The mention that this post answers, if it is one of the bot's own replies."""
        if platform_id is None:
            return None
        sql = (  # the plus keeps SQLite from walking through all mentions of the mode
            "WHERE m.id IN (SELECT mention_id FROM replies WHERE platform_id = ?) "
            "AND +m.mode = ? AND m.platform = ?"
        )
        row = self._store.row(SELECT + sql, (platform_id, self._store.mode, platform))
        return to_mention(row) if row else None

    def before_in_thread(self, mention: MentionRow, thread: str, since: datetime) -> int:
        """How many other mentions of a thread were taken up since then, before this one or already."""
        row = self._store.row(
            "SELECT count(*) AS n FROM mentions WHERE thread = ? AND mode = ? AND platform = ? "
            "AND seen_at >= ? "
            "AND (id < ? AND state = 'seen' OR id <> ? AND state NOT IN ('seen', 'ignored'))",
            (thread, self._store.mode, mention.platform, to_text(since), mention.id, mention.id),
        )
        return int(row["n"]) if row else 0

    def told_above(self, mention: MentionRow, band: str) -> int | None:
        """The verdict that told somebody else in this thread this band of the mention's target.

        Returns:
            The row id of the reply, which stands or is about to; None where there is none.
        """
        row = self._store.row(
            "SELECT r.id FROM mentions m INDEXED BY mentions_by_thread "
            "CROSS JOIN replies r ON r.mention_id = m.id AND r.kind = 'verdict' "
            "WHERE m.thread = ? AND m.mode = ? AND m.platform = ? AND m.target_id = ? AND m.asker_id <> ? "
            "AND m.band = ? AND +r.state IN ('queued', 'sending', 'sent') "
            "AND r.wording NOT LIKE '%/pointer/%' ORDER BY m.id LIMIT 1",
            (
                mention.thread,
                self._store.mode,
                mention.platform,
                mention.target_id,
                mention.asker_id,
                band,
            ),
        )
        return int(row["id"]) if row else None

    def set_thread(self, mention_id: int, thread: str) -> None:
        """The thread that a mention stands in; one that its platform has named stays."""
        with self._store.transaction() as db:
            db.execute("UPDATE mentions SET thread = coalesce(thread, ?) WHERE id = ?", (thread, mention_id))

    def resolved(self, mention_id: int, target_id: int) -> None:
        """What is to be checked is known and on this machine."""
        self._move(mention_id, MentionState.RESOLVED, target_id=target_id)

    def analysed(self, mention_id: int, band: str | None) -> None:
        """The answer is queued. ``band`` is None where the answer is a `failure`."""
        self._move(mention_id, MentionState.ANALYSED, band=band)

    def answered(self, mention_id: int) -> None:
        """The answer stands on the platform."""
        self._move(mention_id, MentionState.ANSWERED)

    def ignored(self, mention_id: int, reason: str, detail: str | None = None) -> None:
        """No answer is wanted or allowed."""
        self._move(mention_id, MentionState.IGNORED, reason=reason, detail=detail)

    def failed(self, mention_id: int, reason: str, detail: str) -> None:
        """It ends here with a reason, whether or not the asker could be told."""
        self._move(mention_id, MentionState.FAILED, reason=reason, detail=detail)

    def reopen(self, mention_id: int, step: Step, by: str) -> None:
        """Have a step of a closed mention done again, afresh: RESOLVE or ANALYSE.

        Call it only where that step has what it needs; whoever was answered is not answered twice.
        """
        state = {Step.RESOLVE: MentionState.SEEN, Step.ANALYSE: MentionState.RESOLVED}[step]
        mention = self.get(mention_id)
        with self._store.transaction() as db:
            db.execute(
                "UPDATE mentions SET state = ?, closed_at = NULL, reason = NULL, detail = NULL WHERE id = ?",
                (state, mention_id),
            )
            self._store.queue.add(step, mention.platform, mention_id, self._store.now(), afresh=True)
            self._store.events.add("reopened", mention_id, {"step": step, "by": by})

    def set_reason(self, mention_id: int, reason: str, detail: str) -> None:
        """Why the answer is a `failure`; the mention goes on to be answered so."""
        with self._store.transaction() as db:
            db.execute(
                "UPDATE mentions SET reason = ?, detail = ? WHERE id = ?", (reason, detail, mention_id)
            )

    def set_band(self, mention_id: int, band: str) -> None:
        """The band that counts after a review."""
        with self._store.transaction() as db:
            db.execute("UPDATE mentions SET band = ? WHERE id = ?", (band, mention_id))

    def _move(self, mention_id: int, state: MentionState, **columns: Any) -> None:
        columns = {name: value for name, value in columns.items() if value is not None}
        columns["state"] = state
        if state.final:
            columns["closed_at"] = self._store.stamp()
        assignments = ", ".join(f"{name} = ?" for name in columns)
        with self._store.transaction() as db:
            db.execute(
                f"UPDATE mentions SET {assignments} WHERE id = ?",
                (*columns.values(), mention_id),
            )
            if state.final:
                self._store.queue.cancel(Step.NOTICE, mention_id)
            self._store.events.add(
                state, mention_id, {k: v for k, v in columns.items() if k in {"reason", "detail", "band"}}
            )

    def with_medium(self, sha256: str) -> Iterator[MentionRow]:
        """Answered mentions whose post carries this medium: those that a review may correct."""
        yield from map(
            to_mention,
            self._store.rows(
                SELECT + "WHERE m.mode = ? AND m.state = 'answered' AND m.target_id IN "
                "(SELECT pm.post_id FROM post_media pm JOIN media ON media.id = pm.media_id "
                "WHERE media.sha256 = ?) ORDER BY m.id",
                (self._store.mode, sha256),
            ),
        )

    def about(self, sha256: str, limit: int = 20) -> list[MentionRow]:
        """The latest mentions whose post carries this medium, whatever became of them, newest first."""
        rows = self._store.rows(
            SELECT + "WHERE m.mode = ? AND m.target_id IN "
            "(SELECT pm.post_id FROM post_media pm JOIN media ON media.id = pm.media_id "
            "WHERE media.sha256 = ?) ORDER BY m.id DESC LIMIT ?",
            (self._store.mode, sha256, limit),
        )
        return [to_mention(row) for row in rows]

    def in_state(self, *states: MentionState, limit: int = 100) -> Iterator[MentionRow]:
        """The latest mentions in these states, newest first."""
        marks = ", ".join("?" * len(states))
        yield from map(
            to_mention,
            self._store.rows(
                SELECT + f"WHERE m.mode = ? AND m.state IN ({marks}) ORDER BY m.id DESC LIMIT ?",
                (self._store.mode, *states, limit),
            ),
        )

    def counts(self) -> dict[MentionState, int]:
        """How many mentions are in each state."""
        counts = dict.fromkeys(MentionState, 0)
        for row in self._store.rows(
            "SELECT state, count(*) AS n FROM mentions WHERE mode = ? GROUP BY state", (self._store.mode,)
        ):
            counts[MentionState(row["state"])] = row["n"]
        return counts

    def reasons(self, state: MentionState) -> dict[str, int]:
        """How many mentions ended in this state for each reason, the most frequent first."""
        rows = self._store.rows(
            "SELECT reason, count(*) AS n FROM mentions WHERE mode = ? AND state = ? AND reason IS NOT NULL "
            "GROUP BY reason ORDER BY n DESC, reason",
            (self._store.mode, state),
        )
        return {row["reason"]: row["n"] for row in rows}


def to_mention(row: dict[str, Any]) -> MentionRow:
    """A row of the join above as a value."""
    return MentionRow(
        id=row.pop("m_id"),
        platform=row.pop("m_platform"),
        asker_id=row.pop("asker_id"),
        asker_handle=row.pop("handle"),
        target_id=row.pop("target_id"),
        created_at=to_moment(row.pop("m_created_at")),
        seen_at=to_moment(row.pop("seen_at")),
        state=MentionState(row.pop("state")),
        reason=row.pop("reason"),
        detail=row.pop("detail"),
        band=row.pop("band"),
        language=row.pop("m_language"),
        details=bool(row.pop("details")),
        thread=row.pop("thread"),
        post=to_post(row),
    )
