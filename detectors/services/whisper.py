"""Speech recognition on this machine with faster-whisper (the extra ``speech``)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detectors.errors import ServiceFailed

if TYPE_CHECKING:
    from torch import Tensor

_NO_SPEECH = 0.6  # Whisper's own threshold; it invents sentences where nobody speaks


class LocalWhisper:
    """A Whisper model in CTranslate2 form, out of a folder; it is loaded at the first sound, never fetched.

    Args:
        folder: holds ``model.bin`` and what belongs to it.
        device: ``cpu`` or ``cuda``.
        compute_type: CTranslate2's, such as ``int8`` or ``float16``.
        threads: cores that it may use; 0 leaves the choice to CTranslate2.
    """

    local = True

    def __init__(
        self, folder: Path, *, device: str = "cpu", compute_type: str = "int8", threads: int = 0
    ) -> None:
        self._folder = folder
        self._settings = {"device": device, "compute_type": compute_type, "cpu_threads": threads}
        self._lock = threading.Lock()
        self._model: Any = None

    @property
    def name(self) -> str:
        """See `Service`."""
        return f"speech recognition {self._folder.name} on this machine"

    def transcribe(self, waveform: Tensor) -> str:
        """See `SpeechRecogniser`. Stretches that the model itself takes for no speech are left out.

        Raises:
            ServiceFailed: the extra or the model is not there, or it does not load.
        """
        with self._lock:
            if self._model is None:
                self._model = self._load()
            segments, _ = self._model.transcribe(
                waveform.cpu().numpy(), vad_filter=True, condition_on_previous_text=False
            )
            spoken = [segment.text.strip() for segment in segments if segment.no_speech_prob < _NO_SPEECH]
        return " ".join(spoken).strip()

    def _load(self) -> Any:
        if not (self._folder / "model.bin").is_file():
            raise ServiceFailed(f"{self._folder} holds no Whisper model (model.bin); put one there")
        try:
            from faster_whisper import WhisperModel
        except ImportError:
            raise ServiceFailed(
                "speech recognition on this machine needs faster-whisper; run `pip install veritag[speech]`"
            ) from None
        try:
            return WhisperModel(str(self._folder), local_files_only=True, **self._settings)
        except (RuntimeError, ValueError, OSError) as error:
            raise ServiceFailed(f"the Whisper model in {self._folder} does not load: {error}") from error
