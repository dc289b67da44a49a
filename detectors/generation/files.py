"""Real media on disk: found, read, and written again so that a fake can have the same file history."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageOps, JpegImagePlugin

from detectors.base import Modality
from detectors.errors import GenerationError, Unsuitable
from detectors.generation.base import Pixels, Sound
from detectors.generation.laundering import Chain
from detectors.generation.laundering.pictures import SUBSAMPLINGS, JpegTables
from detectors.generation.laundering.sound import decode_sound

SUFFIXES = {
    Modality.IMAGE: frozenset({".avif", ".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}),
    Modality.AUDIO: frozenset({".aac", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wav"}),
}
ALIGNED = "aligned"


@dataclass(frozen=True, slots=True)
class Original:
    """One real medium.

    Attributes:
        path: relative to the folder that was searched.
        sha256: of its bytes, in hexadecimal.
        source: the folder that holds its ``real`` folder, relative to the one searched; "" for that itself.
    """

    path: Path
    sha256: str
    source: str

    @property
    def key(self) -> str:
        """A short name made of its content alone."""
        return self.sha256[:16]


def find(folder: Path, modality: Modality) -> list[Original]:
    """List the real media below a folder, sorted by content; the same bytes count once.

    What lies in folders named ``fake`` is passed over. A folder that holds one named ``real`` is the *source*
    of what is in that.

    Raises:
        GenerationError: nothing of the kind is there.
    """
    found: dict[str, Original] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.suffix.lower() not in SUFFIXES[modality] or "fake" in inside.parts[:-1] or not path.is_file():
            continue
        source = path.parent.parent if path.parent.name == "real" and path.parent != folder else folder
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        original = Original(inside, sha256, "/".join(source.relative_to(folder).parts))
        found.setdefault(sha256, original)
    if not found:
        endings = ", ".join(sorted(SUFFIXES[modality]))
        raise GenerationError(f"{folder} holds no real {modality.value} files (known endings: {endings})")
    return [found[sha256] for sha256 in sorted(found)]


def read_picture(path: Path) -> tuple[Pixels, Chain[Pixels]]:
    """Decode a picture, upright, as RGB.

    Returns:
        Its pixels, and the chain by which a fake gets the same file history: a JPEG's own quantisation tables
        and chroma subsampling; nothing for other formats.

    Raises:
        Unsuitable: it is damaged or no picture.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:  # odd metadata harm nothing
            upright = ImageOps.exif_transpose(image).convert("RGB")
            steps = (_as_encoded(image),) if isinstance(image, JpegImagePlugin.JpegImageFile) else ()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Unsuitable(f"{path.name} is not a readable picture ({error})") from error
    return np.array(upright), Chain(ALIGNED, steps)


def _as_encoded(image: JpegImagePlugin.JpegImageFile) -> JpegTables:
    tables = tuple(tuple(table) for _, table in sorted(image.quantization.items()))
    sampling = JpegImagePlugin.get_sampling(image)
    return JpegTables(tables, SUBSAMPLINGS[sampling] if sampling >= 0 else SUBSAMPLINGS[0])


def read_sound(path: Path) -> Sound:
    """Decode a sound file as float32 mono at 16 kHz.

    Raises:
        Unsuitable: it is damaged or has no sound.
    """
    try:
        sound = decode_sound(io.BytesIO(path.read_bytes()))
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise Unsuitable(f"{path.name} is not a readable sound file ({error})") from error
    if not len(sound):
        raise Unsuitable(f"{path.name} has no sound")
    return sound
