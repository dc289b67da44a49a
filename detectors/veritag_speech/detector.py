"""The detector `veritag_speech`: windows of two seconds, their statistics, one linear layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors import aggregation
from detectors.base import Output, View
from detectors.errors import NotApplicable
from detectors.network_detector import NetworkDetector
from detectors.record import WeightsRecord
from detectors.veritag_speech.activity import FRAME, active_frames
from detectors.veritag_speech.statistics import SAMPLE_RATE, WINDOW, SpeechStatistics

MIN_SECONDS = 1.0
MIN_SPEECH = 0.5  # share of a window
MAX_WINDOWS = 32
LIMIT = 5.0  # deviations: no statistic counts for more
STATISTICS = 729


class SpeechNetwork(nn.Module):
    """Standardised statistics of a window, weighed.

    The mean and the deviation of each statistic are those of the speech trained on.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.statistics = SpeechStatistics()
        self.register_buffer("mean", torch.zeros(STATISTICS))
        self.register_buffer("deviation", torch.ones(STATISTICS))
        self.fc = nn.Linear(STATISTICS, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """Map float32 ``(B, WINDOW)`` to one logit each, ``(B,)``; positive = fake."""
        logits: Tensor = self.fc(self.standardise(self.statistics(windows)))[:, 0]
        return logits

    def standardise(self, statistics: Tensor) -> Tensor:
        """Map statistics ``(B, STATISTICS)`` to deviations from their mean, within `LIMIT`."""
        return ((statistics - self.mean) / self.deviation).clamp(-LIMIT, LIMIT)


def cut_windows(waveform: Tensor, most: int = MAX_WINDOWS) -> tuple[Tensor, Tensor]:
    """Cut the windows that hold speech: ``(W, WINDOW)`` and the samples at which they begin, ``(W,)``.

    Silence at both ends is cut off; what is left is repeated where it is shorter than a window. As many
    windows as fit side by side, and one more for a rest, are spread evenly, `most` at most; those with less
    than half a window of speech are left out, unless that leaves none.
    """
    active = active_frames(waveform)
    first, last = (int(active.nonzero()[end, 0]) for end in (0, -1))
    speech = waveform[first * FRAME : (last + 1) * FRAME]
    if len(speech) < WINDOW:
        return speech.repeat(WINDOW // len(speech) + 1)[None, :WINDOW], torch.tensor([first * FRAME])
    count = min(most, -(-len(speech) // WINDOW))
    starts = torch.linspace(0, len(speech) - WINDOW, count, dtype=torch.float64).round().long()
    heard = active[first : last + 1].float().unfold(0, WINDOW // FRAME, 1).mean(dim=1)[starts // FRAME]
    starts = starts[heard >= min(MIN_SPEECH, float(heard.max()))]
    windows = torch.stack([speech[start : start + WINDOW] for start in starts.tolist()])
    return windows, starts + first * FRAME


class VeritagSpeech(NetworkDetector):
    """Judges the speech of a medium by up to 32 windows of 2 s; their logits are averaged."""

    view = View.WAVEFORM

    @classmethod
    def build(cls, record: WeightsRecord) -> nn.Module:
        """Return the network; its statistics have tables of their own, so it is built in memory."""
        del record
        return SpeechNetwork()

    def preprocess(self, view: Tensor) -> Tensor:
        """Cut the windows that hold speech: float32 ``(W, 1 + WINDOW)`` on the device, W from 1 to 32.

        The first column says where each begins, in seconds.

        Raises:
            NotApplicable: silent, under a second of speech, or not all samples are numbers.
        """
        if not view.isfinite().all():
            raise NotApplicable("the sound is broken: some of its samples are not numbers")
        seconds = float(active_frames(view).sum()) * FRAME / SAMPLE_RATE
        if seconds == 0 and len(view) >= MIN_SECONDS * SAMPLE_RATE:
            raise NotApplicable("the sound is silent")
        if seconds < MIN_SECONDS:
            raise NotApplicable(f"too little speech to judge ({seconds:.2f} s; at least {MIN_SECONDS:.0f} s)")
        windows, starts = cut_windows(view)
        return torch.cat([starts[:, None] / SAMPLE_RATE, windows], dim=1).to(self._device, torch.float32)

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        """Return each window's logit and where it begins, in seconds: float32 ``(len(batch), 2)``."""
        return torch.stack([self._network(batch[:, 1:]), batch[:, 0]], dim=1)

    def reduce(self, logits: Tensor) -> Output:
        """Average the logits; of several windows the evidence has ``window_scores`` and ``window_starts``."""
        output = aggregation.of_logits(logits[:, 0], "window")
        if not output.evidence:
            return output
        starts = [round(start, 2) for start in logits[:, 1].tolist()]
        return Output(output.score, {**output.evidence, "window_starts": starts})
