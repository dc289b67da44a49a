"""Train the autoencoders of `detectors.generation.reconstruction` on photographs.

    python -m detectors.training.veritag_image.autoencoders --data DIR --out DIR --seed 0

Only pictures under ``real/`` are read. The loss adds the log spectrum's difference to those of the pixels:
without it reconstructions are blurred, and a detector learns blur instead of the decoder. Deep ones reduce
more, are trained longer, and from half time on also against a critic of patches (`opponent`).
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from detectors.generation.reconstruction import KINDS, Autoencoder, DeepAutoencoder, Kind, build
from detectors.training import dataset, levelling
from detectors.training.veritag_image.opponent import Opponent

STEPS = 800
DEEP_STEPS = 2000
_BATCH = 12
_SIDE = 64
_CROP = 256
_LEARNING_RATE = 2e-3
_OBJECTION = 0.05
_SQUARES = 40_000


def photographs(data: Path) -> Tensor:
    """Read the central 256 pixels of every photograph: uint8 ``(N, 256, 256, 3)``.

    Raises:
        ValueError: unusable data; the message names the file or what is missing.
    """
    real = [item for item in dataset.scan(data) if item.label == 0]
    crops = [np.array(levelling.centre_crop(dataset.read(item.path), _CROP)) for item in real]
    return torch.from_numpy(np.stack(crops))


def train(
    kind: Kind,
    pictures: Tensor,
    *,
    steps: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Autoencoder, list[float]]:
    """Train one autoencoder from scratch.

    Args:
        steps: `STEPS` if not given, or `DEEP_STEPS`.

    Returns:
        The network in evaluation mode, and the loss of each step, without the critic's part.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = build(kind).train()
    opponent = None
    steps = steps or (DEEP_STEPS if isinstance(network, DeepAutoencoder) else STEPS)
    if isinstance(network, DeepAutoencoder):
        _begin_with_principal_components(network, pictures, rng)
        opponent = Opponent()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=1e-4)
    task = progress.add_task(kind, total=steps) if progress else None
    losses: list[float] = []
    for step in range(steps):
        rate = max(0.02, 0.5 * (1 + math.cos(math.pi * step / steps))) * min(
            1, (step + 1) / max(1, steps // 16)
        )
        for group in optimiser.param_groups:
            group["lr"] = _LEARNING_RATE * rate
        x = _draw(pictures, rng).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=opponent is not None):
            y = network(x)
        loss = _loss(y.float(), x)
        losses.append(loss.item())
        against = opponent if step >= steps // 2 else None
        if against:
            loss = loss + _OBJECTION * against.objection(y)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        if against:
            against.learn(x, y.detach())
        if progress and task is not None:
            progress.update(task, advance=1, description=f"{kind} loss {losses[-1]:.3f}")
    return network.eval(), losses


def _begin_with_principal_components(
    network: DeepAutoencoder, pictures: Tensor, rng: np.random.Generator
) -> None:
    """Let the code be the principal components of squares, in units of their spread, and nothing else yet."""
    side, count = network.reduction, network.channels
    squares = []
    for index in rng.integers(len(pictures), size=_SQUARES):
        top, left = rng.integers(pictures.shape[1] - side + 1, size=2)
        squares.append(pictures[index, top : top + side, left : left + side])
    flat = torch.stack(squares).movedim(-1, 1).flatten(1).double() / 127.5 - 1
    mean = flat.mean(0)
    values, vectors = torch.linalg.eigh((flat - mean).T @ (flat - mean) / len(flat))
    weight = (vectors[:, -count:] / values[-count:].clamp(min=1e-6).sqrt()).T
    last = network.encoder[-1]
    with torch.no_grad():
        network.linear.weight.copy_(weight.reshape(network.linear.weight.shape))
        bias = torch.as_tensor(-weight @ mean)
        network.linear.bias = nn.Parameter(bias.float())
        for parameter in last.parameters():
            parameter.zero_()


def _draw(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    picked = []
    for index in rng.integers(len(pictures), size=_BATCH):
        top, left = rng.integers(pictures.shape[1] - _SIDE + 1, size=2)
        picked.append(pictures[index, top : top + _SIDE, left : left + _SIDE])
    return torch.stack(picked).movedim(-1, 1).float() / 127.5 - 1


def _loss(y: Tensor, x: Tensor) -> Tensor:
    spectra = [torch.log(torch.fft.rfft2(z, norm="ortho").abs() + 0.01) for z in (y, x)]
    return 8 * F.mse_loss(y, x) + F.l1_loss(y, x) + 0.15 * F.l1_loss(spectra[0], spectra[1])


def psnr(network: Autoencoder, pictures: Tensor) -> float:
    """Mean peak signal-to-noise ratio in dB of reconstructions of ``(N, H, W, 3)``."""
    ratios = []
    with torch.inference_mode():
        for picture in pictures:
            x = picture.movedim(-1, 0)[None].float() / 127.5 - 1
            ratios.append(-10 * math.log10(max(F.mse_loss(network(x).clamp(-1, 1), x).item() / 4, 1e-10)))
    return float(np.mean(ratios))


def main() -> None:
    """Train all kinds from the command line."""
    parser = argparse.ArgumentParser(prog="python -m detectors.training.veritag_image.autoencoders")
    parser.add_argument("--data", type=Path, required=True, help="DIR/<source>/{real,fake}/<pictures>")
    parser.add_argument("--out", type=Path, required=True, help="folder for reconstruction.safetensors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help=f"of each (default: {STEPS}, of deep ones {DEEP_STEPS})")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    try:
        pictures = photographs(arguments.data)
    except ValueError as error:
        parser.error(str(error))
    state: dict[str, Tensor] = {}
    with Progress() as progress:
        for kind in KINDS:
            network, _ = train(kind, pictures, steps=arguments.steps, seed=arguments.seed, progress=progress)
            ratio = psnr(network, pictures[:: max(1, len(pictures) // 100)])
            progress.console.print(f"{kind}: {ratio:.1f} dB on photographs of its training")
            state |= {f"{kind}.{name}": tensor.half() for name, tensor in network.state_dict().items()}
    arguments.out.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: t.contiguous() for name, t in state.items()}, arguments.out / "reconstruction.safetensors"
    )


if __name__ == "__main__":
    main()
