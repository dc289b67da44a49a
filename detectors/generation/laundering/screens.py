"""Steps that draw: screenshots, captions, stickers, watermarks. Pictures are uint8 RGB ``(H, W, 3)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from detectors.generation.base import Mask, Pixels
from detectors.generation.laundering.base import Step
from detectors.generation.laundering.pictures import resize, resize_mask

Theme = Literal["light", "dark"]
Shape = Literal["smile", "heart", "star", "arrow"]
Colour = tuple[int, int, int]

_GROUND: dict[Theme, Colour] = {"light": (255, 255, 255), "dark": (21, 24, 28)}
_INK: dict[Theme, Colour] = {"light": (15, 20, 25), "dark": (231, 233, 234)}
_GREY: Colour = (113, 118, 123)
_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Screenshot(Step[Pixels]):
    """The picture in an app on a screen of `width` pixels: name and lines above, symbols below.

    Bars are given in pixels, 0 for none. A screen stores PNG, so nothing else is lost here.
    """

    width: int
    top: int
    bottom: int
    theme: Theme
    resampling: Image.Resampling = Image.Resampling.BILINEAR

    def _height(self, height: int, width: int) -> int:
        return max(1, round(height * self.width / width))

    def __call__(self, medium: Pixels) -> Pixels:
        """Draw the screen."""
        height = self._height(*medium.shape[:2])
        screen = Image.new("RGB", (self.width, self.top + height + self.bottom), _GROUND[self.theme])
        draw = ImageDraw.Draw(screen)
        self._draw_head(draw)
        self._draw_foot(draw, self.top + height)
        screen.paste(Image.fromarray(resize(medium, self.width, height, self.resampling)), (0, self.top))
        return np.asarray(screen)

    def _draw_head(self, draw: ImageDraw.ImageDraw) -> None:
        unit = self.top / 10
        if unit < 1:
            return
        draw.ellipse((2 * unit, 2 * unit, 8 * unit, 8 * unit), fill=_GREY)
        ink = _INK[self.theme]
        draw.rounded_rectangle((10 * unit, 2.5 * unit, self.width * 0.5, 4.5 * unit), unit, fill=ink)
        draw.rounded_rectangle((10 * unit, 5.8 * unit, self.width * 0.36, 7.2 * unit), unit, fill=_GREY)

    def _draw_foot(self, draw: ImageDraw.ImageDraw, above: int) -> None:
        unit = self.bottom / 10
        if unit < 1:
            return
        for place in (0.1, 0.36, 0.62, 0.88):
            centre = self.width * place
            draw.ellipse(
                (centre - 2 * unit, above + 3 * unit, centre + 2 * unit, above + 7 * unit),
                outline=_GREY,
                width=max(1, round(unit / 2)),
            )

    def follow(self, mask: Mask) -> Mask:
        """Scale the mask and put it where the picture is."""
        scaled = resize_mask(mask, self.width, self._height(mask.shape[0], mask.shape[1]))
        return np.pad(scaled, ((self.top, self.bottom), (0, 0)))


@dataclass(frozen=True, slots=True)
class Caption(Step[Pixels]):
    """Text over the picture, as memes and stories have it.

    Places are shares of the sides; `size` is the letters' height as a share of the shorter side.
    """

    text: str
    x: float
    y: float
    size: float
    colour: Colour
    opacity: float = 1.0
    outline: bool = True

    def __call__(self, medium: Pixels) -> Pixels:
        """Write it, from (x, y) as its centre."""
        height, width = medium.shape[:2]
        letters = max(8, round(min(height, width) * self.size))
        layer = Image.new("RGBA", (width, height))
        ImageDraw.Draw(layer).text(
            (width * self.x, height * self.y),
            self.text,
            font=ImageFont.load_default(letters),
            fill=(*self.colour, round(255 * self.opacity)),
            anchor="mm",
            stroke_width=max(1, letters // 12) if self.outline else 0,
            stroke_fill=(*(_BLACK if sum(self.colour) > 300 else _WHITE), round(255 * self.opacity)),
        )
        return _over(medium, layer)


@dataclass(frozen=True, slots=True)
class Sticker(Step[Pixels]):
    """A shape such as people stick on pictures; `size` is its width as a share of the shorter side."""

    shape: Shape
    x: float
    y: float
    size: float
    colour: Colour

    def __call__(self, medium: Pixels) -> Pixels:
        """Draw it four times as large, then scale: smooth edges."""
        height, width = medium.shape[:2]
        side = max(8, round(min(height, width) * self.size))
        large = Image.new("RGBA", (4 * side, 4 * side))
        _draw_shape(ImageDraw.Draw(large), self.shape, 4 * side, (*self.colour, 255))
        layer = Image.new("RGBA", (width, height))
        corner = round(width * self.x - side / 2), round(height * self.y - side / 2)
        layer.paste(large.resize((side, side), Image.Resampling.BOX), corner)
        return _over(medium, layer)


def _over(picture: Pixels, layer: Image.Image) -> Pixels:
    ground = Image.fromarray(picture).convert("RGBA")
    return np.asarray(Image.alpha_composite(ground, layer).convert("RGB"))


def _draw_shape(draw: ImageDraw.ImageDraw, shape: Shape, side: int, fill: tuple[int, int, int, int]) -> None:
    def box(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        return left * side, top * side, right * side, bottom * side

    def points(*pairs: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x * side, y * side) for x, y in pairs]

    ink = (30, 30, 30, 255)
    if shape == "smile":
        draw.ellipse(box(0.02, 0.02, 0.98, 0.98), fill=fill)
        for left in (0.28, 0.6):
            draw.ellipse(box(left, 0.28, left + 0.12, 0.44), fill=ink)
        draw.arc(box(0.22, 0.3, 0.78, 0.8), 20, 160, fill=ink, width=max(1, side // 16))
    elif shape == "heart":
        draw.ellipse(box(0.04, 0.1, 0.52, 0.58), fill=fill)
        draw.ellipse(box(0.48, 0.1, 0.96, 0.58), fill=fill)
        draw.polygon(points((0.08, 0.45), (0.92, 0.45), (0.5, 0.95)), fill=fill)
    elif shape == "star":
        turns = np.arange(10) * np.pi / 5 - np.pi / 2
        radii = np.where(np.arange(10) % 2, 0.2, 0.48)
        corners = zip(0.5 + radii * np.cos(turns), 0.5 + radii * np.sin(turns), strict=True)
        draw.polygon(points(*corners), fill=fill)
    else:
        draw.polygon(
            points((0, 0.38), (0.58, 0.38), (0.58, 0.15), (1, 0.5), (0.58, 0.85), (0.58, 0.62), (0, 0.62)),
            fill=fill,
        )
