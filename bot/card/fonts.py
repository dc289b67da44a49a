"""The fonts of the card: Noto where the extra `cards` is installed, else DejaVu, which comes with Matplotlib.

A text is written only with a font that has all its signs; complex scripts need Pillow's Raqm layout, too.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_NOTO: Final = "files/{}[wdth,wght].ttf"
# (package, file, whether it is variable); tried in this order. All are under the SIL Open Font License
# but DejaVu, whose licence is as free.
_CANDIDATES: Final = (
    ("fontpkg_noto_sans", _NOTO.format("NotoSans"), True),
    ("fontpkg_noto_sans_arabic", _NOTO.format("NotoSansArabic"), True),
    ("noto_cjk_sans_jp_bold", "NotoSansCJKjp-Bold.otf", False),
    ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans{bold}.ttf", False),
)
_SHAPED: Final = ("ARABIC", "DEVANAGARI")
_WEIGHTS: Final = {False: 400.0, True: 700.0}
_FULL_WIDTH: Final = 100.0


@dataclass(frozen=True, slots=True)
class Face:
    """One font file that is on this machine."""

    regular: Path
    bold: Path
    variable: bool

    def at(self, size: int, *, bold: bool = False) -> FreeTypeFont:
        """The font at a size in pixels."""
        from PIL import ImageFont

        font = ImageFont.truetype(str(self.bold if bold else self.regular), size)
        if self.variable:
            axes = {b"Weight": _WEIGHTS[bold], b"Width": _FULL_WIDTH}
            font.set_variation_by_axes(
                [axes[axis["name"] or b"Weight"] for axis in font.get_variation_axes()]
            )
        return font


def face_for(text: str) -> Face | None:
    """The first font that can write all of this; None where there is none."""
    signs = {sign for sign in text if not sign.isspace() and unicodedata.category(sign) != "Cf"}
    if not _can_shape() and any(unicodedata.name(sign, "").startswith(_SHAPED) for sign in signs):
        return None
    return next((face for face in _faces() if signs <= _signs(face.regular)), None)


@cache
def _faces() -> tuple[Face, ...]:
    found = []
    for package, file, variable in _CANDIDATES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            regular, bold = (Path(folder, file.replace("{bold}", style)) for style in ("", "-Bold"))
            if regular.is_file() and bold.is_file():
                found.append(Face(regular, bold, variable))
    return tuple(found)


@cache
def _can_shape() -> bool:
    from PIL import features

    return bool(features.check("raqm"))


@cache
def _signs(file: Path) -> frozenset[str]:
    from matplotlib.ft2font import FT2Font

    return frozenset(map(chr, FT2Font(str(file)).get_charmap()))
