from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors.adm_unet import ddim_schedule
from detectors.training.dire import dire_image, reconstruct


class KnowsTheNoise(nn.Module):
    """Predicts exactly the noise that separates its input from one picture."""

    def __init__(self, picture: Tensor) -> None:
        super().__init__()
        self.picture = picture
        self.asked: list[int] = []

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        self.asked.append(int(timesteps[0]))
        steps, scales, shares = ddim_schedule()
        index = steps.tolist().index(int(timesteps[0]))
        noise = (float(scales[index]) * x - self.picture) / float(shares[index])
        return torch.cat([noise, torch.zeros_like(noise)], dim=1)


def test_a_picture_that_the_model_knows_comes_back() -> None:
    picture = torch.rand(1, 3, 8, 8, dtype=torch.float64) * 1.6 - 0.8
    model = KnowsTheNoise(picture)
    found = reconstruct(model, picture)  # type: ignore[arg-type]
    assert torch.allclose(found, picture, atol=1e-6)
    steps = list(range(0, 1000, 50))
    assert model.asked == steps + steps[::-1]
    assert int(dire_image(picture, found).max()) == 0


def test_a_picture_that_it_does_not_know_becomes_another() -> None:
    picture, other = torch.full((1, 3, 8, 8), 0.5), torch.full((1, 3, 8, 8), -0.25)
    found = reconstruct(KnowsTheNoise(other), picture)  # type: ignore[arg-type]
    assert torch.allclose(found, other, atol=1e-4)
    assert torch.equal(dire_image(picture, other), torch.full((1, 3, 8, 8), 95, dtype=torch.uint8))
