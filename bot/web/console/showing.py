"""What the verdict page shows of a medium and of a mention, gathered from the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from analysis.model import Kind, Verdict
from bot.actions import Actions, in_words
from bot.analyses import reviewed_verdict
from bot.evidence import EvidenceRoom, Pictures, Progress
from bot.rows import kind_of_mime
from bot.web.console.media import SHOWN
from bot.web.console.pages import BASE
from bot.web.console.showing_scores import ScoreView, agreement, show_scores
from state.model import (
    AnalysisRow,
    EventRow,
    MentionRow,
    Mode,
    PastAnalysis,
    PostMedium,
    PostRow,
    ReplyRow,
    ReviewRow,
)

if TYPE_CHECKING:
    from bot.web.console.desk import Desk
    from state.store import Store

STAGES = ("seen", "reopened", "resolved", "analysed", "answered", "failed", "ignored")
_CREDENTIALS = {
    "trusted": "untouched since it was signed, by somebody whom a configured trust anchor vouches for",
    "valid": "untouched since it was signed, but nobody vouches for the signer: anyone can make such",
    "invalid": "broken, or the medium was changed after it was signed: they prove nothing",
    "remote": "kept somewhere else, and not fetched",
    "unreadable": "there are some, but they could not be read",
}


@dataclass(frozen=True, slots=True)
class Relative:
    """A medium that shares an analysis with this one, and the band that counts for it."""

    sha256: str
    band: str | None


@dataclass(frozen=True, slots=True)
class Deed:
    """What an operator did, in words; ``undoable``: it can still be undone, by its number."""

    number: int
    at: datetime
    actor: str
    words: str
    undone: bool
    undoable: bool


@dataclass(frozen=True, slots=True)
class MediumView:
    """One medium with all that is known of it. ``own`` is the detectors' verdict, ``verdict`` what counts.

    ``here``: the file is on this machine; ``shown``: browsers show files of its type. Below ``address`` are
    the file and the pictures; ``known``: it has a page of its own.
    """

    number: int
    address: str
    known: bool
    medium: PostMedium
    kind: Kind | None
    here: bool
    shown: bool
    analysis: AnalysisRow | None
    own: Verdict | None
    verdict: Verdict | None
    review: ReviewRow | None
    scores: tuple[ScoreView, ...]
    agreement: str
    provenance: tuple[str, ...]
    pictures: Pictures
    relatives: tuple[Relative, ...]
    past: tuple[PastAnalysis, ...]
    asked: tuple[MentionRow, ...]

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels as displayed, where known."""
        probe = self.analysis.probe if self.analysis else {}
        width, height = probe.get("width"), probe.get("height")
        return (int(width), int(height)) if width and height else None


@dataclass(frozen=True, slots=True)
class Stage:
    """How long a mention or a medium was in one stage, and its share of the longest."""

    name: str
    seconds: float
    share: float


@dataclass(frozen=True, slots=True)
class MentionView:
    """A mention with its posts, replies, log and deeds."""

    mention: MentionRow
    mode: Mode
    target: PostRow | None
    media: tuple[MediumView, ...]
    replies: tuple[ReplyRow, ...]
    events: tuple[EventRow, ...]
    stages: tuple[Stage, ...]
    deeds: tuple[Deed, ...]
    blocked: bool
    opted_out: bool


class Showing:
    """Gathers it."""

    def __init__(self, desk: Desk, room: EvidenceRoom, actions: Actions) -> None:
        self._desk = desk
        self._store = desk.store
        self._room = room
        self._actions = actions

    def mention(self, mention_id: int) -> MentionView:
        """Everything about one mention.

        Raises:
            NotFound: there is none.
        """
        store = self._store
        mention = store.mentions.get(mention_id)
        media = store.posts.media(mention.target_id) if mention.target_id is not None else []
        subjects = [f"mention:{mention_id}", *(f"medium:{m.sha256}" for m in media if m.sha256)]
        events = tuple(store.events.of_mention(mention_id))
        who = (mention.platform, mention.post.author_id)
        return MentionView(
            mention=mention,
            mode=store.mentions.mode_of(mention_id),
            target=store.posts.get(mention.target_id) if mention.target_id is not None else None,
            media=tuple(self._medium(medium, number) for number, medium in enumerate(media, 1)),
            replies=tuple(store.outbox.of_mention(mention_id)),
            events=events,
            stages=stages_of(events),
            deeds=self._deeds(*subjects),
            blocked=store.blocks.holds(*who, mention.asker_handle),
            opted_out=store.mentions.opted_out(*who),
        )

    def medium(self, sha256: str) -> tuple[MediumView, tuple[Deed, ...]]:
        """Everything about one medium, and what operators did about it.

        Raises:
            NotFound: no such medium was ever seen.
        """
        return self._medium(self._store.media.get(sha256), 1), self._deeds(f"medium:{sha256}")

    def _medium(self, medium: PostMedium, number: int) -> MediumView:
        sha256 = medium.sha256
        return medium_view(
            self._desk,
            medium,
            number,
            self._store.media.analysis(sha256) if sha256 else None,
            self._room,
            f"{BASE}/media/{sha256}",
            here=sha256 is not None and not medium.reason and self._desk.resolver.path(sha256).is_file(),
        )

    def _deeds(self, *subjects: str) -> tuple[Deed, ...]:
        return tuple(
            Deed(
                row.id,
                row.at,
                row.actor,
                in_words(row),
                row.undone_by is not None,
                self._actions.undoable(row),
            )
            for row in self._store.audit.of(*subjects)
        )


def medium_view(
    desk: Desk,
    medium: PostMedium,
    number: int,
    analysis: AnalysisRow | None,
    room: EvidenceRoom,
    address: str,
    *,
    here: bool,
    known: bool = True,
) -> MediumView:
    """A medium with its analysis, and what else is known of the same bytes."""
    store, sha256 = desk.store, medium.sha256
    kind = Kind(analysis.kind) if analysis and analysis.kind else kind_of_mime(medium.mime)
    scores = show_scores(analysis, desk.settings.own_calibration) if analysis else []
    own, verdict = reviewed_verdict(store, analysis) if analysis else (None, None)
    return MediumView(
        number=number,
        address=address,
        known=known,
        medium=medium,
        kind=kind,
        here=here,
        shown=medium.mime in SHOWN,
        analysis=analysis,
        own=own,
        verdict=verdict,
        review=store.reviews.latest(sha256) if sha256 else None,
        scores=tuple(scores),
        agreement=agreement(scores),
        provenance=tuple(provenance_words(analysis.provenance)) if analysis else (),
        pictures=room.pictures(analysis) if analysis else Pictures(Progress.NONE),
        relatives=tuple(_relatives(store, sha256)) if sha256 else (),
        past=tuple(store.media.past(sha256)) if sha256 else (),
        asked=tuple(store.mentions.about(sha256)) if sha256 else (),
    )


def _relatives(store: Store, sha256: str) -> list[Relative]:
    found = []
    for relative in store.likenesses.relatives(sha256):
        analysis = store.media.analysis(relative)
        _, verdict = reviewed_verdict(store, analysis) if analysis else (None, None)
        found.append(Relative(relative, verdict.band if verdict else None))
    return found


def provenance_words(provenance: Mapping[str, Any]) -> list[str]:
    """What a medium says of its origin, in sentences; nothing where it says nothing."""
    found = []
    if credentials := provenance.get("credentials"):
        state = str(credentials.get("state"))
        found.append(
            f"Content credentials (C2PA): {_CREDENTIALS.get(state, state)}. "
            f"They declare: {credentials.get('origin', 'unstated')}."
        )
        told = {
            "Signed by": "signer",
            "Certificate from": "issuer",
            "Made with": "generator",
            "Signed on": "signed",
        }
        found += [f"{label} {credentials[key]}." for label, key in told.items() if credentials.get(key)]
        if credentials.get("faults"):
            found.append(f"What does not hold: {', '.join(credentials['faults'])}.")
    found += [
        f"Metadata name {mark.get('generator')} as the software that made it ({mark.get('where')})."
        for mark in provenance.get("marks") or ()
    ]
    return found


def stages_of(events: Sequence[EventRow]) -> tuple[Stage, ...]:
    """How long the mention was in each state, from its log."""
    steps = [event for event in events if event.name in STAGES]
    spent = [
        (f"{here.name} → {there.name}", (there.at - here.at).total_seconds())
        for here, there in pairwise(steps)
    ]
    return _shared(spent)


def timing_of(analysis: AnalysisRow) -> tuple[Stage, ...]:
    """How long the engine took in each stage, the longest first, without the total."""
    spent = sorted(analysis.timing.items(), key=lambda item: -item[1])
    return _shared([(name.replace("detector:", ""), seconds) for name, seconds in spent if name != "total"])


def _shared(spent: Sequence[tuple[str, float]]) -> tuple[Stage, ...]:
    longest = max((seconds for _, seconds in spent), default=0.0) or 1.0
    return tuple(Stage(name, seconds, seconds / longest) for name, seconds in spent)
