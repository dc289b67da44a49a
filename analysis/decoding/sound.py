"""A sound file or a clip's sound track as mono float32 at 16 kHz, through PyAV.

Runs in the decoding child only.
"""

from __future__ import annotations

from collections.abc import Iterator

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from analysis.decoding.container import UNREADABLE, audio_stream, open_container, readable_frames
from analysis.decoding.store import SoundStore
from analysis.errors import MediumRefused, Refusal
from analysis.limits import Limits
from analysis.sniff import FileType

SAMPLE_RATE = 16_000


def decode_sound(path: str, file_type: FileType, limits: Limits, store: SoundStore) -> tuple[str, ...]:
    """Decode the first sound stream into the store; return notes.

    Channels are averaged after resampling, so that full scale stays full scale.

    Raises:
        MediumRefused: CORRUPT (not one sample).
    """
    with open_container(path, file_type, limits) as container:
        stream = audio_stream(container)
        assert stream is not None, "the probe found it"
        for frame in _resampled(readable_frames(container, stream, AudioFrame)):
            store.append(frame.to_ndarray().mean(axis=0, dtype="float32"))
            if store.full:
                break
    if not store.count:
        raise MediumRefused(Refusal.CORRUPT, "no sound can be decoded")
    return (
        (f"only the first {limits.max_audio_seconds:.0f} s of sound are listened to",) if store.full else ()
    )


def _resampled(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    """Planar float frames at `SAMPLE_RATE`; a stream that changes its rate or layout gets a new resampler."""
    resampler: AudioResampler | None = None
    source: tuple[str, str, int] | None = None
    for frame in frames:
        this = frame.format.name, frame.layout.name, frame.sample_rate
        if resampler is None or this != source:
            yield from _flush(resampler)
            resampler, source = AudioResampler(format="fltp", rate=SAMPLE_RATE), this
        frame.pts = None  # gaps and leaps in time are no silence
        try:
            yield from resampler.resample(frame)
        except MemoryError:
            raise
        except UNREADABLE:
            resampler = None
    yield from _flush(resampler)


def _flush(resampler: AudioResampler | None) -> Iterator[AudioFrame]:
    if resampler is not None:
        try:
            yield from resampler.resample(None)
        except av.FFmpegError:
            return
