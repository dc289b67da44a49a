"""Transcript: does a recording say what somebody really said? A language model judges the words alone.

After TrueMedia's detector of that name (github.com/truemediaorg/deepfake-app, MIT). Unlike there, one
question instead of two settles lyrics and label, its answer is bound to a schema, and words are counted in
every script.
"""

from __future__ import annotations

import logging
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from detectors import weights
from detectors.base import Output, View
from detectors.errors import NotApplicable, ServiceError
from detectors.record import WeightsRecord
from detectors.services import LanguageModel, Question, SpeechRecogniser, require_private, with_services
from detectors.services.detector import ConfiguredDetector
from detectors.services.text import count_words, cut, showable

if TYPE_CHECKING:
    from torch import Tensor

MIN_WORDS = 15
MAX_CHARACTERS = 12_000
MAX_SECONDS = 600
_SAMPLE_RATE = 16_000
_MIN_SECONDS = 1.0
_SILENCE = 1e-3  # peak; 60 dB below full scale
_SHOWN = 600
_SCORES = {"fabricated": 1.0, "genuine": 0.0}
log = logging.getLogger(__name__)


class TranscriptAnswer(BaseModel):
    """The form of the language model's answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    addresses_reader: bool
    song_lyrics: bool
    rationale: str
    label: Literal["fabricated", "genuine", "unknown"]


def recognise(waveform: Tensor, recogniser: SpeechRecogniser, *, private: bool = False) -> str:
    """Make the view TRANSCRIPT out of the view WAVEFORM: the words of its first ten minutes.

    Raises:
        NotApplicable: silent, too short, no speech, or the recogniser was of no use.
        NotPrivate: ``private``, and the recogniser would take the sound off this machine.
    """
    if private:
        require_private(recogniser)
    if len(waveform) < _MIN_SECONDS * _SAMPLE_RATE:
        raise NotApplicable("the sound is too short to hold a sentence")
    heard = waveform[: MAX_SECONDS * _SAMPLE_RATE].nan_to_num()
    if float(heard.abs().max()) < _SILENCE:
        raise NotApplicable("the sound is silent")
    try:
        words = recogniser.transcribe(heard).strip()
    except ServiceError as error:
        log.warning("no transcript: %s", error)
        raise NotApplicable(f"no transcript could be made: {error}") from error
    if not words:
        raise NotApplicable("no speech was recognised")
    return words


class Transcript(ConfiguredDetector):
    """Judges the words of a recording.

    Args:
        record: names the question, which is the detector's only "weights".
        model: answers it; without one the detector judges nothing and says so.
        private: refuse a model that is not on this machine.
        weights_dir: as of `detectors.create`.

    Raises:
        NotPrivate: ``private``, and the model is elsewhere.
        WeightsError: the question's file is not the record's.
    """

    view: ClassVar[View] = View.TRANSCRIPT

    def __init__(
        self,
        record: WeightsRecord,
        model: LanguageModel | None = None,
        *,
        private: bool = False,
        weights_dir: Path | None = None,
    ) -> None:
        if private:
            require_private(model)
        self.record = with_services(record, {"language_model": model})
        self._model = model
        self._instructions = instructions(record, weights_dir)

    def detect(self, view: str) -> Output:
        """Judge a transcript; the evidence holds ``rationale``, ``transcript`` (its beginning), ``model``.

        Raises:
            NotApplicable: fewer than 15 words, song lyrics, words that try to steer the judgement, nothing
                decisive, or no language model that answers.
        """
        if self._model is None:
            raise NotApplicable("no language model is configured for it")
        words = count_words(view)
        if words < MIN_WORDS:
            raise NotApplicable(f"too few words were said to judge ({words}; at least {MIN_WORDS})")
        question = Question(self._instructions, {"transcript": cut(view, MAX_CHARACTERS)})
        try:
            answer = self._model.ask(question, TranscriptAnswer)
        except ServiceError as error:
            log.warning("transcript does not judge: %s", error)
            raise NotApplicable(str(error)) from error
        return self._judged(answer, view)

    def _judged(self, answer: TranscriptAnswer, words: str) -> Output:
        assert self._model is not None
        if answer.addresses_reader:
            raise NotApplicable("the words try to steer whoever judges them")
        if answer.song_lyrics:
            raise NotApplicable("the words are song lyrics")
        if answer.label not in _SCORES:
            raise NotApplicable("the words alone do not tell")
        evidence = {
            "rationale": showable(answer.rationale, _SHOWN),
            "transcript": showable(words, _SHOWN),
            "model": self._model.name,
        }
        return Output(_SCORES[answer.label], evidence)


def instructions(record: WeightsRecord, weights_dir: Path | None = None) -> str:
    """Read the question that a record's file holds.

    Raises:
        WeightsError: it is missing or not the record's.
    """
    text = weights.find(record, weights_dir).read_text("utf-8")
    return str(tomllib.loads(text)["instructions"]).strip()
