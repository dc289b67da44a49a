"""The end of a mention that an operator had looked at again, after it had come to its end once.

Nobody is answered twice. Where the verdict has been told, what differs from it is told in a correction, to
everyone who asked about the same media; where only a failure was told, a verdict follows, and a second
failure is noted and not told.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.platforms.base import Platform
from bot.reviews import correct
from bot.writer import Writer
from state.model import MentionRow, ReplyRow, ReplyState
from state.store import Store

TOLD = {ReplyState.SENT, ReplyState.RETRACTING, ReplyState.RETRACTED}


class SecondLook:
    """Ends such mentions. Call inside the transaction that finishes the step."""

    def __init__(self, store: Store, platforms: Mapping[str, Platform], writer: Writer) -> None:
        self._store = store
        self._platforms = platforms
        self._writer = writer

    def judged(self, mention: MentionRow) -> bool:
        """There is a verdict; False where none was ever on its way to the asker: it is to be sent."""
        verdict = self._reply(mention, "verdict")
        if verdict is None:
            return False
        if verdict.state not in TOLD:
            self._close_unsent(mention, verdict)
            return True
        self._store.mentions.answered(mention.id)
        for other in self._concerned(mention):
            platform = self._platforms.get(other.platform)
            if platform is not None:
                correct(self._store, self._writer, platform.text_rules, other)
            band = self._store.mentions.get(other.id).band
            if band is not None:
                self._store.mentions.set_band(other.id, band)  # lists look up the probability with it
        return True

    def failed(self, mention: MentionRow, reason: str, detail: str) -> bool:
        """There is no verdict; False where nobody has been told anything yet: the failure is to be told."""
        verdict = self._reply(mention, "verdict")
        if verdict is None and self._reply(mention, "failure") is None:
            return False
        self._store.events.add("second_look_failed", mention.id, {"reason": reason, "detail": detail})
        if verdict is None:
            self._store.mentions.failed(mention.id, reason, detail)
        elif verdict.state in TOLD:
            self._store.mentions.answered(mention.id)
        else:
            self._close_unsent(mention, verdict)
        return True

    def _close_unsent(self, mention: MentionRow, verdict: ReplyRow) -> None:
        # It may stand after all, so that a retry could double it; an operator can write a correction.
        self._store.mentions.failed(mention.id, verdict.reason or "default", verdict.detail or "")

    def _reply(self, mention: MentionRow, kind: str) -> ReplyRow | None:
        replies = [reply for reply in self._store.outbox.of_mention(mention.id) if reply.kind == kind]
        return replies[-1] if replies else None

    def _concerned(self, mention: MentionRow) -> list[MentionRow]:
        """Everyone who was answered about these media."""
        assert mention.target_id is not None
        media = self._store.posts.media(mention.target_id)
        found = {
            other.id: other
            for medium in media
            if medium.sha256
            for other in self._store.mentions.with_medium(medium.sha256)
        }
        return [found[number] for number in sorted(found)]
