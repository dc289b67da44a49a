"""What all evidence pictures share: the canvas, the scale and its colours, and how they become PNG files.

The same input gives the same bytes with the same version of matplotlib: no clock, no display, its own font.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

Pixels = NDArray[np.uint8]

LITTLE, STRONG = "little sign", "strong sign"
NOT_THE_VERDICT: Final = (
    "The scale is this detector's own. It is neither a probability nor the verdict, which weighs all "
    "detectors by how often each of them errs."
)
INK, SOFT, PAPER = "#1a1a1a", "#595959", "#ffffff"
MARK: Final = "#d55e00"  # Okabe and Ito's vermilion: told from blue and yellow by every kind of colour sight
_WIDTH = 10.0  # inches, at 100 dots each
_DPI = 100
_CHARACTERS = 138  # that fit on a line of the note
_LONGEST_SIDE = 1000  # of a picture that is drawn, in pixels


@dataclass(frozen=True, slots=True)
class EvidencePicture:
    """One picture: a ``name`` fit for a file, a ``title``, the PNG file, and what it shows in words.

    ``overlay`` is a PNG file to be laid over the whole medium, clear where nothing was looked at.
    """

    name: str
    title: str
    png: bytes
    alt: str
    overlay: bytes | None = None


def colours() -> Colormap:
    """From dark violet (little sign) to yellow (strong sign): viridis, whose lightness rises evenly.

    It can be read in grey and by the colour-blind (van der Walt and Smith, SciPy 2015).
    """
    from matplotlib import colormaps

    return colormaps["viridis"]


def canvas(title: str, note: str, height: float) -> tuple[Figure, float, float]:
    """A figure of that height in inches with a title above and a note below.

    Returns the figure, and from where to where (shares of its height) the drawing may reach.
    """
    from matplotlib.figure import Figure

    lines = textwrap.wrap(note, _CHARACTERS)
    heading = textwrap.wrap(title, 80)
    foot, head = 0.2 * len(lines) + 0.25, 0.28 * len(heading) + 0.2
    total = height + foot + head
    figure = Figure(figsize=(_WIDTH, total), dpi=_DPI, facecolor=PAPER)
    family = "DejaVu Sans"
    figure.text(
        *(0.03, 1 - 0.12 / total),
        "\n".join(heading),
        va="top",
        color=INK,
        fontsize=14,
        fontweight="bold",
        family=family,
    )
    figure.text(*(0.03, 0.12 / total), "\n".join(lines), va="bottom", color=SOFT, fontsize=9.5, family=family)
    return figure, foot / total, 1 - head / total


def draw_scale(axes: Axes, alpha: float = 1.0) -> None:
    """Fill the axes with the colours of the scale, as they look over a middle grey, and name its ends."""
    axes.set_facecolor("#999999")
    axes.imshow(np.linspace(0, 1, 256)[None], aspect="auto", cmap=colours(), vmin=0, vmax=1, alpha=alpha)
    axes.set_yticks([])
    axes.set_xticks([0, 127.5, 255], [f"0\n{LITTLE}", "0.5", f"1\n{STRONG}"], color=INK, fontsize=9.5)
    axes.tick_params(length=3)


def strength_axis(axes: Axes) -> None:
    """Make the upright axis the scale, its ends named."""
    axes.set_ylim(-0.04, 1.04)
    axes.set_yticks([0, 0.5, 1], [f"{LITTLE}  0", "0.5", f"{STRONG}  1"], color=INK, fontsize=9.5)
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def shown(pixels: Pixels, longest: int = _LONGEST_SIDE) -> tuple[Pixels, float]:
    """A picture small enough to be drawn, and its scale."""
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = min(1.0, longest / max(height, width))
    if scale == 1.0:
        return pixels, scale
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)), scale


def without_axes(axes: Axes, caption: str = "") -> None:
    """A plain picture, with a line above."""
    axes.set_axis_off()
    axes.set_title(caption, fontsize=10, color=INK, loc="left")


def span(scores: Collection[float]) -> str:
    """From which score to which, in words."""
    scale = f"on a scale from 0 ({LITTLE}) to 1 ({STRONG})"
    return f"from {min(scores):.2f} to {max(scores):.2f} {scale}"


def finished(
    figure: Figure, name: str, title: str, alt: str, overlay: bytes | None = None
) -> EvidencePicture:
    """Render the figure; the words for those who cannot see it are in the file, too."""
    buffer = BytesIO()
    about = {"Software": None, "Title": title, "Description": alt}
    figure.savefig(buffer, format="png", dpi=_DPI, metadata=about)
    return EvidencePicture(name, title, buffer.getvalue(), alt, overlay)


def coloured(scores: NDArray[np.float64]) -> bytes:
    """A PNG file of scores ``(H, W)`` in the scale's colours; clear where there is none."""
    from PIL import Image

    pixels = (colours()(np.nan_to_num(scores)) * 255).astype(np.uint8)
    pixels[..., 3] = np.where(np.isnan(scores), 0, 255)
    buffer = BytesIO()
    Image.fromarray(pixels, "RGBA").save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
