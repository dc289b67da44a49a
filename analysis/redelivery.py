"""The re-delivery check: would a recompressed or smaller copy of this medium get another verdict?

Networks and apps recompress what is posted. A verdict that hangs on how the file arrived is not one: it turns
`uncertain`. Only `high` and `low` are checked, for nothing else claims anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from math import inf
from typing import TYPE_CHECKING, Any, Final

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
        sound = through_opus(medium.waveform[: SOUND_SECONDS * _SAMPLE_RATE])
    if frames is not None or sound is not None:
        pictures = None if frames is None else through_jpeg(frames)
        yield Copy("recompressed", replace(medium, frames=pictures, waveform=sound, row=None))
    if frames is not None:
        yield Copy("smaller", replace(medium, frames=rescaled(frames), waveform=None, row=None))


def through_jpeg(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames, uint8 ``(N, H, W, 3)``, after JPEG of quality 75 with halved chroma."""
    import numpy as np
    from PIL import Image

    found = np.empty_like(frames)
    for number, frame in enumerate(frames):
        buffer = BytesIO()
        Image.fromarray(frame).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling="4:2:0")
        found[number] = np.asarray(Image.open(buffer))
    return found


def rescaled(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames at three quarters of their size, bicubic."""
    import numpy as np
    from PIL import Image

    height, width = (max(1, round(length * SCALE)) for length in frames.shape[1:3])
    return np.stack(
        [
            np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC))
            for frame in frames
        ]
    )


def through_opus(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """A sound, float32 ``(samples,)`` mono 16 kHz, after Opus at 24 kbit/s; as long as before."""
    import av
    import numpy as np
    from av.audio.resampler import AudioResampler

    buffer = BytesIO()
    with av.open(buffer, "w", format="ogg") as container:
        stream: Any = container.add_stream("libopus", rate=_SAMPLE_RATE, layout="mono")
        stream.bit_rate = OPUS_BITS
        frame = av.AudioFrame.from_ndarray(waveform[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = _SAMPLE_RATE, 0
        size = stream.codec_context.frame_size or 960
        resampler = AudioResampler(stream.format, stream.layout, stream.rate, frame_size=size)
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            container.mux(stream.encode(part))
    buffer.seek(0)
    back = AudioResampler("fltp", "mono", _SAMPLE_RATE)
    with av.open(buffer, "r") as container:
        parts = [part for frame in container.decode(audio=0) for part in back.resample(frame)]
        parts += back.resample(None)
    if not parts:  # shorter than what the codec puts into its first packet
        return waveform
    samples = np.concatenate([part.to_ndarray()[0] for part in parts])
    found = np.zeros_like(waveform)
    found[: len(samples)] = np.clip(samples[: len(found)], -1.0, 1.0)
    return found


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
    judging.networks(log.debug)
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
