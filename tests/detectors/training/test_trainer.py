from __future__ import annotations

import math
import os
import signal
from pathlib import Path

import pytest
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau

from detectors.errors import TrainingError
from detectors.training.recipe import Batch, Plan
from detectors.training.signals import StopSignals
from detectors.training.trainer import BEST, CHECKPOINT
from tests.detectors.training.toy import Points, Toy, ToyRecipe, Watching, same_weights


class OneCycle(ToyRecipe):
    def schedule(self, optimiser: Optimizer, plan: Plan) -> LRScheduler:
        return OneCycleLR(optimiser, self.settings.lr, total_steps=plan.steps)


class Plateau(ToyRecipe):
    def schedule(self, optimiser: Optimizer, plan: Plan) -> LRScheduler:
        return ReduceLROnPlateau(optimiser, factor=0.1, patience=0)

    def is_over(self, rate: float) -> bool:
        return rate < 1e-5


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [
        (ToyRecipe, {}),
        (OneCycle, {"clip": 0.5, "metric": "loss"}),
        (ToyRecipe, {"ema": 0.9}),
        (ToyRecipe, {"swa": True, "metric": "loss", "validate_every": 3}),
        (Plateau, {"metric": "loss"}),
        (ToyRecipe, {"precision": "bf16-mixed"}),
        (ToyRecipe, {"workers": 2}),
    ],
    ids=["plain", "schedule", "moving average", "average of best", "plateau", "bf16", "workers"],
)
def test_a_training_that_was_stopped_ends_as_one_that_was_not(
    tmp_path: Path, recipe: type[ToyRecipe], settings: dict[str, object]
) -> None:
    straight, whole = Toy(tmp_path / "whole", settings=settings, recipe_type=recipe).fit()
    toy = Toy(tmp_path / "parts", settings=settings, recipe_type=recipe)
    _, half = toy.fit(stop_at=10)
    assert half.step == 10
    torch.manual_seed(99)  # whatever the second process did before
    resumed, rest = toy.fit(resume=True)
    assert whole.step == rest.step == 20
    assert same_weights(straight, resumed)
    assert whole.losses == rest.losses
    assert whole.validations == rest.validations


def test_what_is_seen_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole, first, second = Points(26, 1), Points(26, 1), Points(26, 1)
    Toy(tmp_path / "whole", examples=whole).fit()
    Toy(tmp_path / "parts", examples=first).fit(stop_at=10)
    Toy(tmp_path / "parts", examples=second).fit(resume=True)
    assert first.seen[:60] + second.seen == whole.seen[:120]


def test_the_loss_falls_and_another_seed_gives_other_weights(tmp_path: Path) -> None:
    one, progress = Toy(tmp_path / "one", steps=60).fit()
    other, _ = Toy(tmp_path / "other", steps=60, seed=4).fit()
    losses = [loss for _, loss in progress.losses]
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])
    assert progress.best is not None
    assert progress.best > 0.9
    assert not one.training
    assert not same_weights(one, other)


def test_the_best_weights_are_left_not_the_last(tmp_path: Path) -> None:
    toy = Toy(tmp_path / "run", settings={"metric": "auc", "validate_every": 1, "lr": 3.0})
    objective, progress = toy.fit()
    assert progress.best_step < 20
    kept, _ = Toy(
        tmp_path / "short",
        steps=progress.best_step,
        settings={"metric": "auc", "validate_every": 1, "lr": 3.0},
    ).fit()
    assert same_weights(objective, kept)
    assert (tmp_path / "run" / BEST).is_file()


def test_patience_ends_a_training_early(tmp_path: Path) -> None:
    watching = Watching()
    settings = {"patience": 2, "validate_every": 1, "lr": 1e-12, "metric": "accuracy"}
    _, progress = Toy(tmp_path / "run", steps=50, settings=settings).fit(watching=watching)
    assert progress.is_over
    assert progress.step == progress.best_step + 2 < 50
    assert [entry["step"] for entry in watching.metrics] == list(range(1, progress.step + 1))


def test_a_recipe_may_end_it_at_a_small_rate(tmp_path: Path) -> None:
    settings = {"validate_every": 1, "lr": 1e-4, "metric": "eer"}
    _, progress = Toy(tmp_path / "run", steps=200, settings=settings, recipe_type=Plateau).fit()
    assert progress.is_over
    assert progress.step < 200


def test_a_loss_that_is_no_number_ends_it_with_a_mend(tmp_path: Path) -> None:
    class Broken(Points):
        def get(self, index: int, rng: object) -> Batch:
            found = super().get(index, None)
            return {**found, "point": found["point"] * math.nan}

    with pytest.raises(TrainingError, match=r"the loss is nan at step 1; lower --lr"):
        Toy(tmp_path / "run", examples=Broken(26, 1)).fit()


def test_without_validation_the_last_weights_are_left(tmp_path: Path) -> None:
    _, progress = Toy(tmp_path / "run").fit(validate=False)
    assert progress.best is None
    assert progress.validations == []
    assert not (tmp_path / "run" / BEST).exists()


def test_checkpoints_come_every_so_many_steps(tmp_path: Path) -> None:
    there: list[bool] = []
    path = tmp_path / "run" / CHECKPOINT
    watching = Watching(8, lambda: there.append(path.exists()))
    Toy(tmp_path / "run", settings={"checkpoint_every": 7}).fit(watching=watching)
    assert there == [True]
    assert not path.with_suffix(".new").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_a_checkpoint_and_a_second_one_at_once(
    tmp_path: Path, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    with StopSignals() as stop:
        watching = Watching(4, lambda: os.kill(os.getpid(), number))
        _, progress = Toy(tmp_path / "run").fit(watching=watching, stop=stop)
        assert progress.step == 4
        assert stop.received is number
        assert (tmp_path / "run" / CHECKPOINT).is_file()
        assert signal.getsignal(number) is before
    assert signal.getsignal(number) is before


def test_means_are_told_between_logs(tmp_path: Path) -> None:
    fine, coarse = Watching(), Watching()
    Toy(tmp_path / "fine", steps=12).fit(watching=fine)
    Toy(tmp_path / "coarse", steps=12, settings={"log_every": 5}).fit(watching=coarse)
    assert coarse.steps == [5, 10, 12]
    mean = sum(values["loss"] for values in fine.values[:5]) / 5
    assert coarse.values[0]["loss"] == pytest.approx(mean, rel=1e-5)
    assert coarse.values[0]["lr"] == 0.01
