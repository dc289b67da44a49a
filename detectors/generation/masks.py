"""Random soft masks: where in a picture something is replaced."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from detectors.errors import Unsuitable
from detectors.generation.base import Description, Mask, Pixels

MIN_SIDE = 64
SUPERPIXEL_SIDE = 256  # the picture is scaled down to this before it is divided
_FAINTEST = 1 / 255

Kind = Literal["ellipse", "polygon", "superpixels"]
KINDS: tuple[Kind, ...] = ("ellipse", "polygon", "superpixels")


def random_mask(
    picture: Pixels,
    rng: np.random.Generator,
    area: tuple[float, float],
    *,
    softness: tuple[float, float] = (0.7, 6),
    whole: bool = False,
) -> tuple[Mask, Description]:
    """Draw a region and soften its edge.

    An ellipse, a polygon with rounded lobes, or neighbouring superpixels (Achanta et al., 2012, SLIC), which
    follow the edges of things.

    Args:
        area: least and greatest share of the picture, before softening.
        softness: least and greatest standard deviation of the Gaussian edge, in pixels.
        whole: keep off the picture's edge, so that the region is soft all around.

    Returns:
        The mask, exactly 0 outside and 1 well inside, and what was drawn.

    Raises:
        Unsuitable: a side is shorter than `MIN_SIDE` pixels.
    """
    height, width = require_size(picture)
    share = float(np.exp(rng.uniform(*np.log(area))))
    kind = KINDS[rng.integers(len(KINDS))]
    if kind == "ellipse":
        hard = _ellipse(height, width, share, rng)
    elif kind == "polygon":
        hard = _polygon(height, width, share, rng)
    else:
        hard = _superpixels(picture, share, rng)
    sigma = float(rng.uniform(*softness))
    if whole:
        hard = _off_the_edge(hard, margin=min(int(np.ceil(3 * sigma)), min(height, width) // 8))
    if not hard.any():
        raise Unsuitable("the region that was drawn lies at the picture's edge")
    mask = soften(hard, sigma)
    drawn = {"kind": kind, "area": round(float(mask.mean()), 4), "softness": round(sigma, 3)}
    return mask, drawn


def require_size(picture: Pixels) -> tuple[int, int]:
    """Height and width of a picture that is large enough to be changed in part.

    Raises:
        Unsuitable: a side is shorter than `MIN_SIDE` pixels.
    """
    height, width = picture.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise Unsuitable(f"the picture has only {width} x {height} px; {MIN_SIDE} px a side are needed")
    return height, width


def soften(hard: NDArray[np.bool_], sigma: float) -> Mask:
    """Blur a region's edge; what stays below one grey level is exactly 0, and the peak is 1."""
    soft = ndimage.gaussian_filter(hard.astype(np.float32), sigma, mode="nearest")
    soft /= max(float(soft.max()), _FAINTEST)
    soft[soft < _FAINTEST] = 0
    mask: Mask = soft
    return mask


def _off_the_edge(hard: NDArray[np.bool_], margin: int) -> NDArray[np.bool_]:
    inner = np.zeros_like(hard)
    inner[margin:-margin, margin:-margin] = hard[margin:-margin, margin:-margin]
    return inner


def _ellipse(height: int, width: int, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    stretch = float(np.exp(rng.uniform(-0.6, 0.6)))
    radius = np.sqrt(share * height * width / np.pi)
    turn = rng.uniform(0, np.pi)
    y, x = np.mgrid[:height, :width]
    y, x = y - height * rng.uniform(0.2, 0.8), x - width * rng.uniform(0.2, 0.8)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    inside: NDArray[np.bool_] = (along / stretch) ** 2 + (across * stretch) ** 2 <= radius**2
    return inside


def _polygon(height: int, width: int, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    corners = int(rng.integers(5, 14))
    turns = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radii = np.sqrt(share * height * width / np.pi) * rng.uniform(0.6, 1.4, corners)
    x = width * rng.uniform(0.25, 0.75) + radii * np.cos(turns)
    y = height * rng.uniform(0.25, 0.75) + radii * np.sin(turns)
    canvas = Image.new("1", (width, height))
    ImageDraw.Draw(canvas).polygon(list(zip(x.tolist(), y.tolist(), strict=True)), fill=1)
    return np.array(canvas)


def _superpixels(picture: Pixels, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    from skimage.segmentation import slic

    height, width = picture.shape[:2]
    image = Image.fromarray(picture)
    image.thumbnail((SUPERPIXEL_SIDE, SUPERPIXEL_SIDE), Image.Resampling.BOX)
    labels = slic(np.asarray(image), n_segments=120, compactness=12, start_label=0)
    rows, columns = labels.shape
    centre = labels[int(rows * rng.uniform(0.2, 0.8)), int(columns * rng.uniform(0.2, 0.8))]
    region = labels == centre
    while region.mean() < share:
        around = np.setdiff1d(labels[ndimage.binary_dilation(region)], labels[region])
        if not len(around):
            break
        region |= labels == rng.choice(around)
    whole = Image.fromarray(region).convert("L").resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(whole) > 127
