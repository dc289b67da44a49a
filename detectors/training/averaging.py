"""Averages of the weights that a training passes through: what is exported is often better for them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, cast

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from detectors.training.recipe import Batch, Objective

_BATCHES_FOR_NORMS = 200


def _exponential(decay: float) -> Any:
    return get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]


class Averages:
    """The averages that a training's settings ask for.

    Args:
        objective: what is averaged.
        ema: decay of the moving average over all steps; 0: none.
        swa: whether to average the weights of the validations that were the best so far.
    """

    def __init__(self, objective: Objective, ema: float, *, swa: bool) -> None:
        self._objective = objective
        self._moving = (
            AveragedModel(objective, multi_avg_fn=_exponential(ema), use_buffers=True) if ema else None
        )
        self._of_best = AveragedModel(objective) if swa else None

    def modules(self) -> dict[str, AveragedModel]:
        """Return the averages that there are, for checkpoints."""
        found = {"moving_average": self._moving, "average_of_best": self._of_best}
        return {name: module for name, module in found.items() if module is not None}

    def stepped(self) -> None:
        """Follow a step."""
        if self._moving is not None:
            self._moving.update_parameters(self._objective)

    def improved(self) -> None:
        """Follow a validation that was the best so far."""
        if self._of_best is not None:
            self._of_best.update_parameters(self.current)

    @property
    def current(self) -> Objective:
        """What is validated: the moving average if there is one, else the weights as they are."""
        return self._objective if self._moving is None else cast(Objective, self._moving.module)

    def of_best(self, batches: Iterable[Batch]) -> Objective | None:
        """Return the average over the best validations, its batch norms estimated anew on these batches;
        None if there is none of at least two.
        """
        if self._of_best is None or int(self._of_best.n_averaged) < 2:
            return None
        with torch.no_grad():
            update_bn(islice(batches, _BATCHES_FOR_NORMS), self._of_best)
        self._of_best.eval()
        return cast(Objective, self._of_best.module)
