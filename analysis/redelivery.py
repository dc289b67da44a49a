"""The re-delivery check: would a recompressed or smaller copy of this medium get another verdict?

Networks and apps recompress what is posted. A verdict that hangs on how the file arrived is not one: it turns
`uncertain`. Only `high` and `low` are checked, for nothing else claims anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Final

from analysis.ensemble.reasons import SINGULAR, ReasonCode, reason
from analysis.errors import EngineFailed
from analysis.members import Judging, Member
from analysis.model import Band, Kind, Score, Verdict
from detectors.base import ServiceDetector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analysis.decoding.decoder import Decoded
    from analysis.views import Producer
    from detectors.base import View

VERSION: Final = 1
"""Raised whenever the copies, or what follows from them, change."""

JPEG_QUALITY = 75
SCALE = 0.75
FRAMES = 5  # of a clip, in each copy
OPUS_BITS = 24_000  # per second: what messengers send speech with
SOUND_SECONDS = 60
_SAMPLE_RATE = 16_000
_CLAIMS = {Band.HIGH, Band.LOW}
# Reasons that vouch for the band that does not stand.
_VOUCHES = {ReasonCode.MEASURED_FALSE_ALARMS, ReasonCode.MEASURED_MISSES}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Copy:
    """A medium as it could arrive elsewhere; ``how`` in words. What was not changed is None in it."""

    how: str
    medium: Decoded


def needed(verdict: Verdict) -> bool:
    """Whether the verdict claims anything that a copy could refute."""
    return verdict.band in _CLAIMS


def checked(
    verdict: Verdict,
    medium: Decoded,
    scores: Sequence[Score],
    members: Sequence[Member],
    producers: Mapping[View, Producer],
    judge: Callable[[Sequence[Score]], Verdict],
) -> Verdict:
    """Return the verdict, or `uncertain` where that of a copy is another; the first such copy ends the check.

    The networks that judged the medium judge its copies. Services are not asked again, and detectors that
    watch how things move do not look again: their scores stand.
    """
    for copy in copies(medium):
        found = _scores_of(copy, scores, members, producers)
        other = judge(found)
        if other.band is not verdict.band:
            return _undecided(medium.probe.kind, verdict, other, copy.how)
    return verdict


def copies(medium: Decoded) -> Iterator[Copy]:
    """The copies of a medium, one at a time: they are large."""
    frames = None if medium.frames is None else _few(medium.frames)
    sound = None
    if medium.waveform is not None:
        sound = as_voice_note(medium.waveform[: SOUND_SECONDS * _SAMPLE_RATE])
    if frames is not None or sound is not None:
        pictures = None if frames is None else recompressed(frames)
        yield Copy("recompressed", replace(medium, frames=pictures, waveform=sound, row=None))
    if frames is not None:
        yield Copy("smaller", replace(medium, frames=smaller(frames), waveform=None, row=None))


def recompressed(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames, uint8 ``(N, H, W, 3)``, after JPEG with halved chroma."""
    import numpy as np

    from detectors.generation.laundering.pictures import Jpeg

    step = Jpeg(JPEG_QUALITY)
    return np.stack([step(frame) for frame in frames])


def smaller(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames at three quarters of their size, bicubic."""
    import numpy as np

    from detectors.generation.laundering.pictures import Rescale

    step = Rescale(SCALE)
    return np.stack([step(frame) for frame in frames])


def as_voice_note(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """A sound, float32 ``(samples,)`` mono 16 kHz, after Opus; as long as before."""
    from detectors.generation.laundering.sound import Opus

    return Opus(OPUS_BITS)(waveform)


def _few(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At most `FRAMES` frames, evenly spaced from the first to the last."""
    import numpy as np

    if len(frames) <= FRAMES:
        return frames
    chosen = np.linspace(0, len(frames) - 1, FRAMES).round().astype(int)
    return np.take(frames, chosen, axis=0)


def _scores_of(
    copy: Copy,
    scores: Sequence[Score],
    members: Sequence[Member],
    producers: Mapping[View, Producer],
) -> tuple[Score, ...]:
    """The scores with those that the copy changes; a detector that cannot judge the copy keeps its own."""
    judged = {score.detector for score in scores if score.applicable}
    again = [member for member in members if member.name in judged and _looks(member, copy, producers)]
    if not again:
        return tuple(scores)
    judging = Judging(again, copy.medium, producers)
    judging.alone()
    try:
        found = {score.detector: score for score in judging.scores() if score.applicable}
    except EngineFailed as error:
        log.warning("the re-delivery check was left out: %s", error)
        return tuple(scores)
    return tuple(found.get(score.detector, score) for score in scores)


def _looks(member: Member, copy: Copy, producers: Mapping[View, Producer]) -> bool:
    """Whether a detector takes what the copy changes, and is a network that may look twice."""
    if member.detector is None or isinstance(member.detector, ServiceDetector):
        return False
    track = producers[member.detector.view]
    seen = track.frames and copy.medium.frames is not None
    return not track.row and (seen or (track.sound and copy.medium.waveform is not None))


def _undecided(kind: Kind, verdict: Verdict, other: Verdict, how: str) -> Verdict:
    """`uncertain`, with the less sure of both probabilities."""
    text = (
        f"a {how} copy of this {SINGULAR[kind]} would get another "
        f"verdict ({other.band} instead of {verdict.band}), so neither counts"
    )
    kept = tuple(item for item in verdict.reasons if item.code not in _VOUCHES)
    least = min((verdict.probability, other.probability), key=lambda p: inf if p is None else abs(p - 0.5))
    told = reason(ReasonCode.REDELIVERY_FLIPS, text)
    return replace(verdict, band=Band.UNCERTAIN, probability=least, reasons=(told, *kept))
