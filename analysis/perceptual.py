"""Near copies: how a medium that was encoded or scaled again is told from another, and from an edited one.

A copy differs from its original a little everywhere; an edit, a face swapped in a group, differs much
somewhere. So a perceptual hash only finds candidates, and a small picture of each decides place by place.
Each frame becomes a grid of 64 x 64 mean brightnesses and one of 32 x 32 mean colours. The difference of two
grids is divided by the picture's own contrast around each cell, for that is where recompression and scaling
change most. Two frames are the same if that difference is nowhere large, nowhere far above its mean over the
frame, and the colour is nowhere another. The limits were chosen on 151 pictures and measured on others by
`benchmarks.copies`; docs/copies.md has the figures.

What this cannot see: changes that keep every cell's mean, such as in a face of few cells or a picture made
again by a neural codec; and in a clip, what happens between the frames that are compared.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.model import Kind, Likeness, Probe

GRID = 64
COLOUR_GRID = 32
PIECE_BITS = 16  # a piece is one row of the hash: 16 of 256 bits, with the row's number above them

SMALLEST_SIDE = 64
MOST_FRAMES = 64
PLAIN = 8.0  # standard deviation of brightness, of 255: below it there is little to recognise
SAME_DURATION = 0.25  # seconds

# Of the difference over contrast: its greatest root mean square in 5 x 5 cells, and how many times the mean
# of all the greatest one in 3 x 3 and in 5 x 5 cells may be. Then the greatest mean difference of a colour.
LARGEST = 0.9
PEAK_3, PEAK_5 = 4.8, 3.8
COLOUR = 8.0
_NOISE = 16.0  # square of the contrast, in steps of brightness, that a plain place is taken to have
_FLOOR = 0.003

# A copy may hold at most this much more detail than what was judged: see `Sketch`.
DETAIL = 1.2
_DETAIL_SIDE = 512
_DETAIL_QUALITY = 80

Frame = NDArray[np.uint8]
Grid = NDArray[np.float32]

_HEADER = struct.Struct("<BHff")
_KINDS = (Kind.IMAGE, Kind.VIDEO)


@dataclass(frozen=True, slots=True)
class Sketch:
    """What copies are confirmed by.

    ``brightness`` is uint8 ``(N, 64, 64)``, ``colour`` uint8 ``(N, 32, 32, 2)`` (Cb, Cr), ``duration`` in
    seconds, 0 for a picture. ``detail`` is how many bytes the first frame takes as a JPEG of one quality,
    which blur and strong compression make small. A verdict on a copy without detail must not answer for one
    that shows more: else whoever wants a fake trusted would have a spoilt copy of it judged first.
    """

    kind: Kind
    duration: float
    detail: float
    brightness: Frame
    colour: Frame

    def pack(self) -> bytes:
        """The sketch as stored, about 5 kB a frame."""
        header = _HEADER.pack(_KINDS.index(self.kind), len(self.brightness), self.duration, self.detail)
        return header + zlib.compress(self.brightness.tobytes() + self.colour.tobytes())

    @classmethod
    def unpack(cls, stored: bytes) -> Sketch:
        """The sketch that `pack` gave."""
        kind, count, duration, detail = _HEADER.unpack_from(stored)
        grids = np.frombuffer(zlib.decompress(stored[_HEADER.size :]), np.uint8)
        brightness = grids[: count * GRID * GRID].reshape(count, GRID, GRID)
        colour = grids[brightness.size :].reshape(count, COLOUR_GRID, COLOUR_GRID, 2)
        return cls(_KINDS[kind], duration, detail, brightness, colour)


def likeness_of(frames: Sequence[Frame], probe: Probe) -> Likeness | None:
    """What near copies of a medium are recognised by.

    Args:
        frames: the picture, or the frames of a clip that the detectors get; each uint8 ``(H, W, 3)``.
        probe: of the medium.

    Returns:
        None where too little can be recognised: it is sound, tiny or plain, or has too many frames.
    """
    if (
        not 0 < len(frames) <= MOST_FRAMES
        or probe.kind not in _KINDS
        or min(frames[0].shape[:2]) < SMALLEST_SIDE
    ):
        return None
    grids = [_grids(frame) for frame in frames]
    brightness = np.stack([grid for grid, _ in grids])
    # A clip is looked up by its frames at a quarter, half and three quarters; a picture by its only one.
    chosen = sorted({len(frames) * quarter // 4 for quarter in (1, 2, 3)})
    told = [brightness[index] for index in chosen if brightness[index].std() >= PLAIN]
    if not told:
        return None
    sketch = Sketch(
        probe.kind,
        (probe.duration or 0.0) if probe.kind is Kind.VIDEO else 0.0,
        _detail(frames[0]),
        brightness,
        np.stack([colour for _, colour in grids]),
    )
    return Likeness(tuple(piece for grid in told for piece in pieces(grid)), sketch.pack())


def pieces(brightness: Frame) -> tuple[int, ...]:
    """The perceptual hash of a grid (pHash: 16 x 16 low frequencies against their median), in 16 pieces."""
    import imagehash
    from PIL import Image

    bits = imagehash.phash(Image.fromarray(brightness), hash_size=16, highfreq_factor=GRID // 16).hash
    rows = np.packbits(bits, axis=1).astype(int)
    return tuple(place << PIECE_BITS | int(row[0]) << 8 | int(row[1]) for place, row in enumerate(rows))


def is_copy(earlier: Sketch, new: Sketch) -> bool:
    """Whether a medium shows what another one does, everywhere, and no more of it."""
    alike = (
        earlier.kind is new.kind
        and len(earlier.brightness) == len(new.brightness)
        and abs(earlier.duration - new.duration) <= SAME_DURATION
        and new.detail <= DETAIL * earlier.detail
    )
    return alike and all(
        same_frame(*frames)
        for frames in zip(earlier.brightness, new.brightness, earlier.colour, new.colour, strict=True)
    )


def same_frame(earlier: Frame, new: Frame, earlier_colour: Frame, new_colour: Frame) -> bool:
    """Whether two frames show the same in every place; see the module."""
    from scipy.ndimage import uniform_filter

    before = earlier.astype(np.float32)
    difference = np.square(new.astype(np.float32) - before)
    contrast = np.maximum(uniform_filter(before**2, 3) - uniform_filter(before, 3) ** 2, 0)
    for side, peak in ((5, PEAK_5), (3, PEAK_3)):
        local: Grid = uniform_filter(difference, side) / (_NOISE + uniform_filter(contrast, side))
        if side == 5 and local.max() > LARGEST**2:
            return False
        if local.max() > peak**2 * (local.mean() + _FLOOR):
            return False
    colour = new_colour.astype(np.float32) - earlier_colour.astype(np.float32)
    return bool(np.abs(uniform_filter(colour, (3, 3, 1))).max() <= COLOUR)


def _grids(frame: Frame) -> tuple[Frame, Frame]:
    from PIL import Image

    small = Image.fromarray(frame).resize((GRID, GRID), Image.Resampling.BOX).convert("YCbCr")
    colour = small.reduce(GRID // COLOUR_GRID)
    return np.asarray(small)[..., 0], np.asarray(colour)[..., 1:]


def _detail(frame: Frame) -> float:
    """The bytes of a frame as a JPEG, reckoned from its middle."""
    from PIL import Image

    height, width = frame.shape[:2]
    top, left = max(0, (height - _DETAIL_SIDE) // 2), max(0, (width - _DETAIL_SIDE) // 2)
    middle = frame[top : top + _DETAIL_SIDE, left : left + _DETAIL_SIDE]
    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(middle)).convert("L").save(written, "JPEG", quality=_DETAIL_QUALITY)
    return written.tell() * float(height * width) / float(middle.shape[0] * middle.shape[1])
