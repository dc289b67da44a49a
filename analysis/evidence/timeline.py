"""Clips: a detector's scores over time, with the frames that it finds most suspicious."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.evidence.drawing import (
    INK,
    MARK,
    NOT_THE_VERDICT,
    SOFT,
    EvidencePicture,
    Pixels,
    canvas,
    finished,
    shown,
    span,
    strength_axis,
    without_axes,
)
from analysis.evidence.heatmap import draw_faces
from analysis.evidence.local import FaceBox

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FRAMES_SHOWN = 3
_THUMBNAIL = 480
_NOTE = (
    "Each point is one frame that was taken from the clip and judged alone: the higher, the stronger the "
    "signs of generation or manipulation. The frames below are those with the highest scores, where to look "
    "first; one high point among low ones is more often an accident than a sign. What lies between the "
    "points was not looked at."
)
_CLIPS = (
    "Each bar is a short run of frames in which the detector followed a face, in the order of time: the "
    "higher, the stronger the signs of generation or manipulation."
)


def timeline(
    detector: str,
    points: Mapping[int, float],
    frames: Sequence[Pixels] | Pixels,
    seconds: Sequence[float] | None,
    faces: Sequence[FaceBox] = (),
) -> EvidencePicture:
    """Draw the scores of frames, and the `FRAMES_SHOWN` highest frames with their faces.

    Args:
        points: each judged frame's score by the frame's number.
        frames: all frames that were taken from the clip, uint8 ``(H, W, 3)``.
        seconds: when each frame is shown; None where that is not known: they are numbered then.
        faces: those of all frames.
    """
    title = f"Signs of generation or manipulation over the clip, as {detector} sees them"
    timed = seconds is not None
    at = list(seconds) if seconds is not None else [number + 1.0 for number in range(len(frames))]
    highest = top_frames(points)
    shape = frames[0].shape
    thumbs = min(3.0 * shape[0] / shape[1], 4.0)
    figure, bottom, top = canvas(title, f"{_NOTE} {NOT_THE_VERDICT}", 2.9 + thumbs + 0.5)
    inch = 1 / figure.get_figheight()
    axes = figure.add_axes((0.13, top - 2.35 * inch, 0.83, 2.25 * inch))
    _draw_points(axes, at, points, highest)
    axes.set_xlabel("seconds into the clip" if timed else "frames in the order of time", color=INK)
    for place, number in enumerate(highest):
        panel = figure.add_axes((0.03 + 0.32 * place, bottom + 0.05 * inch, 0.3, thumbs * inch))
        small, scale = shown(frames[number], _THUMBNAIL)
        panel.imshow(small)
        draw_faces(panel, [face for face in faces if face.frame == number], scale)
        without_axes(panel, f"{place + 1}: {_when(at[number], timed=timed)}, {points[number]:.2f}")
    words = "; ".join(f"{points[number]:.2f} at {_when(at[number], timed=timed)}" for number in highest)
    alt = (
        f"{title}: {len(points)} frames score {span(points.values())}; the highest are {words}. "
        f"{NOT_THE_VERDICT}"
    )
    return finished(figure, f"timeline-{detector}", title, alt)


def clip_bars(detector: str, scores: Sequence[float]) -> EvidencePicture:
    """Draw one bar per clip of a face."""
    from matplotlib.ticker import MaxNLocator

    title = f"Signs of generation or manipulation in moving faces, as {detector} sees them"
    figure, bottom, top = canvas(title, f"{_CLIPS} {NOT_THE_VERDICT}", 3.2)
    axes = _wide(figure, bottom, top)
    axes.bar(range(1, len(scores) + 1), scores, color=SOFT, width=0.7)
    strength_axis(axes)
    axes.set_xlim(0.3, max(len(scores), 4) + 0.7)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("clips of faces in the order of time", color=INK)
    alt = f"{title}: {len(scores)} clips of faces score {span(scores)}. {NOT_THE_VERDICT}"
    return finished(figure, f"clips-{detector}", title, alt)


def top_frames(points: Mapping[int, float]) -> list[int]:
    """The numbers of the frames with the highest scores, the highest first, the earlier of two alike."""
    return sorted(points, key=lambda number: (-points[number], number))[:FRAMES_SHOWN]


def _wide(figure: Figure, bottom: float, top: float) -> Axes:
    inch = 1 / figure.get_figheight()
    return figure.add_axes((0.13, bottom + 0.6 * inch, 0.83, top - bottom - 0.7 * inch))


def _draw_points(
    axes: Axes, at: Sequence[float], points: Mapping[int, float], highest: Sequence[int]
) -> None:
    numbers = sorted(points)
    axes.plot(
        [at[n] for n in numbers],
        [points[n] for n in numbers],
        color=SOFT,
        linewidth=1.5,
        marker="o",
        markersize=5,
    )
    axes.plot(
        [at[number] for number in highest],
        [points[number] for number in highest],
        linestyle="none",
        marker="o",
        markersize=15,
        markerfacecolor="white",
        markeredgecolor=MARK,
        markeredgewidth=2,
    )
    for place, number in enumerate(highest, 1):
        axes.text(
            at[number], points[number], str(place), ha="center", va="center_baseline", fontsize=9, color=INK
        )
    strength_axis(axes)
    axes.set_ylim(-0.1, 1.1)


def _when(at: float, *, timed: bool) -> str:
    if not timed:
        return f"frame {at:.0f}"
    return f"{at:.1f} s" if at < 60 else f"{int(at // 60)} min {at % 60:.0f} s"
