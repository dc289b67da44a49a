"""A recipe small enough to be trained in a moment, with all that makes a training hard to repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from detectors.training.devices import fabric_for
from detectors.training.loader import Order
from detectors.training.recipe import Batch, Context, Examples, Objective, Plan, Recipe
from detectors.training.settings import Settings, parse
from detectors.training.trainer import Data, Progress, Trainer

WIDTH = 8


class Points:
    """Two clouds of points; noise is added to those that are trained on."""

    def __init__(self, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.labels = np.arange(count) % 2
        self._points = rng.normal(self.labels[:, None] - 0.5, 0.5, (count, WIDTH)).astype(np.float32)
        self.seen: list[int] = []

    def __len__(self) -> int:
        return len(self.labels)

    def get(self, index: int, rng: np.random.Generator | None) -> Batch:
        self.seen.append(index)
        point = self._points[index]
        if rng is not None:
            point = point + rng.normal(0, 0.1, WIDTH).astype(np.float32)
        return {"point": torch.from_numpy(point), "label": torch.tensor(int(self.labels[index]))}


class ToyObjective(Objective):
    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(WIDTH, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1)
        )

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        logits = self.network(batch["point"])[:, 0]
        loss = F.binary_cross_entropy_with_logits(logits, batch["label"].to(logits))
        return {"loss": loss, "logit": logits}


class ToyRecipe(Recipe[Settings]):
    detector = "ladeda"
    follows = "nothing"

    def examples(self, items: Sequence[Any], context: Context, *, train: bool) -> Examples:
        raise NotImplementedError

    def objective(self, context: Context) -> Objective:
        raise NotImplementedError


class Watching:
    """Notes what it is told, and does something at a step."""

    def __init__(self, at: int = 0, act: Callable[[], None] = lambda: None) -> None:
        self.steps: list[int] = []
        self.values: list[Mapping[str, float]] = []
        self.metrics: list[Mapping[str, float]] = []
        self._at, self._act = at, act

    def stepped(self, step: int, values: Mapping[str, float], items_per_second: float) -> None:
        assert items_per_second > 0
        self.steps.append(step)
        self.values.append(values)
        if step == self._at:
            self._act()

    def validated(self, step: int, metrics: Mapping[str, float]) -> None:
        self.metrics.append({"step": step, **metrics})


@dataclass
class Toy:
    """One training of the toy, with what came out."""

    folder: Path
    steps: int = 20
    settings: Mapping[str, object] = field(default_factory=dict)
    recipe_type: type[ToyRecipe] = ToyRecipe
    seed: int = 3
    examples: Points | None = None

    def fit(
        self,
        *,
        resume: bool = False,
        stop_at: int | None = None,
        watching: Watching | None = None,
        validate: bool = True,
        stop: Callable[[], bool] | None = None,
    ) -> tuple[Objective, Progress]:
        self.folder.mkdir(exist_ok=True)
        chosen = parse(Settings, {"batch": 6, "log_every": 1, "lr": 0.01, **self.settings})
        torch.manual_seed(0)
        objective = ToyObjective()
        examples = self.examples or Points(26, 1)
        order = Order(len(examples), chosen.batch, self.seed)
        data = Data(examples, order, Points(20, 2) if validate else None)
        watching = watching or Watching()
        fabric = fabric_for("cpu", chosen.precision, "32-true")
        fabric.launch()
        trainer = Trainer(
            fabric,
            self.recipe_type(chosen),
            Plan(self.steps, 5),
            self.folder,
            seed=self.seed,
            observers=(watching,),
            stop=stop or (lambda: stop_at is not None and watching.steps[-1] == stop_at),
        )
        return objective, trainer.fit(objective, data, resume=resume)


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)
