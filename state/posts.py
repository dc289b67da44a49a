"""Posts as last seen on their platform, and the media that were had from them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from state.base import Table, to_json
from state.errors import NotFound
from state.model import PostMedium, PostRow, to_moment, to_text

COLUMNS = (
    "platform, platform_id, author_id, author_handle, author_is_bot, created_at, text, language, url, "
    "attachments, links, parent_id, quoted_id, boosted_id"
)


class Posts(Table):
    """Rows of `posts` and `post_media`."""

    def save(self, post: PostRow) -> int:
        """Store a post as it is now, in place of an earlier state of it; returns its row id."""
        values = (
            post.platform,
            post.platform_id,
            post.author_id,
            post.author_handle,
            int(post.author_is_bot),
            to_text(post.created_at),
            post.text,
            post.language,
            post.url,
            to_json([dict(a) for a in post.attachments]),
            to_json(list(post.links)),
            post.parent_id,
            post.quoted_id,
            post.boosted_id,
            self._store.stamp(),
        )
        updates = ", ".join(f"{c} = excluded.{c}" for c in [*COLUMNS.split(", ")[2:], "fetched_at"])
        with self._store.transaction() as db:
            row = db.execute(
                f"INSERT INTO posts ({COLUMNS}, fetched_at) VALUES ({', '.join('?' * 15)}) "
                f"ON CONFLICT (platform, platform_id) DO UPDATE SET {updates} RETURNING id",
                values,
            ).fetchone()
        return int(row[0])

    def get(self, post_id: int) -> PostRow:
        """One post by its row id.

        Raises:
            NotFound: there is none.
        """
        row = self._store.row(f"SELECT id, {COLUMNS} FROM posts WHERE id = ?", (post_id,))
        if row is None:
            raise NotFound(f"there is no post {post_id}")
        return to_post(row)

    def set_media(self, post_id: int, media: Sequence[PostMedium]) -> None:
        """Store what was had from a post, in order, in place of any earlier attempt."""
        with self._store.transaction() as db:
            db.execute("DELETE FROM post_media WHERE post_id = ?", (post_id,))
            for position, medium in enumerate(media):
                media_id = self._store.media.save(medium) if medium.sha256 else None
                db.execute(
                    "INSERT INTO post_media "
                    "(post_id, position, source_url, alt_text, media_id, reason, detail, sensitive) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        post_id,
                        position,
                        medium.source_url,
                        medium.alt_text,
                        media_id,
                        medium.reason,
                        medium.detail,
                        int(medium.sensitive),
                    ),
                )

    def media_of(self, platform: str, platform_id: str) -> list[PostMedium]:
        """What was had from a post, by the platform's id; nothing where it was never asked for."""
        row = self._store.row(
            "SELECT id FROM posts WHERE platform = ? AND platform_id = ?", (platform, platform_id)
        )
        return self.media(row["id"]) if row else []

    def media(self, post_id: int) -> list[PostMedium]:
        """What was had from a post, in order; a deleted file keeps its hash, with the reason `gone`."""
        return list(self._media(post_id))

    def _media(self, post_id: int) -> Iterator[PostMedium]:
        for row in self._store.rows(
            "SELECT source_url, alt_text, sha256, mime, size, reason, detail, sensitive, deleted_at "
            "FROM post_media "
            "LEFT JOIN media ON media.id = media_id WHERE post_id = ? ORDER BY position",
            (post_id,),
        ):
            if row.pop("deleted_at"):
                row |= {"reason": "gone", "detail": "the file was deleted from this machine"}
            yield PostMedium(**row | {"sensitive": bool(row["sensitive"])})


def to_post(row: dict[str, Any]) -> PostRow:
    """A row of `posts` as a value."""
    return PostRow(
        **row
        | {
            "author_is_bot": bool(row["author_is_bot"]),
            "created_at": to_moment(row["created_at"]),
            "attachments": tuple(json.loads(row["attachments"])),
            "links": tuple(json.loads(row["links"])),
        }
    )
