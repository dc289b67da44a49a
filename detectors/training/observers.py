"""Who watches a training: a person at a terminal, and TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from detectors.training.settings import Metric


class Observer(Protocol):
    """Someone who is told how a training goes, on the first process only."""

    def stepped(self, step: int, values: Mapping[str, float], items_per_second: float) -> None:
        """Steps are done, ``step`` in all; ``values`` are means since the last call, and the rate ``lr``."""

    def validated(self, step: int, metrics: Mapping[str, float]) -> None:
        """A validation is done."""


class Bar:
    """A line with a bar, the loss, items per second, the time that is left and the last validation.

    Without a terminal it writes a plain line with each validation.
    """

    def __init__(self, name: str, steps: int, start: int, metric: Metric, console: Console) -> None:
        self._metric, self._console, self._best = metric, console, ""
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(name, total=steps, completed=start, said="")
        self._said = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def stepped(self, step: int, values: Mapping[str, float], items_per_second: float) -> None:
        """See `Observer`."""
        self._said = f"loss {values['loss']:.4f}, {items_per_second:.1f} items/s"
        self._progress.update(self._task, completed=step, said=f"{self._said}{self._best}")

    def validated(self, step: int, metrics: Mapping[str, float]) -> None:
        """See `Observer`."""
        self._best = f", validation {self._metric} {metrics[self._metric]:.4f}"
        self._progress.update(self._task, completed=step, said=f"{self._said}{self._best}")
        if not self._console.is_terminal:
            self._console.print(f"step {step}: {self._said}{self._best}")


class TensorBoard:
    """Curves for ``tensorboard --logdir``, in one folder; a training that goes on adds to them."""

    def __init__(self, folder: Path, start: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=start)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def stepped(self, step: int, values: Mapping[str, float], items_per_second: float) -> None:
        """See `Observer`."""
        for name, value in {**values, "items_per_second": items_per_second}.items():
            self._writer.add_scalar(f"training/{name}", value, step)

    def validated(self, step: int, metrics: Mapping[str, float]) -> None:
        """See `Observer`."""
        for name, value in metrics.items():
            self._writer.add_scalar(f"validation/{name}", value, step)
