"""Several media through one network at once: joined, in parts that fit into memory, and taken apart again."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

WAIT_SECONDS = 0.005
"""How long the networks wait for one more medium, while there are others on their way."""
MOST_ITEMS = 32
"""Inputs that a network is given at once, until one runs out of memory; a fuller group is not waited for."""

T = TypeVar("T")
log = logging.getLogger(__name__)


class Batches:
    """Runs networks on the inputs of several media. One thread at a time; `sizes` may be read by others."""

    def __init__(self, most: int = MOST_ITEMS) -> None:
        self._most = most
        self.sizes: dict[str, int] = {}
        """Networks that ran out of memory, and the inputs that each is given at once since."""

    def forward(
        self, name: str, run: Callable[[Tensor], Tensor], inputs: Sequence[Tensor]
    ) -> list[Tensor | Exception]:
        """Each medium's logits, or why it has none. Where media fail together, each is tried alone."""
        import torch

        if len(inputs) == 1:
            try:
                return [self._in_parts(name, run, inputs[0])]
            except Exception as error:  # noqa: BLE001 - whatever a network raises, the others go on
                return [error]
        if len({(batch.shape[1:], batch.dtype) for batch in inputs}) == 1:
            try:
                counts = [len(batch) for batch in inputs]
                return list(torch.split(self._in_parts(name, run, torch.cat(list(inputs))), counts))
            except Exception as error:  # noqa: BLE001 - one of them may be at fault
                log.info("%s failed on %d media at once (%s); each is tried alone", name, len(inputs), error)
        return [self.forward(name, run, [batch])[0] for batch in inputs]

    def _in_parts(self, name: str, run: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
        import torch

        size = self.sizes.get(name, self._most)
        while True:
            try:
                if len(batch) <= size:
                    return run(batch)
                return torch.cat([run(part) for part in torch.split(batch, size)])
            except (RuntimeError, MemoryError) as error:
                if min(size, len(batch)) == 1 or not is_out_of_memory(error):
                    raise
            size = self.sizes[name] = min(size, len(batch)) // 2
            log.warning("%s ran out of memory; from now on it is given %d inputs at once", name, size)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was short, a GPU's or the machine's."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "memory" in str(error) and ("allocate" in str(error) or "out of" in str(error))


def gather(
    source: queue.SimpleQueue[T], first: T, enough: Callable[[list[T]], bool], wait: float = WAIT_SECONDS
) -> list[T]:
    """``first`` and what comes right behind it, until that is enough or nothing comes for a while."""
    group = [first]
    while not enough(group):
        try:
            group.append(source.get(timeout=wait))
        except queue.Empty:
            break
    return group
