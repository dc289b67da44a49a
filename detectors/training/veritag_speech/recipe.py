"""How the weights come about: statistics of many windows of each clip, then one logistic regression.

Every clip is heard as it is and with several file histories. Clips of one source share one weight, which
grows with the root of their number; both classes weigh the same. The fit is convex: the same statistics
give the same weights, and only the drawn histories depend on the seed.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from detectors.generation.base import item_rng
from detectors.training.veritag_speech import histories
from detectors.training.veritag_speech.clips import Clip
from detectors.veritag_speech.activity import active_frames
from detectors.veritag_speech.detector import SpeechNetwork, cut_windows
from detectors.veritag_speech.statistics import WINDOW

Tick = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the result depends on besides the clips and the seed.

    ``histories`` is how often each clip is heard besides as it is, ``windows`` how many windows of it at
    most, ``penalty`` weighs half the squared weights against the mean loss.
    """

    histories: int = 8
    windows: int = 3
    penalty: float = 0.2
    rounds: int = 400


@dataclass(frozen=True, slots=True)
class Rows:
    """Statistics of windows, float32 ``(N, STATISTICS)``, and which clip each row is of, int64 ``(N,)``."""

    statistics: Tensor
    clip: NDArray[np.int64]


def hear(clip: Clip, settings: Settings, seed: int) -> Tensor:
    """Return the windows of a clip in all its histories, ``(N, WINDOW)``; none where nothing is spoken.

    They depend on the seed and the clip alone, not on the other clips.
    """
    rng = item_rng(seed, clip.sha256)
    sounds = [clip.sound]
    sounds += [torch.from_numpy(histories.draw(rng)(clip.sound.numpy())) for _ in range(settings.histories)]
    spoken = [sound for sound in sounds if active_frames(sound).any()]
    if not spoken:
        return torch.zeros(0, WINDOW)
    return torch.cat([cut_windows(sound, settings.windows)[0] for sound in spoken])


def gather(clips: Sequence[Clip], settings: Settings, seed: int, tick: Tick | None = None) -> Rows:
    """Hear every clip and take its statistics; `tick` is called after each clip."""
    statistics = SpeechNetwork().statistics
    found, owner = [], []
    with torch.inference_mode():
        for index, clip in enumerate(clips):
            windows = hear(clip, settings, seed)
            found.append(statistics(windows) if len(windows) else torch.zeros(0, 0))
            owner += [index] * len(windows)
            if tick:
                tick()
    return Rows(torch.cat([part for part in found if len(part)]), np.array(owner, dtype=np.int64))


def fit(clips: Sequence[Clip], rows: Rows, settings: Settings, chosen: Sequence[int]) -> SpeechNetwork:
    """Fit on the chosen clips (indices); the network is returned in evaluation mode.

    Raises:
        ValueError: they are of one class only.
    """
    labels = np.array([clip.label for clip in clips])[rows.clip]
    mine = np.isin(rows.clip, np.asarray(chosen))
    weight = row_weights(clips, rows.clip[mine])
    statistics = rows.statistics.numpy()[mine].astype(np.float64)
    if len(set(labels[mine])) < 2:
        raise ValueError("training needs clips of both classes with speech in them")
    network = SpeechNetwork()
    mean = np.average(statistics, axis=0, weights=weight)
    deviation = np.sqrt(np.average((statistics - mean) ** 2, axis=0, weights=weight))
    network.mean.copy_(torch.from_numpy(mean))
    network.deviation.copy_(torch.from_numpy(np.maximum(deviation, 1e-4)))
    standardised = network.standardise(rows.statistics[torch.from_numpy(mine)]).numpy()
    model = LogisticRegression(C=1 / (settings.penalty * weight.sum()), max_iter=settings.rounds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the rounds are a setting
        model.fit(standardised.astype(np.float64), labels[mine], sample_weight=weight)
    with torch.no_grad():
        network.fc.weight.copy_(torch.from_numpy(model.coef_))
        network.fc.bias.copy_(torch.from_numpy(model.intercept_))
    return network.eval()


def row_weights(clips: Sequence[Clip], owner: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weigh rows, mean 1: clips of one source and class share its root size, the classes are balanced."""
    present = np.unique(owner)
    groups = Counter((clips[index].source, clips[index].label) for index in present.tolist())
    per_clip = {
        index: groups[clips[index].source, clips[index].label] ** -0.5 / int((owner == index).sum())
        for index in present.tolist()
    }
    weight = np.array([per_clip[index] for index in owner.tolist()])
    labels = np.array([clips[index].label for index in owner.tolist()])
    for label in (0, 1):
        weight[labels == label] /= max(weight[labels == label].sum(), 1e-12)
    scaled: NDArray[np.float64] = weight / weight.mean()
    return scaled


def loss(network: SpeechNetwork, clips: Sequence[Clip], rows: Rows) -> float:
    """The mean cross entropy of the rows, weighed as in training."""
    labels = torch.tensor([float(clip.label) for clip in clips])[torch.from_numpy(rows.clip)]
    weight = torch.from_numpy(row_weights(clips, rows.clip))
    with torch.inference_mode():
        logits = network.fc(network.standardise(rows.statistics))[:, 0]
    each = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return float((each * weight).mean())
