"""Media joined into batches: each gets its own logits, whatever becomes of the others."""

from __future__ import annotations

import queue

import pytest
import torch
from torch import Tensor

from analysis.batching import Batches, gather, is_out_of_memory


def doubled(batch: Tensor) -> Tensor:
    return batch.mean(dim=1) * 2


def test_media_are_joined_and_taken_apart() -> None:
    seen: list[int] = []

    def run(batch: Tensor) -> Tensor:
        seen.append(len(batch))
        return doubled(batch)

    inputs = [torch.full((count, 3), float(count)) for count in (1, 2, 4)]
    results = Batches().forward("net", run, inputs)
    assert [r.tolist() for r in results if isinstance(r, Tensor)] == [[2.0], [4.0] * 2, [8.0] * 4]
    assert seen == [7]


def test_large_inputs_go_in_parts() -> None:
    seen: list[int] = []

    def run(batch: Tensor) -> Tensor:
        seen.append(len(batch))
        return doubled(batch)

    (result,) = Batches(most=4).forward("net", run, [torch.arange(30.0).reshape(10, 3)])
    assert seen == [4, 4, 2]
    assert isinstance(result, Tensor)
    assert torch.equal(result, doubled(torch.arange(30.0).reshape(10, 3)))


def test_inputs_of_different_shapes_are_not_joined() -> None:
    results = Batches().forward("net", doubled, [torch.ones(2, 3), torch.ones(2, 5)])
    assert [r.tolist() for r in results if isinstance(r, Tensor)] == [[2.0, 2.0]] * 2


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_out_of_memory_halves_the_batch_for_good(error: Exception) -> None:
    seen: list[int] = []

    def run(batch: Tensor) -> Tensor:
        seen.append(len(batch))
        if len(batch) > 3:
            raise error
        return doubled(batch)

    batches = Batches(most=16)
    for _ in range(2):
        (result,) = batches.forward("net", run, [torch.ones(8, 3)])
        assert isinstance(result, Tensor)
        assert result.tolist() == [2.0] * 8
    assert seen == [8, 4, 2, 2, 2, 2, 2, 2, 2, 2]
    assert batches.sizes == {"net": 2}


def test_out_of_memory_on_a_single_input_is_an_error() -> None:
    def run(batch: Tensor) -> Tensor:
        raise MemoryError

    (result,) = Batches().forward("net", run, [torch.ones(2, 3)])
    assert isinstance(result, MemoryError)


def test_one_medium_that_fails_leaves_the_others() -> None:
    def run(batch: Tensor) -> Tensor:
        if (batch < 0).any():
            raise ValueError("negative")
        return doubled(batch)

    good, bad = torch.ones(2, 3), -torch.ones(1, 3)
    first, second, third = Batches().forward("net", run, [good, bad, good])
    assert isinstance(second, ValueError)
    assert all(isinstance(r, Tensor) and r.tolist() == [2.0, 2.0] for r in (first, third))


def test_what_counts_as_out_of_memory() -> None:
    assert is_out_of_memory(
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 byte")
    )
    assert not is_out_of_memory(RuntimeError("shapes cannot be multiplied"))


def test_a_group_is_what_comes_right_behind() -> None:
    source: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (2, 3, 4):
        source.put(number)
    assert gather(source, 1, lambda group: len(group) == 3) == [1, 2, 3]
    assert gather(source, 5, lambda group: False, wait=0.01) == [5, 4]
