"""Small pictures of media, made when first asked for and kept as files.

Strangers' files are decoded as for an analysis: in the child process, without network and with limits. What
comes back are pixels and samples; the WebP is made of those. One medium at a time, in one thread.

<folder>/SHA256/small.webp    mode 0600; goes with the medium
"""

from __future__ import annotations

import contextlib
import queue
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from analysis.limits import Limits, Sampling
from bot.errors import BotError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analysis.decoding.decoder import Decoder

log = structlog.get_logger()

SIDE: Final = 320
"""The longest side, in pixels."""
WAITING: Final = 200
"""So many media may wait for their turn; more are refused until some are done."""
IDLE_SECONDS: Final = 30.0
_REFUSED: Final = 10_000
_BARS: Final = 80
_SOUND_SIZE: Final = (SIDE, SIDE * 9 // 16)


class NoThumbnail(BotError):
    """There is no picture of this medium: it is gone, cannot be decoded, or too many others wait."""


class Thumbnails:
    """Makes and keeps them. The thread and its decoding child come with the first medium and go when idle."""

    def __init__(self, folder: Path, path_of: Callable[[str], Path], limits: Limits) -> None:
        """`path_of` gives the file of a SHA-256; `limits` are the analysis' own, some drawn tighter here."""
        self._folder = folder
        self._path_of = path_of
        self._limits = replace(
            limits,
            frames_per_video=1,
            sampling=Sampling.LINSPACE,
            max_audio_seconds=min(limits.max_audio_seconds, 60.0),
            decode_seconds=min(limits.decode_seconds, 20.0),
        )
        self._waiting: queue.Queue[str | None] = queue.Queue(WAITING)
        self._futures: dict[str, Future[bytes]] = {}
        self._refused: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def get(self, sha256: str) -> Future[bytes]:
        """The WebP of a medium, at once where it was made before.

        The future raises `NoThumbnail`. Cancelling it does no harm to others who wait for the same.

        Raises:
            ValueError: this is no SHA-256 in lower-case hexadecimal.
        """
        source = self._path_of(sha256)
        answer: Future[bytes] = Future()
        if not source.exists():
            answer.set_exception(NoThumbnail("the file is no longer on this machine"))
            return answer
        with contextlib.suppress(FileNotFoundError):
            answer.set_result(self._file(sha256).read_bytes())
            return answer
        with self._lock:
            if sha256 in self._refused:
                answer.set_exception(NoThumbnail(self._refused[sha256]))
                return answer
            made = self._futures.get(sha256) or self._enqueue(sha256)
        made.add_done_callback(lambda done: _pass_on(done, answer))
        return answer

    def close(self) -> None:
        """End the thread and its child, after what waits. Safe to call twice."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            self._waiting.put(None)
            thread.join()

    def _file(self, sha256: str) -> Path:
        return self._folder / sha256 / "small.webp"

    def _enqueue(self, sha256: str) -> Future[bytes]:
        future: Future[bytes] = Future()
        try:
            self._waiting.put_nowait(sha256)
        except queue.Full:
            future.set_exception(NoThumbnail("too many others wait for theirs; ask again"))
            return future
        self._futures[sha256] = future
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="thumbnails", daemon=True)
            self._thread.start()
        return future

    def _work(self) -> None:
        from analysis.decoding.decoder import Decoder

        with contextlib.closing(Decoder(self._limits)) as decoder:
            while (sha256 := self._next()) is not None:
                self._settle(sha256, decoder)

    def _next(self) -> str | None:
        """The next medium; None when there was none for a while, and this thread is done for."""
        with contextlib.suppress(queue.Empty):
            found = self._waiting.get(timeout=IDLE_SECONDS)
            if found is not None:
                return found
        with self._lock:
            with contextlib.suppress(queue.Empty):
                return self._waiting.get_nowait()
            self._thread = None
        return None

    def _settle(self, sha256: str, decoder: Decoder) -> None:
        outcome: bytes | NoThumbnail
        try:
            outcome = _draw(self._path_of(sha256), decoder)
            self._keep(sha256, outcome)
        except Exception as error:  # noqa: BLE001 - the edge: one bad medium never stops the thread
            log.info("no_thumbnail", sha256=sha256, detail=str(error))
            outcome = NoThumbnail(str(error))
        with self._lock:
            future = self._futures.pop(sha256)
            if isinstance(outcome, NoThumbnail):
                self._refused[sha256] = str(outcome)
                if len(self._refused) > _REFUSED:
                    self._refused.popitem(last=False)
        if isinstance(outcome, NoThumbnail):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    def _keep(self, sha256: str, content: bytes) -> None:
        file = self._file(sha256)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = file.with_name(f"partial-{uuid.uuid4().hex}")  # others may be making the same one
        partial.touch(mode=0o600)
        partial.write_bytes(content)
        partial.replace(file)


def _pass_on(done: Future[bytes], answer: Future[bytes]) -> None:
    # Whoever waited may have gone meanwhile.
    with contextlib.suppress(InvalidStateError):
        error = done.exception()
        if error is None:
            answer.set_result(done.result())
        else:
            answer.set_exception(error)


def _draw(path: Path, decoder: Decoder) -> bytes:
    """A picture's or a clip's first frame, or the loudness of a sound over its time.

    Raises:
        MediumRefused, EngineFailed: as `Decoder.decode`.
    """
    from analysis.model import Kind

    kind = decoder.probe(path).kind
    medium = decoder.decode(path, frames=kind is not Kind.AUDIO, sound=kind is Kind.AUDIO, provenance=False)
    if medium.frames is not None:
        return _of_pixels(medium.frames[0])
    if medium.waveform is not None:
        return _of_sound(medium.waveform)
    raise NoThumbnail("there is nothing to be seen or heard in it")


def _of_pixels(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((SIDE, SIDE))
    return _webp(picture)


def _of_sound(waveform: NDArray[np.float32]) -> bytes:
    """Bars as high as the loudest sample of their stretch; the highest fills the picture."""
    import numpy as np
    from PIL import Image, ImageDraw

    width, height = _SOUND_SIZE
    peaks = [float(np.abs(part).max(initial=0.0)) for part in np.array_split(waveform, _BARS)]
    loudest = max(peaks) or 1.0
    picture = Image.new("RGB", _SOUND_SIZE, "#16304d")
    pen = ImageDraw.Draw(picture)
    for number, peak in enumerate(peaks):
        half = max(1.0, 0.44 * height * peak / loudest)
        left = number * width / _BARS
        pen.rectangle((left + 1, height / 2 - half, left + width / _BARS - 2, height / 2 + half), "#9ccaff")
    return _webp(picture)


def _webp(picture: Any) -> bytes:
    content = BytesIO()
    picture.save(content, "WEBP", quality=72, method=4)
    return content.getvalue()
