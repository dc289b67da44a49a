"""AASIST and AASIST-L as detectors of sound: preprocessing, windows, score."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors import aggregation
from detectors.aasist.frontend import SAMPLE_RATE
from detectors.aasist.network import AASIST, AASIST_L, AasistNetwork
from detectors.base import Output, View
from detectors.errors import NotApplicable
from detectors.network_detector import NetworkDetector
from detectors.record import WeightsRecord

WINDOW = 64_600
MAX_WINDOWS = 8
MIN_SAMPLES = SAMPLE_RATE // 4
SILENCE = 1e-3  # peak; 60 dB below full scale
_SIZES = {"aasist": AASIST, "aasist_l": AASIST_L}


def cut_windows(waveform: Tensor, most: int = MAX_WINDOWS) -> Tensor:
    """Cut a waveform ``(samples,)`` into windows ``(W, 64600)``, evenly spaced from its start to its end.

    The first one is what the published evaluation judges; a shorter waveform is repeated until it fills one,
    as published. There are as many windows as fit side by side, and one more for a rest, ``most`` at most.
    """
    length = len(waveform)
    if length < WINDOW:
        return waveform.repeat(WINDOW // length + 1)[None, :WINDOW]
    count = min(most, -(-length // WINDOW))
    starts = torch.linspace(0, length - WINDOW, count, dtype=torch.float64).round().long().tolist()
    return torch.stack([waveform[start : start + WINDOW] for start in starts])


class Aasist(NetworkDetector):
    """AASIST or AASIST-L, as the record names it, on the sound of a medium.

    Up to eight windows of 4 s are judged and their logits averaged; windows without sound are left out.
    """

    view = View.WAVEFORM

    @classmethod
    def build(cls, record: WeightsRecord) -> nn.Module:
        """Return the larger or the smaller network, as the record is named."""
        return AasistNetwork(_SIZES[record.name])

    def preprocess(self, view: Tensor) -> Tensor:
        """Cut the windows that hold sound: float32 ``(W, 64600)`` on the detector's device, W from 1 to 8.

        Raises:
            NotApplicable: shorter than a quarter of a second, silent, or not all samples are numbers.
        """
        if len(view) < MIN_SAMPLES:
            seconds = len(view) / SAMPLE_RATE
            raise NotApplicable(f"the sound is too short to judge ({seconds:.2f} s; at least 0.25 s)")
        if not view.isfinite().all():
            raise NotApplicable("the sound is broken: some of its samples are not numbers")
        windows = cut_windows(view)
        sounding = windows.abs().amax(dim=1) >= SILENCE
        if not sounding.any():
            raise NotApplicable("the sound is silent")
        return windows[sounding].to(self._device, torch.float32)

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        """Return one logit per window, float32 ``(len(batch),)``: the spoofed class less the genuine one."""
        # One window's activations take some 300 MB: on a CPU, several at once are slower than one by one.
        at_once = 1 if self._device.type == "cpu" else len(batch)
        spoofed, genuine = torch.cat([self._network(part) for part in torch.split(batch, at_once)]).unbind(
            dim=1
        )
        logits: Tensor = spoofed - genuine
        return logits

    def reduce(self, logits: Tensor) -> Output:
        """Average the logits; several windows leave their own scores as ``window_scores`` in the evidence."""
        return aggregation.of_logits(logits, "window")
