"""From an analysis to its evidence pictures: the medium is decoded once more, and each detector's part
drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from analysis.decoding.decoder import Decoded, Decoder
from analysis.errors import EngineFailed
from analysis.evidence.drawing import EvidencePicture
from analysis.evidence.heatmap import face_map, heat_map
from analysis.evidence.local import FaceBox, Patch, Window, clip_scores, faces, frame_scores, patches, windows
from analysis.evidence.scan import scan_picture, scan_sound
from analysis.evidence.spectrogram import SAMPLE_RATE, spectrogram
from analysis.evidence.timeline import clip_bars, timeline
from analysis.limits import Limits
from analysis.members import Member
from analysis.model import Kind, Score
from detectors.base import ServiceDetector, View

if TYPE_CHECKING:
    from detectors.base import Detector

T = TypeVar("T")


class Engine(Protocol):
    """What the pictures ask of an engine, such as `analysis.engine.EmbeddedAnalyzer`."""

    @property
    def limits(self) -> Limits:
        """How media are decoded."""

    def call(self, work: Callable[[Sequence[Member]], T]) -> T:
        """Return what ``work`` makes of the loaded detectors."""


def explain(
    path: Path, sha256: str, scores: Sequence[Score], engine: Engine, *, scan: bool = True
) -> list[EvidencePicture]:
    """Draw what each detector that judged a medium saw in it, in the order of the scores.

    Args:
        sha256: the digest of the file that the scores are of.
        engine: the one that gave the scores: the same frames are taken again.
        scan: detectors that give no local evidence judge parts of a picture or sound now; this takes up to
            some fifty times as long as the analysis, and other media wait. Without, they have no picture.

    Raises:
        MediumRefused, EngineFailed: the file cannot be decoded, or is another one than was analysed.
    """
    from matplotlib import style

    with closing(Decoder(engine.limits)) as decoder:
        medium = decoder.decode(path, provenance=False)
    if medium.sha256 != sha256:
        raise EngineFailed("the file is not the one that was analysed; analyse it again")
    judged = [score for score in scores if score.applicable and score.score is not None]
    with style.context("default"):  # not what somebody has set for pictures of their own
        return [
            picture
            for score in judged
            for picture in _pictures(score, judged, medium, engine if scan else None)
        ]


def _pictures(
    score: Score, judged: Sequence[Score], medium: Decoded, engine: Engine | None
) -> Iterator[EvidencePicture]:
    match medium.probe.kind:
        case Kind.IMAGE:
            yield from _of_picture(score, medium, engine)
        case Kind.VIDEO:
            yield from _of_clip(score, judged, medium)
            yield from _of_sound(score, medium, engine)
        case Kind.AUDIO:
            yield from _of_sound(score, medium, engine)


def _of_picture(score: Score, medium: Decoded, engine: Engine | None) -> Iterator[EvidencePicture]:
    assert medium.frames is not None, "every image that is decoded has one frame"
    pixels = medium.frames[0]
    if own := patches(score):
        yield heat_map(score.detector, pixels, own, scanned=False)
    elif found := faces(score):
        yield face_map(score.detector, pixels, found)
    elif engine and (scanned := engine.call(lambda members: _crops(members, score.detector, medium))):
        yield heat_map(score.detector, pixels, scanned, scanned=True)


def _of_clip(score: Score, judged: Sequence[Score], medium: Decoded) -> Iterator[EvidencePicture]:
    if medium.frames is not None:
        count, own_faces = len(medium.frames), _within(faces(score), len(medium.frames))
        points = dict(enumerate(frame_scores(score, count))) or _highest(own_faces)
        boxes = own_faces or next((found for other in judged if (found := _boxes(other, count))), [])
        if len(points) > 1:
            yield timeline(score.detector, points, medium.frames, _seconds(medium), boxes)
    if clips := clip_scores(score):
        yield clip_bars(score.detector, clips)


def _within(boxes: Sequence[FaceBox], frames: int) -> list[FaceBox]:
    return [face for face in boxes if 0 <= face.frame < frames]


def _boxes(score: Score, frames: int) -> list[FaceBox]:
    """The faces of another detector: where they are, without what it said of them."""
    return [replace(face, score=None) for face in _within(faces(score), frames)]


def _highest(boxes: Sequence[FaceBox]) -> dict[int, float]:
    """The highest score of any face by frame."""
    points: dict[int, float] = {}
    for face in boxes:
        if face.score is not None:
            points[face.frame] = max(face.score, points.get(face.frame, 0.0))
    return points


def _seconds(medium: Decoded) -> list[float] | None:
    """When each decoded frame is shown; None where it is not known, as in a clip that was cut short."""
    known = medium.probe.frame_seconds
    return list(known) if medium.frames is not None and len(known) == len(medium.frames) else None


def _of_sound(score: Score, medium: Decoded, engine: Engine | None) -> Iterator[EvidencePicture]:
    if medium.waveform is None:
        return
    if own := windows(score, len(medium.waveform) / SAMPLE_RATE):
        yield spectrogram(score.detector, medium.waveform, own)
    elif engine is not None:
        found = engine.call(lambda members: _stretches(members, score.detector, medium))
        if found is not None:
            yield spectrogram(score.detector, medium.waveform, found, scanned=bool(found))


def _crops(members: Sequence[Member], name: str, medium: Decoded) -> list[Patch]:
    import torch

    detector = _detector(members, name, View.FRAMES)
    if detector is None or medium.frames is None:
        return []
    return scan_picture(detector, torch.from_numpy(medium.frames)[0])


def _stretches(members: Sequence[Member], name: str, medium: Decoded) -> list[Window] | None:
    """Scored stretches of sound; None where it is no detector of sound."""
    import torch

    detector = _detector(members, name, View.WAVEFORM)
    if detector is None or medium.waveform is None:
        return None
    return scan_sound(detector, torch.from_numpy(medium.waveform))


def _detector(members: Sequence[Member], name: str, view: View) -> Detector | None:
    """The network of that name, if it is there and takes that view; services are never asked again."""
    found = next((member.detector for member in members if member.name == name), None)
    return None if found is None or found.view is not view or isinstance(found, ServiceDetector) else found
