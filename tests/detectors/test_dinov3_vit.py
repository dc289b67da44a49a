from __future__ import annotations

import math

import torch

from detectors.dinov3_vit import DINOv3Config, DINOv3VisionTransformer, _Rotation

SMALL = DINOv3Config(width=16, layers=2, heads=2, patch=4, registers=2, period=100.0)


def test_angles_by_hand() -> None:
    rotation = _Rotation.of_grid(2, 1, 8, 100.0, torch.device("cpu"))
    # Two rows at -0.5 and 0.5, one column at 0; frequencies 2 pi and 2 pi / 10.
    angles = [[-math.pi, -math.pi / 10, 0.0, 0.0] * 2, [math.pi, math.pi / 10, 0.0, 0.0] * 2]
    assert torch.allclose(rotation.cos, torch.tensor(angles).cos(), atol=1e-6)
    assert torch.allclose(rotation.sin, torch.tensor(angles).sin(), atol=1e-6)


def test_rotation_keeps_lengths_and_the_first_tokens() -> None:
    rotation = _Rotation.of_grid(2, 3, 8, 100.0, torch.device("cpu"))
    x = torch.randn(1, 2, 9, 8)
    turned = rotation.apply(x)
    assert torch.equal(turned[:, :, :3], x[:, :, :3])
    assert torch.allclose(turned.norm(dim=-1), x.norm(dim=-1), atol=1e-5)
    assert not torch.allclose(turned[:, :, 3:], x[:, :, 3:], atol=1e-3)


def test_position_matters_and_any_grid_works() -> None:
    torch.manual_seed(1)
    network = DINOv3VisionTransformer(SMALL).eval()
    x = torch.randn(2, 3, 12, 20)
    feature = network(x)
    assert feature.shape == (2, 16)
    assert feature.isfinite().all()
    assert not torch.allclose(feature, network(x.roll(4, dims=3)), atol=1e-4)
