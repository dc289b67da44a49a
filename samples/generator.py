"""The small neural network whose decoders paint every generated picture and clip of the samples.

A fully convolutional variational autoencoder (Kingma and Welling, 2014, arXiv:1312.6114) with one encoder
and two decoders, because the two ways of growing a picture leave different traces: transposed convolutions
and nearest-neighbour enlargement followed by a convolution (Odena et al., 2016,
doi:10.23915/distill.00003). It is trained from nothing on crops of three CC0 photographs, none of
which shows a person; no generated sample imitates anybody.

Pictures are float32 ``(N, 3, H, W)`` in [-1, 1]; latents float32 ``(N, LATENT, H / 8, W / 8)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

LATENT = 8
STRIDE = 8
WIDTHS = (24, 48, 96)
CROP = 64
BATCH = 16


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a straight connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1, padding_mode="replicate"),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1, padding_mode="replicate"),
        )

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = self.body(x)
        return x + changed


class Encoder(nn.Module):
    """A picture to the mean and log-variance of its latents."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in WIDTHS:
            layers += [nn.Conv2d(channels, width, 4, stride=2, padding=1), Residual(width)]
            channels = width
        self.body = nn.Sequential(*layers, nn.SiLU(), nn.Conv2d(channels, 2 * LATENT, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.body(x).chunk(2, dim=1)
        return mean, log_variance.clamp(-8, 4)


def transposed(channels: int, width: int) -> nn.Module:
    """Doubles the picture's sides by a transposed convolution."""
    return nn.ConvTranspose2d(channels, width, 4, stride=2, padding=1)


def nearest(channels: int, width: int) -> nn.Module:
    """Doubles the picture's sides by repeating pixels, then convolves."""
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(channels, width, 3, padding=1))


class Decoder(nn.Module):
    """Latents to a picture; ``enlarge`` is `transposed` or `nearest`."""

    def __init__(self, enlarge: Callable[[int, int], nn.Module]) -> None:
        super().__init__()
        channels = WIDTHS[-1]
        layers: list[nn.Module] = [nn.Conv2d(LATENT, channels, 3, padding=1, padding_mode="replicate")]
        for width in (*reversed(WIDTHS[:-1]), 16):
            layers += [Residual(channels), enlarge(channels, width)]
            channels = width
        self.body = nn.Sequential(*layers, nn.SiLU(), nn.Conv2d(channels, 3, 3, padding=1))

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.body(z)
        return x.tanh()


class Generator(nn.Module):
    """The encoder and its two decoders, ``decoders["transposed"]`` and ``decoders["nearest"]``."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.decoders = nn.ModuleDict({"transposed": Decoder(transposed), "nearest": Decoder(nearest)})

    @torch.no_grad()
    def encode(self, picture: np.ndarray) -> Tensor:
        """The latents of one uint8 ``(H, W, 3)`` picture, cut to sides that are multiples of 8."""
        height, width = (side // STRIDE * STRIDE for side in picture.shape[:2])
        mean: Tensor = self.encoder(_to_tensor(picture[:height, :width])[None])[0]
        return mean

    @torch.no_grad()
    def paint(self, z: Tensor, decoder: str) -> np.ndarray:
        """The uint8 ``(H, W, 3)`` picture that a decoder makes of latents with ``N == 1``."""
        x: Tensor = self.decoders[decoder](z)[0].permute(1, 2, 0)
        pixels: np.ndarray = ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).numpy()
        return pixels


def _to_tensor(picture: np.ndarray) -> Tensor:
    return torch.tensor(picture).permute(2, 0, 1).float() / 127.5 - 1


def _crops(photographs: Sequence[Tensor], random: np.random.Generator) -> Tensor:
    """One batch of crops, half of them mirrored, each photograph drawn as often as the others."""
    batch = []
    for _ in range(BATCH):
        photograph = photographs[int(random.integers(len(photographs)))]
        top = random.integers(photograph.shape[1] - CROP + 1)
        left = random.integers(photograph.shape[2] - CROP + 1)
        crop = photograph[:, top : top + CROP, left : left + CROP]
        batch.append(crop.flip(2) if random.random() < 0.5 else crop)
    return torch.stack(batch)


def _loss(x: Tensor, y: Tensor) -> Tensor:
    """Mean absolute error of the pixels and, so that edges stay sharp, of their differences."""
    across = functional.l1_loss(y.diff(dim=3), x.diff(dim=3))
    down = functional.l1_loss(y.diff(dim=2), x.diff(dim=2))
    return functional.l1_loss(y, x) + across + down


def train(photographs: Sequence[np.ndarray], *, steps: int, seed: int) -> Generator:
    """Train on random crops of uint8 ``(H, W, 3)`` photographs; the same seed gives the same network."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    tensors = [_to_tensor(photograph) for photograph in photographs]
    network = Generator()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps)
    for step in range(steps):
        x = _crops(tensors, random)
        mean, log_variance = network.encoder(x)
        z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        divergence = (mean**2 + log_variance.exp() - log_variance - 1).mean() / 2
        loss = 1e-3 * divergence
        for decoder in network.decoders.values():
            loss = loss + _loss(x, decoder(z))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == steps - 1:
            print(f"training the generator: step {step + 1} of {steps}, loss {loss.item():.4f}", flush=True)
    return network.eval()
