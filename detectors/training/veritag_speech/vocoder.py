"""Train the vocoder of `detectors.generation.learned_vocoder` on real speech.

    python -m detectors.training.veritag_speech.vocoder --data DIR --out DIR --seed 0

It learns from ``real/`` alone, and not from a source named `validation`, on which it is measured. The loss
compares magnitudes of spectra at several resolutions (Yamamoto et al., 2020, arXiv 1910.11480), and so asks
for no particular phases, only for such as fit together.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from detectors.generation.learned_vocoder import HOP, NOISES, Vocoder
from detectors.training.veritag_speech.clips import scan

STEPS = 4000
HELD_OUT = "validation"
_BATCH = 16
_FRAMES = 64
_LEARNING_RATE = 1e-3
_SIZES = (128, 256, 512, 1024)


def recordings(data: Path, *, held_out: bool = False) -> list[Tensor]:
    """Real clips of all sources but the one held out, or of that one alone, equally loud.

    Raises:
        ValueError: unusable data; the message names the file or what is missing.
    """
    real = [clip for clip in scan(data) if not clip.label and (clip.source == HELD_OUT) == held_out]
    return [0.1 * clip.sound / clip.sound.square().mean().sqrt().clamp(min=1e-6) for clip in real]


def train(
    sounds: Sequence[Tensor], *, steps: int = STEPS, seed: int = 0, progress: Progress | None = None
) -> tuple[Vocoder, list[float]]:
    """Train one vocoder from scratch.

    Returns:
        The network in evaluation mode, and the loss of each step.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    vocoder = Vocoder().train()
    optimiser = torch.optim.AdamW(vocoder.parameters(), _LEARNING_RATE, betas=(0.8, 0.99), weight_decay=1e-3)
    task = progress.add_task("vocoder", total=steps) if progress else None
    losses: list[float] = []
    for step in range(steps):
        rate = max(0.02, 0.5 * (1 + math.cos(math.pi * step / steps))) * min(1, (step + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = _LEARNING_RATE * rate
        x = _draw(sounds, rng)
        energies = vocoder.energies(x)
        loss = distance(vocoder(energies, torch.randn(len(x), NOISES, energies.shape[2])), x)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(vocoder.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
        if progress and task is not None:
            progress.update(task, advance=1, description=f"vocoder loss {losses[-1]:.3f}")
    return vocoder.eval(), losses


def distance(made: Tensor, real: Tensor) -> Tensor:
    """How far spectra lie apart at several resolutions: relative error, and of log magnitudes; 0 is equal."""
    parts = []
    for size in _SIZES:
        window = torch.hann_window(size)
        y, x = (
            torch.stft(z, size, size // 4, window=window, return_complex=True).abs().clamp(min=1e-4)
            for z in (made, real)
        )
        parts.append((y - x).norm() / x.norm() + F.l1_loss(y.log(), x.log()))
    return torch.stack(parts).mean()


def _draw(sounds: Sequence[Tensor], rng: np.random.Generator) -> Tensor:
    """Pieces of random clips, at random levels."""
    length = _FRAMES * HOP
    pieces = []
    for index in rng.integers(len(sounds), size=_BATCH):
        sound = F.pad(sounds[index], (0, max(0, length - len(sounds[index]))))
        start = int(rng.integers(len(sound) - length + 1))
        pieces.append(sound[start : start + length] * 10 ** float(rng.uniform(-0.6, 0.3)))
    return torch.stack(pieces)


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(prog="python -m detectors.training.veritag_speech.vocoder")
    parser.add_argument("--data", type=Path, required=True, help="DIR/.../SOURCE/{real,fake}/<clips>")
    parser.add_argument("--out", type=Path, required=True, help="folder for vocoder.safetensors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    try:
        sounds, held_out = recordings(arguments.data), recordings(arguments.data, held_out=True)
    except ValueError as error:
        parser.error(str(error))
    with Progress() as progress:
        vocoder, _ = train(sounds, steps=arguments.steps, seed=arguments.seed, progress=progress)
    for name, measured in {"what it learned from": sounds, HELD_OUT: held_out}.items():
        if measured:
            apart = _mean_distance(vocoder, measured)
            progress.console.print(f"distance on {len(measured)} clips of {name}: {apart:.3f}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.half().contiguous() for name, tensor in vocoder.state_dict().items()}
    save_file(state, arguments.out / "vocoder.safetensors")


@torch.inference_mode()
def _mean_distance(vocoder: Vocoder, sounds: Sequence[Tensor]) -> float:
    generator = torch.Generator().manual_seed(0)
    found = []
    for sound in sounds:
        x = F.pad(sound, (0, -len(sound) % HOP))[None]
        energies = vocoder.energies(x)
        noise = torch.randn(1, NOISES, energies.shape[2], generator=generator)
        found.append(float(distance(vocoder(energies, noise), x)))
    return float(np.mean(found))


if __name__ == "__main__":
    main()
