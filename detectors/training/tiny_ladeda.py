"""Recipe of the Tiny-LaDeDa weights that ship with this repository.

    python -m detectors.training.tiny_ladeda --data DIR --seed 0 --out DIR

The published recipe distils a larger network; this one learns from levelled pictures directly (see
`levelling`), both classes drawn equally often within each source.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress
from safetensors.torch import save_file
from torch import Tensor, nn

from detectors.gradients import GRADIENTS, Gradient
from detectors.tiny_ladeda import WIDTH, TinyLaDeDaNetwork, normalise
from detectors.training import dataset, levelling
from detectors.training.dataset import Item

Tick = Callable[[int, float], None]

# Portraits and first-generation GANs. With them in training, the loss on everything else rose and no left-out
# source clearly gained: this small network cannot hold both kinds of trace (fakes are sharper than reals in
# portraits_tpdne, less sharp in most others). They are scored as left-out sources all the same.
NOT_TRAINED_ON = frozenset(
    {"faces_stylegan", "portraits_tpdne", "kurlyto_gansites", "faces_real_only", "quiz_seegma_faces"}
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the result depends on besides the pictures and the seed. Sides are in pixels."""

    gradient: Gradient = "left_diag"
    steps: int = 400
    batch: int = 32
    crop: int = 128
    learning_rate: float = 0.01
    weight_decay: float = 1e-3
    variants: int = 8
    pool_side: int = 160


def level_all(items: Sequence[Item], settings: Settings, seed: int, workers: int = 2) -> Tensor:
    """Level every picture once for `train`: uint8 ``(items, variants, 3, pool_side, pool_side)``."""
    return levelling.pool(
        items, variants=settings.variants, side=settings.pool_side, seed=seed, workers=workers
    )


def train(
    items: Sequence[Item], crops: Tensor, settings: Settings, seed: int, tick: Tick | None = None
) -> tuple[TinyLaDeDaNetwork, list[float]]:
    """Train one network from scratch.

    Args:
        items: the labelled pictures, both classes.
        crops: `level_all` of just these items, in the same order.
        tick: called after each step with its number and loss.

    Returns:
        The network in evaluation mode, and the loss of each step. Same inputs, same weights (on one machine
        with one thread count).
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = TinyLaDeDaNetwork(settings.gradient).train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    standardise = nn.BatchNorm1d(WIDTH, affine=False)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=settings.steps, pct_start=0.1
    )
    weights = dataset.sampling_weights(items)
    labels = torch.tensor([item.label for item in items], dtype=torch.float32)
    losses: list[float] = []
    for step in range(settings.steps):
        chosen = torch.from_numpy(rng.choice(len(items), size=settings.batch, p=weights))
        batch = _draw(crops, chosen, settings.crop, rng)
        pooled = network.pool(normalise(batch).contiguous(memory_format=torch.channels_last))
        logits = network.fc(standardise(pooled))[:, 0]
        loss = nn.functional.binary_cross_entropy_with_logits(logits, labels[chosen])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if tick:
            tick(step + 1, losses[-1])
    _fold_in(standardise, network.fc)
    return network.eval(), losses


@torch.no_grad()
def _fold_in(standardise: nn.BatchNorm1d, linear: nn.Linear) -> None:
    """Fold the standardisation of the pooled features into the last layer.

    Averages over whole pictures differ by little, so a plain linear layer on them would have to grow large
    weights before anything is learned. Standardised they train quickly; the network stays as published.
    """
    mean, variance = standardise.running_mean, standardise.running_var
    assert mean is not None
    assert variance is not None
    linear.weight.div_(torch.sqrt(variance + standardise.eps))
    linear.bias.sub_(linear.weight @ mean)


def _draw(crops: Tensor, chosen: Tensor, side: int, rng: np.random.Generator) -> Tensor:
    """Pick a variant of each chosen item and a square of `side` pixels in it, mirrored half of the time."""
    _, variants, _, height, width = crops.shape
    picked = []
    for index in chosen.tolist():
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        piece = crops[index, rng.integers(variants), :, top : top + side, left : left + side]
        picked.append(piece.flip(-1) if rng.random() < 0.5 else piece)
    return torch.stack(picked)


def train_folder(data: Path, out: Path, settings: Settings, *, seed: int = 0, threads: int = 2) -> Path:
    """Train on the pictures below a folder, with a progress bar, and write ``tiny_ladeda.safetensors``.

    Args:
        data: see `dataset`; sources in `NOT_TRAINED_ON` are passed over.
        out: folder for the weights, made if need be.

    Returns:
        The file written.

    Raises:
        ValueError: unusable data; the message names the file or what is missing.
    """
    torch.set_num_threads(threads)
    items = [item for item in dataset.scan(data) if item.source not in NOT_TRAINED_ON]
    with Progress() as progress:
        task = progress.add_task(f"levelling {len(items)} pictures", total=settings.steps)
        crops = level_all(items, settings, seed, threads)

        def tick(step: int, loss: float) -> None:
            progress.update(task, completed=step, description=f"loss {loss:.3f}")

        network, losses = train(items, crops, settings, seed, tick)
        progress.update(task, description=f"mean loss of the last steps {np.mean(losses[-50:]):.3f}")
    out.mkdir(parents=True, exist_ok=True)
    path = out / "tiny_ladeda.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    return path


def main() -> None:
    """Train from the command line."""
    defaults = Settings()
    parser = argparse.ArgumentParser(prog="python -m detectors.training.tiny_ladeda")
    parser.add_argument("--data", type=Path, required=True, help="DIR/<source>/{real,fake}/<pictures>")
    parser.add_argument("--out", type=Path, required=True, help="folder for tiny_ladeda.safetensors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=defaults.steps)
    parser.add_argument("--gradient", choices=GRADIENTS, default=defaults.gradient)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    settings = replace(defaults, steps=arguments.steps, gradient=arguments.gradient)
    try:
        path = train_folder(
            arguments.data, arguments.out, settings, seed=arguments.seed, threads=arguments.threads
        )
    except ValueError as error:
        parser.error(str(error))
    print(f"{path} sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")  # noqa: T201


if __name__ == "__main__":
    main()
