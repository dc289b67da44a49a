"""Torch in bfloat16 where the network tolerates it, with pictures in the channels-last layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from detectors.base import Detector


def has_bf16(device: str) -> bool:
    """Whether the processor multiplies bfloat16 matrices itself."""
    import torch

    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def runner(detector: Detector, device: str) -> Callable[[Tensor], Tensor]:
    """A detector's forward step under autocast; logits are float32."""
    import torch

    kind = torch.device(device).type

    def run(batch: Tensor) -> Tensor:
        if batch.ndim == 4:
            batch = batch.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast(kind, torch.bfloat16):
            return detector.forward(batch).float()

    return run
