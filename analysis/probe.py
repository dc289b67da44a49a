"""What a file is and holds, read from its first bytes and headers before anything is decoded.

Runs in the decoding child only; the engine asks for it through `analysis.decoding.decoder.Decoder`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image

from analysis.decoding.container import open_container, probe_container
from analysis.decoding.pictures import open_picture, probe_picture
from analysis.errors import MediumRefused, Refusal
from analysis.limits import Limits
from analysis.model import Probe
from analysis.provenance.marks import container_marks
from analysis.provenance.model import GeneratorMark
from analysis.sniff import HEAD_BYTES, FileType, sniff


@dataclass(frozen=True, slots=True)
class OpenMedium:
    """A probed medium: an open ``image``, or None where a container's decoders open ``path`` themselves.

    ``path`` names a descriptor of this process: the file's own name never gets here. ``marks`` are those of
    a container's tags.
    """

    path: str
    file: BinaryIO
    file_type: FileType
    probe: Probe
    image: Image.Image | None
    marks: tuple[GeneratorMark, ...] = ()


@contextmanager
def open_medium(fd: int, limits: Limits) -> Iterator[OpenMedium]:
    """Identify and probe an open file.

    Raises:
        MediumRefused: EMPTY, TOO_LARGE, NOT_MEDIA, NAMES_OTHER_FILES, UNSUPPORTED, CORRUPT, ENCRYPTED,
            TOO_MANY_PIXELS, TOO_LONG, TOO_MANY_STREAMS.
    """
    size = os.fstat(fd).st_size
    if size > limits.max_bytes:
        raise MediumRefused(Refusal.TOO_LARGE, f"the file has {size} bytes; the limit is {limits.max_bytes}")
    file_type = sniff(os.pread(fd, HEAD_BYTES, 0))
    path = f"/proc/self/fd/{fd}"
    with os.fdopen(fd, "rb", closefd=False) as file:
        if file_type.demuxer is None:
            with open_picture(file, file_type, limits) as image:
                probe = probe_picture(image, file, file_type, size, limits)
                yield OpenMedium(path, file, file_type, probe, image)
            return
        with open_container(path, file_type, limits) as container:
            probe = probe_container(container, file_type, size, limits)
            marks = container_marks(container)
        yield OpenMedium(path, file, file_type, probe, None, marks)
