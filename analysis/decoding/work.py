"""The requests of the decoding child: decode a medium, or read its content credentials."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from analysis.decoding.pictures import decode_animation, decode_still
from analysis.decoding.sound import SAMPLE_RATE, decode_sound
from analysis.decoding.store import FrameStore, SoundStore
from analysis.decoding.video import decode_video, is_turned
from analysis.errors import MediumRefused, Refusal
from analysis.limits import Limits
from analysis.model import Kind, Probe
from analysis.probe import OpenMedium, open_medium
from analysis.provenance.marks import picture_marks, xmp_marks
from analysis.sniff import HEAD_BYTES, sniff


@dataclass(frozen=True, slots=True)
class Descriptors:
    """The open medium, and the three empty memory files for the results."""

    medium: int
    frames: int
    sound: int
    row: int


@dataclass(frozen=True, slots=True)
class Request:
    """Which tracks to decode, from where to where; ``row`` stands for frames without a gap."""

    frames: bool
    sound: bool
    row: bool
    descriptors: Descriptors


def perform(request: Request, limits: Limits) -> dict[str, Any]:
    """Probe and decode; return the reply in JSON-serialisable values (`analysis.decoding.decoder.Reply`).

    Raises:
        MediumRefused: see `analysis.probe.open_medium` and the decoders.
    """
    frames, row = FrameStore(request.descriptors.frames), FrameStore(request.descriptors.row)
    sound = SoundStore(request.descriptors.sound, int(limits.max_audio_seconds * SAMPLE_RATE))
    start = time.perf_counter()
    with open_medium(request.descriptors.medium, limits) as medium:
        probed = time.perf_counter()
        notes = list(medium.probe.notes)
        probe = medium.probe
        if request.frames and probe.kind is not Kind.AUDIO:
            notes += _decode_frames(medium, limits, frames)
        if request.row and probe.kind is Kind.VIDEO:
            row_notes = _decode_row(medium, limits, row)
            notes += () if request.frames else row_notes  # they would say the same of the same file
        probe = _as_displayed(medium, limits, frames if frames.count else row)
        if request.sound and probe.has_audio:
            notes += _decode_sound(medium, limits, sound)
        # After the pixels, behind which a PNG may keep its text.
        marks = medium.marks if medium.image is None else picture_marks(medium.image)
        marks = marks or xmp_marks(medium.file)
    return {
        "probe": asdict(replace(probe, notes=tuple(notes), frame_seconds=frames.seconds)),
        "marks": [asdict(mark) for mark in marks],
        "frames": _shape(frames),
        "row": _shape(row),
        "samples": sound.count or None,
        "timing": {"probe": probed - start, "decode": time.perf_counter() - probed},
    }


def credentials(descriptor: int, trust_anchors: str | None) -> dict[str, Any]:
    """Read the content credentials of an open file that was decoded before; a `CredentialsReply`."""
    from analysis.provenance.credentials import read_credentials

    mime = sniff(os.pread(descriptor, HEAD_BYTES, 0)).mime
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        found = read_credentials(file, mime, trust_anchors)
    return {"credentials": None if found is None else asdict(found)}


def _shape(store: FrameStore) -> list[int] | None:
    return [store.count, *store.shape, 3] if store.shape is not None else None


def _as_displayed(medium: OpenMedium, limits: Limits, frames: FrameStore) -> Probe:
    """The probe with the size that the stream's rotation makes of the headers' size."""
    probe = medium.probe
    if medium.image is not None or probe.kind is not Kind.VIDEO:
        return probe
    if frames.shape is not None:
        return replace(probe, height=frames.shape[0], width=frames.shape[1])
    if is_turned(medium.path, medium.file_type, limits):
        return replace(probe, height=probe.width, width=probe.height)
    return probe


def _decode_frames(medium: OpenMedium, limits: Limits, store: FrameStore) -> tuple[str, ...]:
    if medium.image is None:
        return decode_video(medium.path, medium.file_type, medium.probe, limits, store)
    if medium.probe.kind is Kind.VIDEO:
        return decode_animation(medium.image, medium.probe.frames or 1, limits, store)
    return decode_still(medium.image, medium.file, medium.file_type, limits, store)


def _decode_row(medium: OpenMedium, limits: Limits, store: FrameStore) -> tuple[str, ...]:
    if medium.image is None:
        return decode_video(medium.path, medium.file_type, medium.probe, limits, store, in_a_row=True)
    return decode_animation(medium.image, medium.probe.frames or 1, limits, store, in_a_row=True)


def _decode_sound(medium: OpenMedium, limits: Limits, store: SoundStore) -> tuple[str, ...]:
    try:
        return decode_sound(medium.path, medium.file_type, limits, store)
    except MediumRefused as refusal:
        if medium.probe.kind is Kind.AUDIO or refusal.reason is not Refusal.CORRUPT:
            raise
        return ("its sound could not be read",)
