from __future__ import annotations

import pytest
import torch

from detectors.ladeda import LaDeDaNetwork


@pytest.fixture(scope="module")
def network() -> LaDeDaNetwork:
    torch.manual_seed(3)
    return LaDeDaNetwork().eval()


@torch.no_grad()
def test_patch_logits_average_to_the_logit(network: LaDeDaNetwork) -> None:
    x = torch.randn(1, 3, 66, 130)
    patches = network.patch_map(x)
    assert patches.shape == (1, 1, 8, 16)
    assert torch.allclose(patches.mean(dim=(2, 3)), network(x), atol=1e-5)


@torch.no_grad()
def test_a_patch_sees_nothing_beyond_its_reach(network: LaDeDaNetwork) -> None:
    x = torch.randn(1, 3, 66, 66)
    changed = x.clone()
    changed[..., 40:, 40:] *= 9.0  # far from the patches of the upper left corner
    before, after = network.patch_map(x), network.patch_map(changed)
    assert torch.equal(before[..., :3, :3], after[..., :3, :3])
    assert not torch.allclose(before[..., -1, -1], after[..., -1, -1])
