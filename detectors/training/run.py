"""One training from its request to the files that it leaves: data, devices, the loop, weights, report.

OUT/NAME.safetensors     the weights, as the detector's loader takes them
OUT/NAME.json            where they come from (`report`)
OUT/NAME.run/            curves for TensorBoard; while it trains, the checkpoint that it goes on from
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from rich.console import Console

from detectors import weights
from detectors.base import View
from detectors.errors import TrainingError
from detectors.training import dataset, recipes, report
from detectors.training.dataset import Labelled
from detectors.training.devices import fabric_for
from detectors.training.loader import Order
from detectors.training.observers import Bar, Observer, TensorBoard
from detectors.training.recipe import Context, Objective, Plan, Recipe
from detectors.training.settings import RUNNING
from detectors.training.signals import StopSignals
from detectors.training.trainer import BEST, CHECKPOINT, Data, Progress, Trainer

STORE = "store"
_IDENTITY = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a training is asked for.

    ``recipe`` as `recipes.create` takes it; ``data`` and ``validation`` are folders (`dataset`,
    `view_files`); ``cache`` is a folder for what is made of them once. ``start`` is a file of weights to
    begin from, or ``store`` for those of the weights store. ``device`` as `devices.fabric_for` takes it.
    """

    recipe: str
    data: Path
    out: Path
    cache: Path
    validation: Path | None = None
    start: str | None = None
    resume: bool = False
    seed: int = 0
    device: str = "auto"
    settings: Mapping[str, object] = field(default_factory=dict)
    weights_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How a training ended; ``weights`` and ``report`` are None where it was stopped before its end.

    ``is_first``: of several processes, this is the one that wrote them.
    """

    progress: Progress
    weights: Path | None = None
    report: Path | None = None
    is_first: bool = True


@dataclass(frozen=True, slots=True)
class _Split:
    train: Sequence[Labelled]
    validation: Sequence[Labelled]


def view_of(recipe: str) -> tuple[View, str]:
    """Return the view that a recipe learns from, and the name of its detector.

    Raises:
        TrainingError: no such recipe.
    """
    found = recipes.create(recipe)
    return found.view, found.detector


def run(request: Request, console: Console) -> Result:
    """Train as asked.

    Raises:
        TrainingError: the request, the data or a setting cannot be used; the message says why.
        WeightsError: weights to begin from or to learn from are missing or wrong.
    """
    recipe = recipes.create(request.recipe, request.settings)
    try:
        return _train(recipe, request, console)
    except ValueError as error:  # of the data: the message names the file or what is missing
        raise TrainingError(str(error)) from error


def _train(recipe: Recipe[Any], request: Request, console: Console) -> Result:
    settings = recipe.settings
    fabric = fabric_for(request.device, settings.precision, recipe.cuda_precision)
    if settings.batch < fabric.world_size:
        raise TrainingError(f"a batch of {settings.batch} is too small for {fabric.world_size} devices")
    split = _split(recipe, request)
    name = request.recipe.partition(":")[0]
    folder = request.out / f"{name}.run"
    identity = _identity(recipe, request, split)
    _require_fit(folder, identity, resume=request.resume)
    context = Context(request.cache, fabric.device, request.weights_dir, request.seed)
    data = _data(recipe, request, split, context)  # before there are several processes: it may take hours
    fabric.launch()
    if fabric.is_global_zero and not request.resume:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _IDENTITY).write_text(f"{json.dumps(identity, indent=1)}\n", "utf-8")
    fabric.barrier()
    plan = _plan(recipe, len(data.train))
    objective = _objective(recipe, request, context)
    start = _step_reached(folder) if request.resume else 0
    with ExitStack() as stack:
        observers: list[Observer] = []
        if fabric.is_global_zero:
            bar = Bar(request.recipe, plan.steps, start, settings.metric, console)
            observers = [stack.enter_context(bar), stack.enter_context(TensorBoard(folder, start))]
        stop = stack.enter_context(StopSignals())
        trainer = Trainer(fabric, recipe, plan, folder, seed=request.seed, observers=observers, stop=stop)
        progress = trainer.fit(objective, data, resume=request.resume)
    if progress.step < plan.steps and not progress.is_over:
        return Result(progress, is_first=fabric.is_global_zero)
    found = _leave(recipe, request, fabric, split, objective, progress, plan, identity)
    for file in (CHECKPOINT, BEST):
        (folder / file).unlink(missing_ok=True)
    return found


def _split(recipe: Recipe[Any], request: Request) -> _Split:
    items = recipe.scan(request.data)
    if request.validation is not None:
        held: Sequence[Labelled] = recipe.scan(request.validation)
        known = {item.medium for item in held}
        # What judges must not have been learned from, wherever it lies.
        left = [item for item in items if item.medium not in known]
        if {item.label for item in left} != {0, 1}:
            raise ValueError(f"{request.data} has nothing to train on that is not in {request.validation}")
        return _Split(left, held)
    if recipe.settings.holdout:
        return _Split(*dataset.hold_out(items, recipe.settings.holdout, request.seed))
    return _Split(items, ())


def _identity(recipe: Recipe[Any], request: Request, split: _Split) -> dict[str, Any]:
    """What must be the same for a training to go on."""
    start = request.start
    return {
        "recipe": request.recipe,
        "seed": request.seed,
        "settings": recipe.settings.model_dump(mode="json", exclude=set(RUNNING)),
        "data": _digest(split.train),
        "validation": _digest(split.validation),
        "from": weights.digest(Path(start)) if start and Path(start).is_file() else start,
    }


def _digest(items: Sequence[Labelled]) -> str:
    lines = "\n".join(f"{item.key} {item.label}" for item in items)
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def _require_fit(folder: Path, identity: dict[str, Any], *, resume: bool) -> None:
    """See that what is in the run's folder is the training that goes on, or that nothing is lost there."""
    there, described = folder / CHECKPOINT, folder / _IDENTITY
    if resume:
        if not there.is_file():
            raise TrainingError(f"{folder} has no checkpoint to go on from; train without --resume")
        before = json.loads(described.read_text("utf-8"))
        changed = [key for key in identity if before.get(key) != identity[key]]
        if changed:
            what = ", ".join(_difference(key, before.get(key), identity[key]) for key in changed)
            raise TrainingError(f"the training in {folder} was begun otherwise ({what}); ask as then")
        return
    if there.is_file():
        raise TrainingError(
            f"{folder} holds a training that was not finished; --resume goes on with it, "
            "another --out begins anew"
        )


def _difference(key: str, before: Any, now: Any) -> str:
    if key in {"data", "validation"}:
        return f"other {key}"
    if isinstance(before, dict) and isinstance(now, dict):
        pairs = (f"{name} was {before.get(name)}" for name in now if before.get(name) != now[name])
        return ", ".join(pairs)
    return f"{key} was {before}"


def _step_reached(folder: Path) -> int:
    """The step of the checkpoint, for what is shown."""
    found = torch.load(folder / CHECKPOINT, map_location="cpu", mmap=True, weights_only=True)
    return int(found["progress"]["step"])


def _data(recipe: Recipe[Any], request: Request, split: _Split, context: Context) -> Data:
    settings = recipe.settings
    train = recipe.examples(split.train, context, train=True)
    balance = dataset.sampling_weights(split.train) if settings.sampling == "balanced" else None
    order = Order(len(train), settings.batch, request.seed, balance)
    held = split.validation
    return Data(train, order, recipe.examples(held, context, train=False) if held else None)


def _plan(recipe: Recipe[Any], count: int) -> Plan:
    settings = recipe.settings
    epoch = -(-count // settings.batch)
    return Plan(settings.steps or settings.epochs * epoch, epoch)


def _objective(recipe: Recipe[Any], request: Request, context: Context) -> Objective:
    torch.manual_seed(request.seed)
    objective = recipe.objective(context)
    if request.start is not None and not request.resume:
        described = recipe.record().part(recipe.part)
        if request.start == STORE:
            state = weights.read(described, request.weights_dir)
        elif Path(request.start).is_file():
            path = Path(request.start)
            state = weights.named(weights.read_file(path, described.file.wrapper), described.file, path.name)
        else:
            raise TrainingError(f"--from {request.start} is no file; `store` begins from fetched weights")
        recipe.start(objective, state)
    return objective


def _leave(
    recipe: Recipe[Any],
    request: Request,
    fabric: Fabric,
    split: _Split,
    objective: Objective,
    progress: Progress,
    plan: Plan,
    identity: dict[str, Any],
) -> Result:
    """Write the weights and the report, by the first process."""
    name = request.recipe.partition(":")[0]
    file, beside = (request.out / f"{name}{suffix}" for suffix in (".safetensors", ".json"))
    if fabric.is_global_zero:
        being_written = file.with_suffix(".new")
        weights.save(recipe.export(objective), being_written, recipe.metadata())
        being_written.replace(file)
        sets = report.data_sets(split.train)
        said = f"veritag train {request.recipe}, seed {request.seed}, {progress.step} steps"
        record = report.describe(
            *(recipe.record(), recipe.part, file, sets, said),
            from_scratch=request.start is None and recipe.is_from_scratch(),
        )
        report.write(
            beside,
            record,
            {
                **identity,
                "settings": recipe.settings.model_dump(mode="json"),
                "follows": recipe.follows,
                "weights": file.name,
                "sha256": weights.digest(file),
                "device": str(fabric.device),
                "precision": fabric.strategy.precision.precision,
                "steps": {"planned": plan.steps, "done": progress.step, "epoch": plan.epoch},
                "best": {
                    "metric": recipe.settings.metric,
                    "value": progress.best,
                    "step": progress.best_step,
                },
                "data_sets": [entry.model_dump() for entry in sets],
                "validation_sets": [entry.model_dump() for entry in report.data_sets(split.validation)],
                "losses": progress.losses,
                "validations": progress.validations,
            },
        )
    fabric.barrier()
    return Result(progress, file, beside, fabric.is_global_zero)
