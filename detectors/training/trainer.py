"""The loop that trains every detector: it knows losses, steps and checkpoints, and nothing of detectors.

Each step is a function of the weights, the seed and its number (see `loader`), so that a training that was
stopped and goes on ends with the same weights as one that never was.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.utils.data import DataLoader

from detectors import weights
from detectors.errors import TrainingError
from detectors.training.averaging import Averages
from detectors.training.loader import Order, torch_seed, training_batches, validation_batches
from detectors.training.observers import Observer
from detectors.training.recipe import Batch, Examples, Objective, Plan, Recipe
from detectors.training.settings import Settings, is_better
from detectors.training.validation import validate

CHECKPOINT = "last.ckpt"
BEST = "best.safetensors"


@dataclass
class Progress:
    """How far a training is; everything of it that is not weights.

    ``losses`` are (step, mean since the one before), ``validations`` the metrics with their ``step``.
    ``without_gain`` counts validations since the best one.
    """

    step: int = 0
    best: float | None = None
    best_step: int = 0
    without_gain: int = 0
    is_over: bool = False
    losses: list[list[float]] = field(default_factory=list)
    validations: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Data:
    """What is learned from, and what judges the result; ``order`` says when what is learned from."""

    train: Examples
    order: Order
    validation: Examples | None = None


class Trainer:
    """Trains one objective.

    Args:
        fabric: launched; says on which devices and with which precision.
        recipe: optimiser, schedule and settings.
        plan: how many steps.
        folder: where checkpoints lie.
        observers: told how it goes, on the first process.
        stop: asked after each step; True ends the training after a checkpoint.
    """

    def __init__(
        self,
        fabric: Fabric,
        recipe: Recipe[Any],
        plan: Plan,
        folder: Path,
        *,
        seed: int = 0,
        observers: Sequence[Observer] = (),
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._fabric, self._recipe, self._plan, self._folder = fabric, recipe, plan, folder
        self._settings: Settings = recipe.settings
        self._seed, self._stop = seed, stop
        self._observers = observers if fabric.is_global_zero else ()

    def fit(self, objective: Objective, data: Data, *, resume: bool = False) -> Progress:
        """Train an objective, in place, and leave it with the best weights, in evaluation mode.

        Returns:
            How far it came: short of the plan where `stop` said so (a checkpoint then lies in the folder).

        Raises:
            TrainingError: the loss is no number, or a file of the data is damaged.
        """
        self._setup(objective, data)
        if resume:
            self._load()
        rates = _Rates()
        while not self._is_done():
            batches = self._training_batches(data, self._progress.step)
            for batch in batches:
                self._step(batch, rates)
                if self._is_due_to_validate():
                    self._validate()
                stopped = self._asked_to_stop()
                if stopped or self._progress.step % self._settings.checkpoint_every == 0:
                    self._save()
                if stopped:
                    return self._progress
                if self._is_done():
                    break
        self._take_best(data)
        return self._progress

    def _setup(self, objective: Objective, data: Data) -> None:
        self._objective = objective
        optimiser = self._recipe.optimiser(objective)
        self._schedule: LRScheduler | None = self._recipe.schedule(optimiser, self._plan)
        self._module, self._optimiser = self._fabric.setup(objective, optimiser)
        self._module.train()
        self._averages = Averages(objective, self._settings.ema, swa=self._settings.swa)
        self._progress = Progress()
        self._validation = None
        if data.validation is not None:
            size = self._settings.batch
            loader = validation_batches(data.validation, size, self._settings.workers)
            self._validation = self._on_device(loader)

    def _on_device(self, loader: DataLoader[Batch]) -> Any:
        return self._fabric.setup_dataloaders(loader, use_distributed_sampler=False)

    def _training_batches(self, data: Data, start: int) -> Any:
        loader = training_batches(
            data.train,
            data.order,
            range(start, self._plan.steps),
            self._seed,
            rank=self._fabric.global_rank,
            world=self._fabric.world_size,
            workers=self._settings.workers,
        )
        return self._on_device(loader)

    def _is_done(self) -> bool:
        return self._progress.is_over or self._progress.step >= self._plan.steps

    def _step(self, batch: Batch, rates: _Rates) -> None:
        torch.manual_seed(torch_seed(self._seed, self._progress.step, self._fabric.global_rank))
        found = self._module(batch)
        found.pop("logit", None)
        self._fabric.backward(found["loss"])
        if self._settings.clip:
            self._fabric.clip_gradients(
                self._module, self._optimiser, max_norm=self._settings.clip, error_if_nonfinite=False
            )
        self._optimiser.step()
        self._optimiser.zero_grad()
        if self._schedule is not None and not isinstance(self._schedule, ReduceLROnPlateau):
            self._schedule.step()
        self._averages.stepped()
        self._progress.step += 1
        rates.add(found)
        step = self._progress.step
        if step % self._settings.log_every == 0 or step == self._plan.steps or self._is_due_to_validate():
            self._log(rates)

    def _log(self, rates: _Rates) -> None:
        values, per_second = rates.read()
        step = self._progress.step
        if not math.isfinite(values["loss"]):
            raise TrainingError(
                f"the loss is {values['loss']} at step {step}; "
                "lower --lr, clip by --set clip=1, or train with --precision 32-true"
            )
        self._progress.losses.append([step, values["loss"]])
        values["lr"] = self._rate()
        for observer in self._observers:
            observer.stepped(step, values, per_second * self._settings.batch)

    def _rate(self) -> float:
        return float(self._optimiser.param_groups[0]["lr"])

    def _is_due_to_validate(self) -> bool:
        every = self._settings.validate_every or self._plan.epoch
        step = self._progress.step
        return self._validation is not None and (step % every == 0 or step == self._plan.steps)

    def _validate(self) -> None:
        progress, settings = self._progress, self._settings
        metrics = self._judge(self._averages.current)
        progress.validations.append({"step": progress.step, **metrics})
        value = metrics[settings.metric]
        if is_better(settings.metric, value, progress.best):
            progress.best, progress.best_step, progress.without_gain = value, progress.step, 0
            self._averages.improved()
            self._keep_best(self._averages.current)
        else:
            progress.without_gain += 1
        if isinstance(self._schedule, ReduceLROnPlateau):
            self._schedule.step(value)
        out_of_patience = 0 < settings.patience <= progress.without_gain
        progress.is_over = out_of_patience or self._recipe.is_over(self._rate())
        for observer in self._observers:
            observer.validated(progress.step, metrics)

    def _judge(self, objective: Objective) -> dict[str, float]:
        assert self._validation is not None
        with self._fabric.autocast():
            return validate(objective, self._validation)

    def _keep_best(self, objective: Objective) -> None:
        if self._fabric.is_global_zero:
            being_written = (self._folder / BEST).with_suffix(".new")
            weights.save(objective.state_dict(), being_written)
            being_written.replace(self._folder / BEST)
        self._fabric.barrier()

    def _take_best(self, data: Data) -> None:
        """Put the weights that are to be exported into the objective."""
        if self._progress.best is None:
            self._objective.load_state_dict(self._averages.current.state_dict())
            self._objective.eval()
            return
        averaged = self._averages.of_best(self._training_batches(data, 0))
        if averaged is not None:
            metrics = self._judge(averaged)
            self._progress.validations.append({"step": self._progress.step, "averaged": 1.0, **metrics})
            if is_better(self._settings.metric, metrics[self._settings.metric], self._progress.best):
                self._keep_best(averaged)
        self._objective.load_state_dict(weights.read_file(self._folder / BEST))
        self._objective.eval()

    def _asked_to_stop(self) -> bool:
        """Whether any process was told to stop: all must take the same step last."""
        asked = self._stop()
        if self._fabric.world_size == 1:
            return asked
        votes = self._fabric.all_reduce(torch.tensor(float(asked)), reduce_op="sum")
        assert isinstance(votes, Tensor)
        return bool(votes > 0)

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = {"objective": self._module, "optimiser": self._optimiser}
        if self._schedule is not None:
            state["schedule"] = self._schedule
        state |= self._averages.modules()
        return state

    def _save(self) -> None:
        path = self._folder / CHECKPOINT
        state = self._state() | {
            "precision": self._fabric.strategy.precision.state_dict(),
            "progress": asdict(self._progress),
        }
        being_written = path.with_suffix(".new")
        self._fabric.save(being_written, state)
        if self._fabric.is_global_zero:
            being_written.replace(path)
        self._fabric.barrier()

    def _load(self) -> None:
        rest = self._fabric.load(self._folder / CHECKPOINT, self._state(), strict=False, weights_only=True)
        self._fabric.strategy.precision.load_state_dict(rest["precision"])
        self._progress = Progress(**rest["progress"])


class _Rates:
    """Means and speed since they were last read; sums stay on the device until then."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._steps, self._since = 0, time.perf_counter()

    def add(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value.detach())) + value.detach()
        self._steps += 1

    def read(self) -> tuple[dict[str, float], float]:
        now = time.perf_counter()
        means = {name: float(total) / self._steps for name, total in self._sums.items()}
        per_second = self._steps / max(now - self._since, 1e-9)
        self._sums, self._steps, self._since = {}, 0, now
        return means, per_second
