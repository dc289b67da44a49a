"""The card as a picture: the band's colour and shape, the verdict in words, the medium beside it, small."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import TYPE_CHECKING, Final

from analysis.model import Band
from bot.card.fonts import Face, face_for
from bot.card.layout import wrap

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

SIZE: Final = (1200, 630)
"""Width and height in pixels: what networks show whole."""

# The console's colours: the band's own, and the ground that its words stand on.
COLOURS: Final = {
    Band.TRUSTED: ("#0b5cad", "#e2eefb"),
    Band.LOW: ("#00664a", "#dcf3eb"),
    Band.UNCERTAIN: ("#7a4b00", "#fdf0d5"),
    Band.HIGH: ("#a1260d", "#fbe3dd"),
    Band.UNKNOWN: ("#4d5866", "#e9ecf0"),
}
_INK, _FAINT, _WHITE = "#16202c", "#4a5666", "#ffffff"
_SIDE = 360
_MARGIN = 56
_THUMBNAIL = 264
_BLUR = 22
_SCALE = 4  # shapes are drawn larger and scaled down, for smooth edges
_LEFT_TO_RIGHT, _RIGHT_TO_LEFT = "ltr", "rtl"


class Thumbnail(StrEnum):
    """How the medium is shown beside a verdict."""

    BLURRED = "blurred"
    CLEAR = "clear"
    NONE = "none"

    def of(self, *, sensitive: bool) -> Thumbnail:
        """How a medium is shown that may be marked as sensitive: such a one never clearly."""
        return Thumbnail.BLURRED if sensitive and self is Thumbnail.CLEAR else self


@dataclass(frozen=True, slots=True)
class Card:
    """What stands on a card. ``body`` may be empty; ``label`` stands above the headline."""

    band: Band
    headline: str
    body: str
    limits: str
    checked: str
    label: str = ""
    right_to_left: bool = False


def can_write(card: Card) -> bool:
    """Whether the fonts on this machine have every sign of it."""
    texts = (card.label, card.headline, card.body, card.limits, card.checked)
    return all(face_for(text) is not None for text in texts)


def draw(card: Card, thumbnail: bytes | None = None, shown: Thumbnail = Thumbnail.BLURRED) -> bytes:
    """The card as a PNG; the same card and thumbnail always give the same bytes.

    Args:
        card: `can_write` it.
        thumbnail: a small picture of the medium that this bot has made itself (`bot.thumbnails`).
        shown: how that is shown.
    """
    from PIL import Image, ImageDraw

    colour, ground = COLOURS[card.band]
    picture = Image.new("RGB", SIZE, ground)
    pen = ImageDraw.Draw(picture)
    side = SIZE[0] - _SIDE if card.right_to_left else 0
    pen.rectangle((side, 0, side + _SIDE - 1, SIZE[1]), fill=colour)
    centre = side + _SIDE // 2
    if thumbnail is None or shown is Thumbnail.NONE:
        _stamp(picture, card.band, (centre, SIZE[1] // 2), 190)
    else:
        medium = _prepared(thumbnail, blur=shown is Thumbnail.BLURRED)
        picture.paste(medium, (centre - _THUMBNAIL // 2, 72), _rounded(medium.size))
        _stamp(picture, card.band, (centre, 470), 130)
    _Column(pen, card, colour).write()
    content = BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


class _Column:
    """The words, from top to bottom, at the side away from the colour."""

    def __init__(self, pen: ImageDraw, card: Card, colour: str) -> None:
        self._pen = pen
        self._card = card
        self._colour = colour
        self._width = SIZE[0] - _SIDE - 2 * _MARGIN
        self._edge = SIZE[0] - _SIDE - _MARGIN if card.right_to_left else _SIDE + _MARGIN
        self._fonts: dict[tuple[Face, int, bool], FreeTypeFont] = {}

    def write(self) -> None:
        """Everything: the verdict from above, its limits from below, its meaning between."""
        card = self._card
        top = self._lines(card.label or "Veritag", 30, 52, bold=True, most=1, fill=self._colour)
        top = self._lines(card.headline, 58, top + 14, bold=True, most=2, fill=_INK)
        foot = self._height(card.limits, 25) + self._height(card.checked, 25) + 12
        bottom = SIZE[1] - 44 - foot
        if card.body:
            self._body(top + 22, bottom - 20)
        self._pen.line(
            (self._edge, bottom, self._edge + self._ahead * self._width, bottom), self._colour, width=2
        )
        top = self._lines(card.limits, 25, bottom + 14, fill=_FAINT)
        self._lines(card.checked, 25, top, fill=_FAINT)

    @property
    def _ahead(self) -> int:
        return -1 if self._card.right_to_left else 1

    def _body(self, top: int, bottom: int) -> None:
        """As large as fits; where even small letters do not, it is left out whole rather than cut."""
        for size in (34, 31, 28, 25, 22):
            if self._height(self._card.body, size) <= bottom - top:
                self._lines(self._card.body, size, top, fill=_INK)
                return

    def _font(self, text: str, size: int, *, bold: bool) -> FreeTypeFont:
        face = face_for(text)
        assert face is not None
        key = (face, size, bold)
        if key not in self._fonts:
            self._fonts[key] = face.at(size, bold=bold)
        return self._fonts[key]

    def _broken(self, text: str, size: int, *, bold: bool) -> tuple[list[str], FreeTypeFont]:
        font = self._font(text, size, bold=bold)
        return wrap(text, self._width, lambda line: font.getlength(line, direction=self._direction)), font

    @property
    def _direction(self) -> str | None:
        from PIL import features

        if not features.check("raqm"):
            return None
        return _RIGHT_TO_LEFT if self._card.right_to_left else _LEFT_TO_RIGHT

    def _height(self, text: str, size: int) -> int:
        return len(self._broken(text, size, bold=False)[0]) * _leading(size)

    def _lines(
        self, text: str, size: int, top: int, *, fill: str, bold: bool = False, most: int | None = None
    ) -> int:
        """Write a text from here on, smaller if it took more than so many lines; returns where it ends."""
        lines, font = self._broken(text, size, bold=bold)
        while most is not None and len(lines) > most and size > 24:
            size -= 2
            lines, font = self._broken(text, size, bold=bold)
        anchor = "rs" if self._card.right_to_left else "ls"
        for line in lines:
            baseline = top + round(0.95 * size)
            self._pen.text((self._edge, baseline), line, fill, font, anchor=anchor, direction=self._direction)
            top += _leading(size)
        return top


def _leading(size: int) -> int:
    return round(1.36 * size)


def _prepared(thumbnail: bytes, *, blur: bool) -> Image:
    from PIL import Image, ImageFilter, ImageOps

    with Image.open(BytesIO(thumbnail), formats=["WEBP"]) as opened:
        picture = ImageOps.fit(opened.convert("RGB"), (_THUMBNAIL, _THUMBNAIL))
    return picture.filter(ImageFilter.GaussianBlur(_BLUR)) if blur else picture


def _rounded(size: tuple[int, int]) -> Image:
    from PIL import Image, ImageDraw

    large = Image.new("L", (size[0] * _SCALE, size[1] * _SCALE))
    ImageDraw.Draw(large).rounded_rectangle((0, 0, *large.size), 24 * _SCALE, fill=255)
    return large.resize(size, Image.Resampling.LANCZOS)


def _stamp(picture: Image, band: Band, centre: tuple[int, int], size: int) -> None:
    """The band's shape in white: the colour alone says nothing to whoever cannot tell it."""
    from PIL import Image, ImageDraw

    large = Image.new("L", (size * _SCALE, size * _SCALE))
    pen, end = ImageDraw.Draw(large), size * _SCALE - 1
    middle, line = end / 2, end // 8
    match band:
        case Band.TRUSTED:
            pen.polygon(((middle, 0), (end, middle), (middle, end), (0, middle)), fill=255)
        case Band.LOW:
            pen.ellipse((0, 0, end, end), fill=255)
        case Band.UNCERTAIN:
            pen.polygon(((middle, 0.06 * end), (end, 0.94 * end), (0, 0.94 * end)), fill=255)
        case Band.HIGH:
            pen.rectangle((0.06 * end, 0.06 * end, 0.94 * end, 0.94 * end), fill=255)
        case Band.UNKNOWN:
            pen.ellipse((0, 0, end, end), outline=255, width=line)
    mask = large.resize((size, size), Image.Resampling.LANCZOS)
    picture.paste(Image.new("RGB", mask.size, _WHITE), (centre[0] - size // 2, centre[1] - size // 2), mask)
