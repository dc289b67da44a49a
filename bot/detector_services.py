"""The services that detectors ask, built from settings, and the detectors and the view that need them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog

from bot.errors import ConfigError, ResolveError
from detectors.errors import ServiceError, ServiceMissing

if TYPE_CHECKING:
    from analysis.views import Producer, Views
    from bot.config import Settings
    from bot.resolver.fetcher import GuardedFetcher
    from detectors.base import Detector, View
    from detectors.services import LanguageModel, PageReader, SpeechRecogniser, WebDetection
    from detectors.services.budget import Budget
    from detectors.services.http import Patience

Part = TypeVar("Part")
ASKING = frozenset({"transcript", "reverse_search"})
"""The detectors that ask services."""
NO_MODEL = "no language model is configured; set language_model.base_url and language_model.model"
NO_SPEECH = "no speech recognition is configured; set speech.folder, or speech.base_url and speech.model"
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DetectorServices:
    """The configured services; None for each that is not."""

    private: bool
    model: LanguageModel | None = None
    recogniser: SpeechRecogniser | None = None
    search: WebDetection | None = None
    read_page: PageReader | None = None

    def create(self, name: str) -> Detector:
        """Build one of the detectors in `ASKING`.

        Raises:
            ServiceMissing: what it cannot do without is not configured.
            NotPrivate: in private mode a service is not on this machine.
            WeightsError: its question is not the record's.
        """
        from detectors import record
        from detectors.reverse_search import ReverseSearch
        from detectors.services import require_private, with_services
        from detectors.transcript import Transcript

        if self.model is None:
            raise ServiceMissing(NO_MODEL)
        if name == "reverse_search":
            return ReverseSearch(record(name), self.model, self.search, self.read_page, private=self.private)
        if self.recogniser is None:
            raise ServiceMissing(NO_SPEECH)
        if self.private:
            require_private(self.recogniser)
        noted = with_services(record(name), {"speech_recognition": self.recogniser})
        return Transcript(noted, self.model, private=self.private)

    def producers(self) -> dict[View, Producer]:
        """How the view TRANSCRIPT is made of the waveform."""
        from analysis.views import Producer
        from detectors.base import View
        from detectors.errors import NotApplicable
        from detectors.transcript import recognise

        def transcript(views: Views) -> str:
            if self.recogniser is None:
                raise NotApplicable(NO_SPEECH)
            try:
                return recognise(views.get(View.WAVEFORM), self.recogniser, private=self.private)
            except ServiceError as error:
                raise NotApplicable(str(error)) from error

        return {View.TRANSCRIPT: Producer(transcript, sound=True)}


def build_services(settings: Settings, fetcher: Callable[[], GuardedFetcher]) -> DetectorServices:
    """The services that are configured; ``fetcher`` gives what pages are read with. Nothing is asked yet.

    Raises:
        ConfigError: one cannot be used as configured.
    """
    from detectors.services import require_private

    patience = _patience(settings)
    model = _built("language_model", lambda: _model(settings, patience))
    recogniser = _built("speech", lambda: _recogniser(settings, patience))
    search = _built("web_detection", lambda: _search(settings, patience))
    private = settings.services.private
    if private:
        try:
            require_private(model, recogniser, search)
        except ServiceError as error:
            raise ConfigError(f"services.private: {error}") from None
    reader = None if search is None else page_reader(fetcher(), settings.services.page_bytes)
    return DetectorServices(private, model, recogniser, search, reader)


def page_reader(fetcher: GuardedFetcher, max_bytes: int) -> PageReader:
    """What gives the text of a page that was found, or None where there is none to be had."""

    def read(url: str) -> str | None:
        try:
            return fetcher.read_text(url, max_bytes)
        except ResolveError as error:
            log.info("a page was not read", reason=error.reason.value, detail=str(error))
            return None

    return read


def _built(section: str, build: Callable[[], Part]) -> Part:
    """A part, or the error that names its section; no message of the clients' shows a key."""
    try:
        return build()
    except ValueError as error:
        raise ConfigError(f"{section}: {error}") from None


def _patience(settings: Settings) -> Patience:
    from detectors.services.http import Patience

    chosen = settings.services
    return Patience(
        chosen.connect_timeout, chosen.read_timeout, chosen.total_timeout, attempts=chosen.attempts
    )


def _budget(settings: Settings, section: str, per_day: float) -> Budget:
    from detectors.services.budget import Budget

    return Budget(per_day, settings.data_dir / "budgets" / f"{section}.json")


def _model(settings: Settings, patience: Patience) -> LanguageModel | None:
    from detectors.services.openai import ChatModel, TokenPrices

    chosen = settings.language_model
    if chosen.base_url is None or chosen.model is None:
        return None
    prices = None
    if chosen.input_price is not None and chosen.output_price is not None:
        prices = TokenPrices(chosen.input_price, chosen.output_price)
    return ChatModel(
        chosen.base_url,
        chosen.model,
        chosen.key.get_secret_value() if chosen.key else None,
        budget=_budget(settings, "language_model", chosen.daily_budget),
        prices=prices,
        patience=patience,
    )


def _recogniser(settings: Settings, patience: Patience) -> SpeechRecogniser | None:
    chosen = settings.speech
    if chosen.folder is not None:
        from detectors.services.whisper import LocalWhisper

        return LocalWhisper(
            chosen.folder, device=chosen.device, compute_type=chosen.compute_type, threads=chosen.threads
        )
    if chosen.base_url is None or chosen.model is None:
        return None
    from detectors.services.openai import SpeechEndpoint

    return SpeechEndpoint(
        chosen.base_url,
        chosen.model,
        chosen.key.get_secret_value() if chosen.key else None,
        budget=_budget(settings, "speech", chosen.daily_budget),
        per_minute=chosen.price,
        patience=patience,
    )


def _search(settings: Settings, patience: Patience) -> WebDetection | None:
    from detectors.services.google import GoogleWebDetection

    chosen = settings.web_detection
    if chosen.key is None:
        return None
    return GoogleWebDetection(
        chosen.key.get_secret_value(),
        budget=_budget(settings, "web_detection", chosen.daily_budget),
        per_call=chosen.price,
        base_url=chosen.base_url,
        patience=patience,
    )
