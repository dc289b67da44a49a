"""How good are the weights on the speech of synthesisers that they never heard?

For every source in turn the recipe is fitted on all others and the left-out clips are judged by the detector
as it runs in production. A source's real recordings are left out with its fakes. To level classes, silence
is cut off both ends, the central two seconds are kept (shorter clips are left out), and all are made equally
loud; then they are delivered three ways: as is, as MP3 of 32 kbit/s and as Opus of 24 kbit/s.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import detectors
from detectors.base import Modality
from detectors.errors import NotApplicable
from detectors.generation.laundering.sound import Mp3, Opus
from detectors.record import Measurement
from detectors.training.cross_validate import COLUMNS
from detectors.training.measure import measure
from detectors.training.veritag_speech.clips import Clip
from detectors.training.veritag_speech.recipe import Rows, Settings, fit
from detectors.veritag_speech import VeritagSpeech
from detectors.veritag_speech.activity import FRAME, active_frames
from detectors.veritag_speech.detector import SpeechNetwork
from detectors.veritag_speech.statistics import SAMPLE_RATE

NAME = "veritag_speech"
SECONDS = 2.0
LOUDNESS = 0.05  # effective value; 26 dB below full scale
DELIVERIES: dict[str, Callable[[Tensor], Tensor]] = {
    "as_is": lambda sound: sound,
    "mp3": lambda sound: torch.from_numpy(Mp3(32_000, SAMPLE_RATE)(sound.numpy())),
    "opus": lambda sound: torch.from_numpy(Opus(24_000)(sound.numpy())),
}
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Scored:
    """One clip's scores in [0, 1] by delivery; None where the detector declined."""

    clip: Clip
    scores: dict[str, float | None]


def levelled(sound: Tensor, seconds: float | None = SECONDS) -> Tensor | None:
    """Cut silence off both ends, keep the middle (None: all of it), set the loudness; None if too short."""
    active = active_frames(sound).nonzero()[:, 0]
    if len(active) == 0:
        return None
    speech = sound[int(active[0]) * FRAME : (int(active[-1]) + 1) * FRAME]
    length = len(speech) if seconds is None else int(seconds * SAMPLE_RATE)
    if len(speech) < length:
        return None
    start = (len(speech) - length) // 2
    middle = speech[start : start + length]
    middle = middle - middle.mean()
    return middle * (LOUDNESS / middle.square().mean().sqrt().clamp_min(1e-9))


def score(network: SpeechNetwork, clips: Iterable[Clip], seconds: float | None = SECONDS) -> list[Scored]:
    """Judge levelled clips in each delivery; clips that are too short are left out."""
    detector = VeritagSpeech(network, detectors.record(NAME))
    scored = []
    for clip in clips:
        sound = levelled(clip.sound, seconds)
        if sound is not None:
            scores = {name: _score(detector, deliver(sound)) for name, deliver in DELIVERIES.items()}
            scored.append(Scored(clip, scores))
    return scored


def _score(detector: VeritagSpeech, sound: Tensor) -> float | None:
    try:
        return detector.detect(sound).score
    except NotApplicable:
        return None


def leave_out(
    clips: Sequence[Clip], rows: Rows, settings: Settings, tick: Callable[[], None] | None = None
) -> tuple[list[Scored], list[Scored]]:
    """Leave every source out in turn; return the scores of two seconds, and those of whole clips."""
    short, whole = [], []
    for source in sorted({clip.source for clip in clips}):
        chosen = [index for index, clip in enumerate(clips) if clip.source != source]
        network = fit(clips, rows, settings, chosen)
        held = [clip for clip in clips if clip.source == source]
        short += score(network, held)
        whole += score(network, held, None)
        if tick:
            tick()
    return short, whole


def measurements(protocol: str, scored: Sequence[Scored], date: str) -> list[Measurement]:
    """Measure each delivery; nothing where a class has fewer than two clips, of which no interval comes."""
    found = []
    for delivery in DELIVERIES:
        judged = [(row.clip.label, value) for row in scored if (value := row.scores[delivery]) is not None]
        if min(sum(label == wanted for label, _ in judged) for wanted in (0, 1)) >= 2:
            labels, scores = zip(*judged, strict=True)
            found += measure(f"{protocol}; {delivery}", Modality.AUDIO, labels, scores, date)
    return found


def mean_auc(protocol: str, scored: Sequence[Scored], date: str) -> list[Measurement]:
    """Measure the mean, over sources with both classes, of each source's own AUC.

    The interval is a bootstrap over clips within each source and class.
    """
    found = []
    for delivery in DELIVERIES:
        judged = [row for row in scored if row.scores[delivery] is not None]
        both = [
            source
            for source in sorted({row.clip.source for row in judged})
            if {row.clip.label for row in judged if row.clip.source == source} == {0, 1}
        ]
        if not both:
            continue
        kept = [row for row in judged if row.clip.source in both]
        low, value, high = bootstrap_mean_auc(
            np.array([both.index(row.clip.source) for row in kept]),
            np.array([row.clip.label for row in kept]),
            np.array([row.scores[delivery] for row in kept], dtype=np.float64),
        )
        found.append(
            Measurement(
                protocol=f"{protocol}; {delivery}",
                modality=Modality.AUDIO,
                metric="AUC, mean over sources",
                value=round(value, 3),
                low=round(low, 3),
                high=round(high, 3),
                real=sum(row.clip.label == 0 for row in kept),
                fake=sum(row.clip.label for row in kept),
                date=date,
            )
        )
    return found


def bootstrap_mean_auc(
    source: NDArray[np.int64], labels: NDArray[np.int64], scores: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return the mean AUC over sources between the ends of its 95 % interval: low, value, high."""
    groups = [
        [np.flatnonzero((source == n) & (labels == label)) for label in (0, 1)] for n in np.unique(source)
    ]
    rng = np.random.default_rng(0)

    def mean(drawn: Sequence[Sequence[NDArray[np.int64]]]) -> float:
        return float(np.mean([_auc(scores[real], scores[fake]) for real, fake in drawn]))

    values = [
        mean([[rng.choice(members, len(members)) for members in pair] for pair in groups])
        for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), mean(groups), float(high)


def _auc(real: NDArray[np.float64], fake: NDArray[np.float64]) -> float:
    """How often a fake scores above a real; a thousand resamples want a plainer way than a curve."""
    ranked = np.sort(real)
    below = np.searchsorted(ranked, fake, "left") + np.searchsorted(ranked, fake, "right")
    return float(below.mean() / (2 * len(real)))


def write_scores(scored: Iterable[Scored], path: Path) -> None:
    """Write one CSV row per clip and delivery that was judged."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in scored:
            clip = row.clip
            for delivery, value in row.scores.items():
                if value is not None:
                    cells = (clip.key, Modality.AUDIO.value, clip.source, clip.generator, clip.label)
                    writer.writerow((*cells, delivery, f"{value:.6f}"))
