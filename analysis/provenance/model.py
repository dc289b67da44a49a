"""What a medium says of its origin, in plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CredentialState(StrEnum):
    """How far content credentials can be believed."""

    TRUSTED = "trusted"  # untouched, and signed by someone whom a configured trust anchor vouches for
    VALID = "valid"  # untouched, signed by someone whom nobody vouches for: anyone can make such
    INVALID = "invalid"  # broken, or the medium was changed after it was signed
    REMOTE = "remote"  # kept somewhere else, and not fetched
    UNREADABLE = "unreadable"  # there is something, but it could not be read


class Origin(StrEnum):
    """What credentials declare."""

    CAMERA = "camera"  # captured, and at most turned, scaled, cropped or encoded again
    GENERATED = "generated"  # made by generative AI, wholly or in part
    EDITED = "edited"
    UNSTATED = "unstated"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The content credentials of one medium.

    ``signer`` and ``issuer`` are the names in the signing certificate, ``generator`` is the software that
    made the claim, ``signed`` when (ISO 8601), as far as they are stated; ``faults`` are C2PA's codes of what
    does not hold.
    """

    state: CredentialState
    origin: Origin = Origin.UNSTATED
    signer: str | None = None
    issuer: str | None = None
    generator: str | None = None
    signed: str | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GeneratorMark:
    """A trace of generating software in metadata: which ``generator``, and ``where`` it says so."""

    generator: str
    where: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """All that a medium says of its origin; nothing where it says nothing."""

    credentials: Credentials | None = None
    marks: tuple[GeneratorMark, ...] = ()
