"""Everything that can go wrong in this room, drawn once.

AnalysisError
├── MediumRefused          this medium cannot be judged; `reason` says why (a `Refusal`)
│   └── DecoderDied        the decoding child crashed or ran out of its limits; the engine goes on
├── EngineFailed           the engine itself is at fault; worth another try
└── ConfigurationError     a policy, detector list, calibration or labelled data that cannot be used
"""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Why a medium could not be judged. The value is stable: templates and operators key on it."""

    EMPTY = "empty"
    NOT_MEDIA = "not_media"
    CORRUPT = "corrupt"
    UNSUPPORTED = "unsupported"
    ENCRYPTED = "encrypted"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_LONG = "too_long"
    TOO_MANY_STREAMS = "too_many_streams"
    NAMES_OTHER_FILES = "names_other_files"
    TIMED_OUT = "timed_out"
    DECODER_DIED = "decoder_died"


class AnalysisError(Exception):
    """Base of this room's errors. `str()` is one line that names the cause and the mend."""


class MediumRefused(AnalysisError):
    """This medium cannot be judged, now or later. Nothing is wrong with the engine."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class DecoderDied(MediumRefused):
    """The decoding child was killed by this medium (crash, memory, CPU or wall-clock limit)."""

    def __init__(self, detail: str, reason: Refusal = Refusal.DECODER_DIED) -> None:
        super().__init__(reason, detail)


class EngineFailed(AnalysisError):
    """The engine failed on a medium that may be fine; the analysis is worth another try."""


class ConfigurationError(AnalysisError):
    """A policy, detector list, calibration or folder of labelled data that cannot be used as configured."""
