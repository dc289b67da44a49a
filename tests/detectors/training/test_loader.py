from __future__ import annotations

import numpy as np
import torch

from detectors.training.loader import Order, torch_seed, training_batches, validation_batches
from tests.detectors.training.toy import Points


def test_every_epoch_has_every_example_once_in_another_order() -> None:
    order = Order(10, 4, seed=1)
    drawn = [index for step in range(5) for index in order.step(step)]
    assert sorted(drawn[:10]) == sorted(drawn[10:]) == list(range(10))
    assert drawn[:10] != drawn[10:]
    assert Order(10, 4, seed=1).step(3) == order.step(3)
    assert Order(10, 4, seed=2).step(3) != order.step(3)


def test_a_batch_may_be_larger_than_the_data() -> None:
    drawn = Order(3, 7, seed=0).step(0)
    assert len(drawn) == 7
    assert sorted(drawn[:3]) == sorted(drawn[3:6]) == [0, 1, 2]


def test_weights_are_drawn_by() -> None:
    order = Order(3, 1000, seed=0, weights=np.array([0.0, 1.0, 3.0]))
    counts = np.bincount(order.step(0), minlength=3)
    assert counts[0] == 0
    assert 680 < counts[2] < 820
    assert order.step(0) != order.step(1)


def test_processes_share_a_batch_and_workers_change_nothing() -> None:
    points, order = Points(12, 0), Order(12, 4, seed=5)

    def batches(**how: int) -> list[torch.Tensor]:
        return [batch["point"] for batch in training_batches(points, order, range(2, 5), 5, **how)]

    alone = batches()
    for mine, whole in zip(batches(workers=2), alone, strict=True):
        assert torch.equal(mine, whole)
    for first, second, whole in zip(batches(rank=0, world=2), batches(rank=1, world=2), alone, strict=True):
        assert torch.equal(first, whole[::2])
        assert torch.equal(second, whole[1::2])


def test_validation_is_in_order_and_leaves_torchs_generator_alone() -> None:
    points = Points(7, 0)
    torch.manual_seed(4)
    labels = torch.cat([batch["label"] for batch in validation_batches(points, 3)])
    after = torch.rand(1)
    torch.manual_seed(4)
    assert torch.equal(after, torch.rand(1))
    assert labels.tolist() == points.labels.tolist()


def test_each_step_and_process_has_a_seed_of_its_own() -> None:
    seeds = {torch_seed(seed, step, rank) for seed in (0, 1) for step in (0, 1) for rank in (0, 1)}
    assert len(seeds) == 8
