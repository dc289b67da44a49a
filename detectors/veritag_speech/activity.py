"""Where in a sound somebody speaks, by its energy alone: music is not told from speech."""

from __future__ import annotations

import torch
from torch import Tensor

FRAME = 320  # 20 ms
BELOW_LOUDEST = 40.0  # dB
SILENCE = 1e-4  # effective value; 80 dB below full scale


def active_frames(waveform: Tensor) -> Tensor:
    """Say for each 20 ms of float ``(samples,)`` whether it is loud enough to be speech: bool ``(frames,)``.

    Loud enough is at most 40 dB below the loud frames (their 95th percentile) and above silence.
    """
    whole = len(waveform) // FRAME * FRAME
    if whole == 0:
        return torch.zeros(0, dtype=torch.bool)
    frames = waveform[:whole].reshape(-1, FRAME)
    level = (frames - frames.mean(dim=1, keepdim=True)).square().mean(dim=1).sqrt()
    loud = level.kthvalue(int(0.95 * (len(level) - 1)) + 1).values
    threshold = torch.clamp(loud * 10 ** (-BELOW_LOUDEST / 20), min=SILENCE)
    return torch.gt(level, threshold)
