"""What a training depends on besides data and seed; each recipe has its published values as defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detectors.errors import TrainingError

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
Metric = Literal["loss", "auc", "accuracy", "eer"]
_SMALLER_IS_BETTER: frozenset[Metric] = frozenset({"loss", "eer"})
# A recipe that overrides a default keeps its bounds by these.
Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
# These may differ when a training goes on: they change how it runs, not what comes out.
RUNNING = frozenset({"workers", "checkpoint_every", "log_every"})

S = TypeVar("S", bound="Settings")


class Settings(BaseModel):
    """What every recipe understands; a recipe's own class overrides the defaults and adds to them.

    ``steps`` are those of the optimiser, in all (None: ``epochs`` times the data); ``batch`` is of one step
    on all devices together. ``precision`` None is the recipe's own on a GPU and 32 bits elsewhere. ``clip``
    bounds the norm of the gradients, ``ema`` is the decay of a moving average of the weights, which is then
    what is validated and exported; ``swa`` averages the weights of those validations that were the best so
    far. ``patience`` ends the training after so many validations without a gain in ``metric``. 0 turns each
    of these off. ``validate_every`` is in steps (None: once an epoch). ``holdout`` is the share of the media,
    class by class, that validates where no validation folder is given. ``sampling`` ``balanced`` draws by
    `dataset.sampling_weights` instead of going through all of the data once an epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    steps: Count | None = None
    epochs: Count = 10
    batch: Count = 32
    lr: Positive = 1e-4
    weight_decay: Weight = 0.0
    precision: Precision | None = None
    clip: Weight = 0.0
    ema: Share = 0.0
    swa: bool = False
    metric: Metric = "auc"
    patience: Whole = 0
    validate_every: Count | None = None
    holdout: Share = 0.0
    sampling: Literal["shuffled", "balanced"] = "shuffled"
    checkpoint_every: Count = 500
    log_every: Count = 10
    workers: Whole = 0


def parse(settings: type[S], given: Mapping[str, object]) -> S:
    """Return the defaults with what was given in their place; values may be text.

    Raises:
        TrainingError: a name that the recipe does not know, or a value that it cannot use.
    """
    try:
        return settings.model_validate(given)
    except ValidationError as error:
        fault = error.errors()[0]
        name = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = ", ".join(sorted(settings.model_fields))
            raise TrainingError(f"there is no setting {name!r}; known: {known}") from error
        raise TrainingError(f"setting {name}={fault['input']} cannot be used: {fault['msg']}") from error


def is_better(metric: Metric, value: float, best: float | None) -> bool:
    """Say whether a value of a metric is better than the best so far."""
    if best is None:
        return True
    return value < best if metric in _SMALLER_IS_BETTER else value > best
