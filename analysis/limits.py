"""What one medium may cost. Every figure is configurable; the defaults suit what social networks carry."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path

from analysis.errors import ConfigurationError


class Sampling(StrEnum):
    """How frames are chosen from a clip; the formulas are in `analysis.decoding.sampling`.

    PUBLISHED is GenConViT's and passes over the end of most clips; LINSPACE covers the whole clip. KEYFRAMES
    takes frames that need no others to be decoded, spread over the clip; a clip with fewer of them than are
    wanted is sampled as by LINSPACE.
    """

    PUBLISHED = "published"
    LINSPACE = "linspace"
    KEYFRAMES = "keyframes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one medium and of the child process that decodes it.

    ``max_pixels`` counts one picture or frame; ``max_duration`` and ``max_audio_seconds`` are seconds (a
    longer medium is refused, a longer sound track is cut); ``max_view_bytes`` bounds the decoded frames of
    one medium, and as much again those in a row (large frames are kept in a smaller number).
    ``frames_in_a_row`` are decoded only where a detector watches how things move; ``face_clip_stride`` is the
    number of frames from one clip of a face to the next (None: what each detector's record says, and at most
    16 clips). ``decode_seconds`` is
    wall-clock time for one medium from probe to last frame, ``decode_cpu_seconds`` processor time of all its
    threads, ``decode_memory_bytes`` the child's address space. A child is replaced after
    ``requests_per_child`` requests. ``trust_anchors`` is a file of certificates (PEM): whose content
    credentials are believed.

    Raises:
        ConfigurationError: a limit is not positive.
    """

    max_bytes: int = 200_000_000
    max_pixels: int = 100_000_000
    max_duration: float = 1800.0
    max_streams: int = 16
    frames_per_video: int = 15
    sampling: Sampling = Sampling.KEYFRAMES
    frames_in_a_row: int = 256
    face_clip_stride: int | None = None
    max_audio_seconds: float = 600.0
    max_view_bytes: int = 1 << 30
    decode_seconds: float = 60.0
    decode_cpu_seconds: int = 120
    decode_memory_bytes: int = 4 << 30
    decode_threads: int = 2
    requests_per_child: int = 400
    trust_anchors: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and not value > 0:
                raise ConfigurationError(f"limit {field.name} is {value}; it must be greater than 0")

    def anchors_hash(self) -> str | None:
        """The SHA-256 of the trust anchors.

        Raises:
            ConfigurationError: they cannot be read.
        """
        if self.trust_anchors is None:
            return None
        try:
            return hashlib.sha256(Path(self.trust_anchors).read_bytes()).hexdigest()
        except OSError as error:
            reason = error.strerror
            raise ConfigurationError(
                f"the trust anchors {self.trust_anchors} cannot be read ({reason})"
            ) from error
