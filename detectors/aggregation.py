"""From the logits of a medium's parts (frames, faces, clips, windows) to one score."""

from __future__ import annotations

import torch
from torch import Tensor

from detectors.base import Output


def of_logits(logits: Tensor, parts: str) -> Output:
    """Average logits ``(N,)``; several leave their probabilities as ``<parts>_scores`` in the evidence."""
    return _with_own(torch.sigmoid(logits.double().mean()), torch.sigmoid(logits.double()), parts)


def of_probabilities(probabilities: Tensor, parts: str) -> Output:
    """Average probabilities ``(N,)``; several are in the evidence as ``<parts>_scores``."""
    return _with_own(probabilities.mean(), probabilities, parts)


def _with_own(score: Tensor, own: Tensor, parts: str) -> Output:
    return Output(float(score), {f"{parts}_scores": rounded(own)} if len(own) > 1 else {})


def rounded(scores: Tensor) -> list[float]:
    """Scores as evidence: four decimals."""
    return [round(score, 4) for score in scores.tolist()]
