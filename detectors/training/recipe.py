"""What a recipe is: all that the trainer must be told of a detector, and nothing that it knows itself.

A recipe turns labelled items into examples, and a batch of examples into a loss; the trainer (`trainer`) does
the rest. Recipes are listed in `recipes`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from detectors import weights
from detectors.base import View
from detectors.errors import TrainingError
from detectors.record import WeightsRecord
from detectors.registry import record
from detectors.training import dataset, view_files
from detectors.training.dataset import Labelled
from detectors.training.settings import Precision, Settings

Batch = dict[str, Tensor]
S = TypeVar("S", bound=Settings)


class Examples(Protocol):
    """Items as a network gets them."""

    def __len__(self) -> int:
        """How many there are."""

    def get(self, index: int, rng: np.random.Generator | None) -> Batch:
        """Return one example, each tensor without a batch dimension.

        Args:
            rng: where every random choice comes from, so that a training repeats; None: nothing is random
                (validation).

        Raises:
            ValueError: its file is damaged.
        """


class Objective(nn.Module, ABC):
    """What is trained, as one module from a batch to its loss.

    ``network`` is the detector's; an objective may hold more that is trained with it. What only teaches is
    kept in a `Frozen`, out of checkpoints and of the optimiser's sight.
    """

    network: nn.Module

    @abstractmethod
    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return ``loss`` (a scalar) and ``logit`` (one per item, positive = fake).

        Other scalars are shown beside the loss. In evaluation mode nothing is random.
        """


class Frozen:
    """A network that teaches and is never trained: not part of the module that holds it."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module.eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Apply it where the input is."""
        output: Tensor = self._module.to(x.device)(x)
        return output

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Moving averages of a module that holds it share it."""
        del memo
        return self


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of a training.

    ``cache`` is a folder for what is made once and read often, ``weights_dir`` as for `registry.create`,
    ``device`` where frozen networks run beforehand.
    """

    cache: Path
    device: torch.device
    weights_dir: Path | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a training is: optimiser's steps in all, and of one pass over the data."""

    steps: int
    epoch: int


class Recipe(ABC, Generic[S]):
    """How one detector is trained.

    ``detector`` is the name of its record, ``part`` that of the file that is trained (None: the main one).
    ``settings_type`` holds the published settings; ``cuda_precision`` is the published one on a GPU;
    ``min_side`` is of pictures, in pixels; ``follows`` says in a line what is followed.
    """

    detector: ClassVar[str]
    view: ClassVar[View] = View.FRAMES
    part: ClassVar[str | None] = None
    settings_type: ClassVar[type[Settings]] = Settings
    cuda_precision: ClassVar[Precision] = "32-true"
    min_side: ClassVar[int] = dataset.MIN_SIDE
    follows: ClassVar[str]

    def __init__(self, settings: S) -> None:
        self.settings = settings

    def record(self) -> WeightsRecord:
        """Return the record that trained weights are described by, as far as it is known beforehand."""
        return record(self.detector)

    def scan(self, folder: Path) -> Sequence[Labelled]:
        """List the labelled items below a folder.

        Raises:
            ValueError: unusable data; the message names the file or what is missing.
        """
        if self.view is View.FRAMES:
            return dataset.scan(folder, self.min_side)
        return view_files.scan(folder, self.view)

    @abstractmethod
    def examples(self, items: Sequence[Any], context: Context, *, train: bool) -> Examples:
        """Return the items' examples; what takes a frozen network is made first and cached.

        Raises:
            WeightsError: a frozen network's weights are missing or wrong.
            TrainingError: a setting that is needed for them is missing.
        """

    @abstractmethod
    def objective(self, context: Context) -> Objective:
        """Build what is trained, drawn at random by torch's generator. Raises as `examples` does."""

    def start(self, objective: Objective, state: Mapping[str, Tensor]) -> None:
        """Begin from a checkpoint's tensors, under the names that the detector's file gives them.

        Raises:
            WeightsMismatch: they do not fit.
        """
        weights.fill(objective.network, state, "the checkpoint")

    def optimiser(self, objective: Objective) -> Optimizer:
        """Return the optimiser: Adam, unless a recipe says otherwise."""
        return torch.optim.Adam(
            trained(objective), lr=self.settings.lr, weight_decay=self.settings.weight_decay
        )

    def schedule(self, optimiser: Optimizer, plan: Plan) -> LRScheduler | None:
        """Return the schedule of the learning rate, stepped with the optimiser (one of the class
        ``ReduceLROnPlateau``: with each validation). None: it stays.
        """
        del optimiser, plan
        return None

    def is_over(self, rate: float) -> bool:
        """Say whether a learning rate is so small that the training is over."""
        del rate
        return False

    def export(self, objective: Objective) -> dict[str, Tensor]:
        """Return the tensors of the detector's file, under the names that its loader expects."""
        return dict(objective.network.state_dict())

    def is_from_scratch(self) -> bool:
        """Say whether nothing of anybody's weights is in what is exported, unless it began from them."""
        return True

    def metadata(self) -> dict[str, str]:
        """Return what the exported file's header says, if anything."""
        return {}


def trained(module: nn.Module) -> Iterable[nn.Parameter]:
    """Return the parameters that are not frozen."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def needed_file(path: Path | None, setting: str, what: str) -> Path:
    """Return the file that a setting names.

    Raises:
        TrainingError: the setting is missing, or there is no such file.
    """
    if path is None:
        raise TrainingError(f"this recipe needs {what}; name its file by --set {setting}=FILE")
    if not path.is_file():
        raise TrainingError(f"--set {setting}={path} is no file; name the one that holds {what}")
    return path
