from __future__ import annotations

import pytest
import torch

from detectors.npr import NPRNetwork


@torch.no_grad()
def test_only_differences_between_neighbours_count() -> None:
    torch.manual_seed(3)
    network = NPRNetwork().eval()
    x = torch.randn(1, 3, 64, 96)
    assert torch.allclose(network(x), network(x + 1.0), atol=1e-5)
    assert not torch.allclose(network(x), network(x * 2.0), atol=1e-5)


def test_odd_sides_are_refused() -> None:
    with pytest.raises(ValueError, match="even sides"):
        NPRNetwork()(torch.zeros(1, 3, 65, 64))
