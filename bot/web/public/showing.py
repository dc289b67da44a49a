"""What a public page tells of a verdict, gathered from the rows. Strangers' words are left behind here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.ensemble.combine import MediumOutcome
from analysis.model import Band, Kind
from bot.card.words import begun, card_of, description_of, is_right_to_left
from bot.evidence import EvidenceRoom, Pictures, Progress
from bot.replies import Context
from bot.replies.details import details_of, rate_told, told
from bot.replies.wordings import Wordings, fill, wordings
from bot.reviews import judgement_of
from bot.web.console.showing_scores import ScoreView, show_scores
from bot.writer import results_of
from state.errors import NotFound
from state.model import AnalysisRow, MentionRow, PostMedium, ReplyRow, ReplyState

if TYPE_CHECKING:
    from bot.card.draw import Card
    from bot.resolver import Resolver
    from state.store import Store

_ANSWERS = {"verdict", "correction"}


class TakenDown(Exception):
    """There was a page, and there is none any more."""


@dataclass(frozen=True, slots=True)
class PublicMedium:
    """One medium: its number from 1, how it is called, what was found, in the asker's language.

    ``here``: a small picture of it can be made, blurred if it is ``sensitive``. ``grounds`` are sentences;
    ``scores`` the detectors' parts, in English; ``calibration`` what the verdict's number rests on.
    """

    number: int
    name: str
    band: Band | None
    result: str
    here: bool
    sensitive: bool
    grounds: tuple[str, ...]
    scores: tuple[ScoreView, ...]
    calibration: str | None
    pictures: Pictures


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the history."""

    at: datetime
    corrects: bool
    band: Band
    result: str


@dataclass(frozen=True, slots=True)
class PublicView:
    """A page. ``card`` has the verdict's words, ``description`` tells it whole where no picture is seen."""

    reply: ReplyRow
    words: Wordings
    card: Card
    description: str
    media: tuple[PublicMedium, ...]
    history: tuple[Answer, ...]

    @property
    def right_to_left(self) -> bool:
        """Whether its language is written from right to left."""
        return is_right_to_left(self.words.name)


class PublicShowing:
    """Gathers it."""

    def __init__(
        self, store: Store, resolver: Resolver, room: EvidenceRoom, own_calibration: Path, *, evidence: bool
    ) -> None:
        """`evidence`: pictures that were drawn for operators are shown, too."""
        self._store = store
        self._resolver = resolver
        self._room = room
        self._own_calibration = own_calibration
        self._evidence = evidence

    def page(self, token: str) -> PublicView:
        """Everything on a page.

        Raises:
            NotFound: there is none.
            TakenDown: there was one.
        """
        mention, reply = self.standing(token)
        post = judgement_of(self._store, mention).post
        words = wordings(reply.language)
        card = card_of(reply, Context(media=results_of(post)))
        assert mention.target_id is not None
        media = self._store.posts.media(mention.target_id)
        return PublicView(
            reply=reply,
            words=words,
            card=card,
            description=description_of(reply, card),
            media=tuple(self._medium(*pair, words) for pair in zip(media, post.media, strict=True)),
            history=tuple(self._history(mention.id, words)),
        )

    def standing(self, token: str) -> tuple[MentionRow, ReplyRow]:
        """The mention that a page is about, and the answer that stands.

        Raises:
            NotFound: there is no such page.
            TakenDown: there was one, or the answer was taken back.
        """
        page = self._store.public_pages.get(token)
        mention = self._store.mentions.get(page.mention_id)
        reply = self._store.outbox.standing(mention.id)
        if page.removed_at is not None or reply is None or reply.band is None:
            raise TakenDown
        return mention, reply

    def medium(self, token: str, number: int) -> tuple[str, bool]:
        """The SHA-256 of one of a page's media, and whether it is marked as sensitive.

        Raises:
            NotFound: there is no such medium, or its file is gone.
            TakenDown: there was such a page.
        """
        mention, _ = self.standing(token)
        assert mention.target_id is not None
        media = self._store.posts.media(mention.target_id)
        if not 1 <= number <= len(media) or not self._is_here(media[number - 1]):
            raise NotFound("there is no such medium")
        sha256 = media[number - 1].sha256
        assert sha256 is not None
        return sha256, media[number - 1].sensitive

    def picture(self, token: str, number: int, name: str) -> Path:
        """The file of a picture that was drawn as evidence.

        Raises:
            NotFound: there is none, or such pictures are not shown.
            TakenDown: there was such a page.
        """
        sha256, sensitive = self.medium(token, number)
        analysis = self._store.media.analysis(sha256) if self._evidence and not sensitive else None
        path = self._room.file(analysis, name) if analysis else None
        if path is None:
            raise NotFound("there is no such picture")
        return path

    def _medium(self, medium: PostMedium, outcome: MediumOutcome, words: Wordings) -> PublicMedium:
        analysis = self._store.media.analysis(medium.sha256) if medium.sha256 else None
        kind = outcome.kind or Kind.IMAGE
        verdict = outcome.verdict
        here = self._is_here(medium)
        return PublicMedium(
            number=outcome.index,
            name=begun(words.media[kind.value].name),
            band=verdict.band if verdict else None,
            result=words.results[verdict.band] if verdict else words.bands[Band.UNKNOWN],
            here=here,
            sensitive=medium.sensitive,
            grounds=self._grounds(outcome, kind, words),
            scores=tuple(self._scores(analysis)),
            calibration=verdict.calibration if verdict else None,
            pictures=self._pictures(analysis) if here and not medium.sensitive else Pictures(Progress.NONE),
        )

    def _grounds(self, outcome: MediumOutcome, kind: Kind, words: Wordings) -> tuple[str, ...]:
        verdict = outcome.verdict
        details = details_of(verdict, kind) if verdict else None
        if verdict is None or details is None:
            return ()
        found = [told(words, details), rate_told(words, details)]
        if verdict.probability is not None and verdict.calibration:
            percent = min(99, max(1, round(100 * verdict.probability)))
            plural = words.media[kind.value].plural
            found.append(fill(words.parts.estimate, percent=percent, plural=plural))
        return tuple(found)

    def _scores(self, analysis: AnalysisRow | None) -> list[ScoreView]:
        if analysis is None:
            return []
        return [view for view in show_scores(analysis, self._own_calibration) if view.side != "absent"]

    def _pictures(self, analysis: AnalysisRow | None) -> Pictures:
        return self._room.pictures(analysis) if self._evidence and analysis else Pictures(Progress.NONE)

    def _is_here(self, medium: PostMedium) -> bool:
        if medium.sha256 is None or medium.reason:
            return False
        return self._resolver.path(medium.sha256).is_file()

    def _history(self, mention_id: int, words: Wordings) -> list[Answer]:
        answers = []
        for reply in self._store.outbox.of_mention(mention_id):
            if reply.kind in _ANSWERS and reply.state is ReplyState.SENT and reply.band is not None:
                band, at = Band(reply.band), reply.sent_at or reply.created_at
                answers.append(Answer(at, reply.kind == "correction", band, words.results[band]))
        return answers
