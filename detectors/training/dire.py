"""DIRE: how far a picture is from what a diffusion model makes of it (arXiv 2303.09295).

Twenty DDIM steps (arXiv 2010.02502) lead from the picture to noise and twenty back; what is different
afterwards is the DIRE image. It takes 40 passes through the network for each picture: minutes on a processor.
"""

from __future__ import annotations

import torch
from torch import Tensor

from detectors.adm_unet import ADMUNet, ddim_schedule


@torch.inference_mode()
def reconstruct(network: ADMUNet, x: Tensor) -> Tensor:
    """Map pictures ``(N, 3, 256, 256)`` in [-1, 1] to noise and back."""
    steps, scales, shares = ddim_schedule()
    # The cumulated share of the picture at each kept step; before the first it is whole, after the last gone.
    kept = 1 / scales**2
    after = torch.cat([kept[1:], kept.new_zeros(1)])
    before = torch.cat([kept.new_ones(1), kept[:-1]])
    for index in range(len(steps)):
        x = _move(network, x, int(steps[index]), float(scales[index]), float(shares[index]), after[index])
    for index in reversed(range(len(steps))):
        x = _move(network, x, int(steps[index]), float(scales[index]), float(shares[index]), before[index])
    return x


def _move(network: ADMUNet, x: Tensor, step: int, scale: float, share: float, towards: Tensor) -> Tensor:
    """One deterministic DDIM step to another share of the picture."""
    predicted = network(x, x.new_full((len(x),), step))[:, :3]
    picture = (scale * x - share * predicted).clamp(-1, 1)
    noise = (scale * x - picture) / share
    moved: Tensor = picture * float(towards.sqrt()) + noise * float((1 - towards).sqrt())
    return moved


def dire_image(x: Tensor, reconstructed: Tensor) -> Tensor:
    """Return uint8 ``(N, 3, H, W)``: the absolute difference of pictures in [-1, 1], in 8 bits."""
    return ((x - reconstructed).abs() * 255 / 2).clamp(0, 255).to(torch.uint8)
