"""Sound: its spectrogram under the scores of its stretches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.drawing import (
    INK,
    NOT_THE_VERDICT,
    EvidencePicture,
    canvas,
    colours,
    finished,
    span,
    strength_axis,
)
from analysis.evidence.local import Window

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAMPLE_RATE = 16_000
_COLUMNS = 1200  # at most, of the spectrogram
_FLOOR = -80.0  # decibels under the loudest place; what is quieter is drawn as silence
_SOUND = (
    "Below: the sound itself. Time runs to the right, high tones are above low ones, dark is loud. A clear "
    "edge above which all is white comes from compression or a telephone line, and is no sign of anything."
)
_OWN = (
    "Above: the stretches of sound that were judged, each by its height and colour: the higher, the stronger "
    "the signs of generation or manipulation."
)
_LONGER = "A bar begins where its stretch begins; the stretch may reach into the next one."
_SCANNED = (
    "This detector does not say when it hears something. For this picture, stretches of a few seconds were "
    "cut out and each was judged alone, which can differ from the whole; gaps were not judged."
)
_NOTHING = "The detector gave one answer for the whole recording; which part led to it is not known."


def spectrogram(
    detector: str, waveform: NDArray[np.float32], windows: Sequence[Window], *, scanned: bool = False
) -> EvidencePicture:
    """Draw a sound, float32 ``(samples,)`` at 16 kHz, under the scores of its stretches, if there are any.

    Args:
        scanned: the stretches come from `analysis.evidence.scan`, not from the detector itself.
    """
    title = (
        f"Signs of generation or manipulation over the recording, as {detector} hears them"
        if windows
        else f"The sound that {detector} judged"
    )
    parts = [_OWN, _SCANNED if scanned else _LONGER] if windows else [_NOTHING]
    above = 1.7 if windows else 0.0
    figure, bottom, top = canvas(title, " ".join((*parts, _SOUND, NOT_THE_VERDICT)), 3.6 + above)
    inch, seconds = 1 / figure.get_figheight(), len(waveform) / SAMPLE_RATE
    lower = figure.add_axes((0.13, bottom + 0.6 * inch, 0.83, 2.8 * inch))
    _draw_sound(lower, waveform)
    if windows:
        upper = figure.add_axes((0.13, top - (above - 0.1) * inch, 0.83, (above - 0.2) * inch))
        _draw_windows(upper, windows, seconds)
    return finished(figure, f"spectrogram-{detector}", title, _words(title, windows, seconds))


def levels(waveform: NDArray[np.float32]) -> NDArray[np.float64]:
    """Short-time spectrum in decibels under its loudest place: ``(frequencies, columns)``."""
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hann

    size = 512
    samples = np.pad(waveform.astype(np.float64), (0, max(0, size - len(waveform))))
    hop = max(size // 4, -(-len(samples) // _COLUMNS))
    power = ShortTimeFFT(hann(size, sym=False), hop, SAMPLE_RATE).spectrogram(samples)
    level: NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-12) / max(float(power.max()), 1e-12))
    return np.maximum(level, _FLOOR)


def _draw_sound(axes: Axes, waveform: NDArray[np.float32]) -> None:
    seconds = len(waveform) / SAMPLE_RATE
    axes.imshow(
        levels(waveform),
        origin="lower",
        aspect="auto",
        cmap="gray_r",
        vmin=_FLOOR,
        vmax=0,
        extent=(0, seconds, 0, SAMPLE_RATE / 2000),
    )
    axes.set_ylabel("low to high tones, kHz", color=INK)
    axes.set_xlabel("seconds into the recording", color=INK)


def _draw_windows(axes: Axes, windows: Sequence[Window], seconds: float) -> None:
    paint = colours()
    for window in windows:
        axes.bar(
            window.start,
            max(window.score, 0.01),
            width=window.end - window.start,
            align="edge",
            color=(*paint(window.score)[:3], 0.75),
            edgecolor=INK,
            linewidth=0.8,
        )
    strength_axis(axes)
    axes.set_xlim(0, seconds)
    axes.set_xticklabels([])


def _words(title: str, windows: Sequence[Window], seconds: float) -> str:
    if not windows:
        return f"{title}: spectrogram of a recording of {seconds:.1f} s. {_NOTHING} {NOT_THE_VERDICT}"
    scores = [window.score for window in windows]
    strongest = max(windows, key=lambda window: window.score)
    return (
        f"{title}: {len(windows)} stretches of a recording of {seconds:.1f} s score {span(scores)}; the "
        f"highest begins at {strongest.start:.1f} s. {NOT_THE_VERDICT}"
    )
