"""Still pictures: a heat map of scored patches, and the faces with their scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.drawing import (
    INK,
    NOT_THE_VERDICT,
    EvidencePicture,
    Pixels,
    canvas,
    coloured,
    colours,
    draw_scale,
    finished,
    shown,
    span,
    without_axes,
)
from analysis.evidence.local import FaceBox, Patch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABEL = 30  # pixels that the label of a face takes above it
_COVER = 0.68  # how much of the picture the colours hide
_OWN = (
    "Right: the places that the detector looked at, coloured by how strong the signs of generation or "
    "manipulation are that it sees there; what has no colour was not looked at. The outlined place has the "
    "highest score."
)
_SCANNED = (
    "This detector does not say where it sees something. For this picture, overlapping squares were cut out "
    "and each was judged as a picture of its own; the outlined one has the highest score. A square alone may "
    "look different than as a part of the whole."
)
_LIMITS = (
    "One colour all over means that no place stands out. Bright places are where to look first, not proof: "
    "sharp edges, text and smooth skies can look bright in real photographs, too."
)
_THIRDS = ("left", "centre", "right"), ("top", "middle", "bottom")


def heat_map(detector: str, pixels: Pixels, patches: Sequence[Patch], *, scanned: bool) -> EvidencePicture:
    """Draw a picture, uint8 ``(H, W, 3)``, beside itself under the colours of its patches.

    Args:
        scanned: the patches come from `analysis.evidence.scan`, not from the detector itself.
    """
    title = f"Where {detector} sees signs of generation or manipulation"
    note = " ".join((_SCANNED if scanned else _OWN, _LIMITS, NOT_THE_VERDICT))
    small, scale = shown(pixels)
    grey = np.asarray(small @ np.array([0.299, 0.587, 0.114]) * 0.6 + 90)
    heat = patch_means(pixels.shape[:2], small.shape[:2], patches, scale)
    figure, axes, bar = _two_beside(title, note, small)
    axes[0].imshow(small)
    without_axes(axes[0], "The picture")
    axes[1].imshow(grey, cmap="gray", vmin=0, vmax=255)
    axes[1].imshow(heat, cmap=colours(), vmin=0, vmax=1, alpha=np.where(np.isnan(heat), 0.0, _COVER))
    _mark_highest(axes[1], max(patches, key=lambda patch: patch.score), scale)
    without_axes(axes[1], "The same, coloured by strength of signs")
    draw_scale(bar, _COVER)
    words = _heat_words(title, pixels, patches, scanned=scanned)
    return finished(figure, f"heatmap-{detector}", title, words, coloured(heat))


def patch_means(
    size: tuple[int, ...], small: tuple[int, ...], patches: Sequence[Patch], scale: float
) -> NDArray[np.float64]:
    """Mean score of the patches over each pixel of the small copy; not-a-number where there is none."""
    total, count = np.zeros(small), np.zeros(small)
    for patch in patches:
        rows = slice(round(max(patch.top, 0) * scale), round(min(patch.top + patch.height, size[0]) * scale))
        columns = slice(
            round(max(patch.left, 0) * scale), round(min(patch.left + patch.width, size[1]) * scale)
        )
        total[rows, columns] += patch.score
        count[rows, columns] += 1
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, total / count, np.nan)


def face_map(detector: str, pixels: Pixels, faces: Sequence[FaceBox]) -> EvidencePicture:
    """Draw a picture with the faces that were judged, each with its score in words and colour."""
    title = f"The faces that {detector} judged"
    note = (
        "Each box is a face that was cut out and judged alone; the rest of the picture was not looked at. "
        f"The number is how strong the signs of generation or manipulation are. {NOT_THE_VERDICT}"
    )
    small, scale = shown(pixels)
    height = 9.0 * small.shape[0] / small.shape[1]
    figure, bottom, top = canvas(title, note, min(height, 7.0) + 0.9)
    room = 0.85 / figure.get_figheight()
    axes = figure.add_axes((0.03, bottom + room, 0.94, top - bottom - room))
    axes.imshow(small)
    without_axes(axes)
    draw_faces(axes, faces, scale)
    draw_scale(figure.add_axes((0.3, bottom + 0.45 / figure.get_figheight(), 0.4, 0.02)))
    said = "; ".join(_face_words(face, pixels) for face in faces)
    return finished(figure, f"faces-{detector}", title, f"{title}: {said}. {NOT_THE_VERDICT}")


def draw_faces(axes: Axes, faces: Sequence[FaceBox], scale: float) -> None:
    """Draw boxes: white under black, so that they show on every ground, filled label with the score."""
    from matplotlib.patches import Rectangle

    for face in faces:
        x1, y1, x2, y2 = (length * scale for length in face.box)
        for line, width in ((INK, 4.0), ("white", 2.0)):
            axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=line, linewidth=width))
        if face.score is not None:
            box = {"facecolor": colours()(face.score), "edgecolor": INK, "pad": 2.5}
            ink = "white" if face.score < 0.55 else "black"
            side = "bottom" if y1 > _LABEL else "top"  # inside of a box that begins at the upper edge
            axes.text(x1, y1, f"{face.score:.2f}", color=ink, fontsize=10, va=side, bbox=box)


def _mark_highest(axes: Axes, patch: Patch, scale: float) -> None:
    """Outline the patch with the highest score, and say it."""
    from matplotlib.patches import Rectangle

    corner = (patch.left * scale, patch.top * scale)
    size = (patch.width * scale, patch.height * scale)
    for line, width in ((INK, 4.0), ("white", 2.0)):
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=line, linewidth=width))
    axes.text(
        corner[0] + size[0] / 2,
        corner[1] + size[1] / 2,
        f"highest\n{patch.score:.2f}",
        ha="center",
        va="center",
        fontsize=9,
        color="white",
        bbox={"facecolor": INK, "edgecolor": "none", "alpha": 0.75, "pad": 2.5},
    )


def _two_beside(title: str, note: str, small: Pixels) -> tuple[Figure, list[Axes], Axes]:
    """Two panels of a picture's shape beside each other, with a bar for the scale below them."""
    height = min(4.6 * small.shape[0] / small.shape[1], 7.5)
    figure, bottom, top = canvas(title, note, height + 1.25)
    inch = 1 / figure.get_figheight()
    foot = bottom + 0.9 * inch
    axes = [figure.add_axes((left, foot, 0.46, top - foot - 0.3 * inch)) for left in (0.03, 0.51)]
    return figure, axes, figure.add_axes((0.3, bottom + 0.55 * inch, 0.4, 0.16 * inch))


def _heat_words(title: str, pixels: Pixels, patches: Sequence[Patch], *, scanned: bool) -> str:
    scores = [patch.score for patch in patches]
    strongest = max(patches, key=lambda patch: patch.score)
    how = (
        f"{len(patches)} squares, each judged alone,"
        if scanned
        else f"{len(patches)} places that it looked at,"
    )
    where = place(strongest.left + strongest.width / 2, strongest.top + strongest.height / 2, pixels)
    return f"{title}: {how} score {span(scores)}; the highest lies at the {where}. {NOT_THE_VERDICT}"


def _face_words(face: FaceBox, pixels: Pixels) -> str:
    x1, y1, x2, y2 = face.box
    where = place((x1 + x2) / 2, (y1 + y2) / 2, pixels)
    said = "without a score of its own" if face.score is None else f"score {face.score:.2f} of 1"
    return f"a face at the {where}, {said}"


def place(x: float, y: float, pixels: Pixels) -> str:
    """Where a point lies in a picture, in words."""
    height, width = pixels.shape[:2]
    column, row = (
        names[min(max(int(3 * at / length), 0), 2)]
        for names, at, length in zip(_THIRDS, (x, y), (width, height), strict=True)
    )
    return "centre" if (row, column) == ("middle", "centre") else f"{row} {column}"
