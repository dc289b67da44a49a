"""What detectors ask of others: speech recognition, language models, web detection, pages.

The protocols are here, without any import; the clients behind them are modules of this package, set up by
arguments alone. Nothing here reads the environment, and nobody here decides where media may go but `private`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from detectors.errors import NotPrivate

if TYPE_CHECKING:
    from pydantic import BaseModel
    from torch import Tensor

    from detectors.record import WeightsRecord

    Answer = TypeVar("Answer", bound=BaseModel)

__all__ = [
    "LanguageModel",
    "PageReader",
    "Question",
    "Service",
    "SpeechRecogniser",
    "WebDetection",
    "require_private",
    "with_services",
]

PageReader = Callable[[str], str | None]
"""Gives the readable text of a page by its URL, or None where it cannot be had. Strangers wrote both: whoever
passes a reader in guards it (addresses, sizes, time), and it does not raise for what a page may do."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question to a language model.

    ``instructions`` are ours. ``data`` is what strangers wrote, by name: it never mixes with the
    instructions. ``picture`` is a JPEG file.
    """

    instructions: str
    data: Mapping[str, str] = field(default_factory=dict)
    picture: bytes | None = None


class Service(Protocol):
    """What every service says of itself; ``local``: what it is given stays on this machine."""

    @property
    def name(self) -> str:
        """Which service and model, in a form that may be shown."""

    @property
    def local(self) -> bool:
        """Say whether what it is given stays on this machine."""


class SpeechRecogniser(Service, Protocol):
    """Writes down what is said."""

    def transcribe(self, waveform: Tensor) -> str:
        """Return the words in a float32 ``(samples,)`` waveform, mono, 16 kHz; empty where nobody speaks.

        Raises:
            ServiceError: no answer could be had.
        """


class LanguageModel(Service, Protocol):
    """Answers a question in a given form."""

    def ask(self, question: Question, form: type[Answer]) -> Answer:
        """Return an answer that fits the form.

        Raises:
            ServiceError: no answer could be had, or none that fits.
        """


class WebDetection(Service, Protocol):
    """Finds a picture on the web."""

    def pages(self, picture: bytes) -> Sequence[str]:
        """Return http(s) addresses of pages that show a picture (a JPEG file), the best match first.

        Raises:
            ServiceError: no answer could be had.
        """


def require_private(*services: Service | None) -> None:
    """Check that every service keeps what it is given on this machine.

    Raises:
        NotPrivate: names the first one that does not.
    """
    for service in services:
        if service is not None and not service.local:
            raise NotPrivate(
                f"private mode keeps media on this machine, but {service.name} is elsewhere; "
                "use one on a loopback address, or switch private mode off"
            )


def with_services(record: WeightsRecord, services: Mapping[str, Service | None]) -> WeightsRecord:
    """Note by role which services a detector asks: they decide its scores as much as its question does."""
    named = {role: service.name for role, service in services.items() if service is not None}
    return record.model_copy(update={"preprocessing": {**record.preprocessing, **named}})
