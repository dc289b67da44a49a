"""How the network learns: to tell a real face from its pseudo-fake, and to show where it was altered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from detectors.generation.self_blending import Face
from detectors.training.veritag_face.buffer import Chunk, chunks
from detectors.veritag_face_network import VeritagFaceNetwork

Tick = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the result depends on besides the faces and the seed.

    Attributes:
        chunks: how many chunks of ``chunk`` new pairs are learned from.
        window: pairs are drawn from so many of the last chunks.
        reuse: how often a pair is drawn on average.
        batch: pairs per step; the network sees both halves.
        easy: share of the run over which deliveries grow hard.
        hard: how hard they are from then on, see `Sources.draw`.
        where: weight of the loss on masks.
        decay: of the weights' running average, per step.
    """

    chunks: int = 72
    chunk: int = 512
    window: int = 6
    reuse: int = 3
    batch: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 0.03
    easy: float = 0.5
    hard: float = 0.7
    where: float = 4.0
    decay: float = 0.999

    @property
    def steps_per_chunk(self) -> int:
        """Steps taken after each new chunk."""
        return max(1, self.chunk * self.reuse // self.batch)

    def hardness(self) -> list[float]:
        """Of each chunk."""
        return [
            self.hard * min(1.0, number / max(1.0, self.easy * self.chunks)) for number in range(self.chunks)
        ]


class Learner:
    """A network with its optimiser, and the running average of its weights that is kept at the end."""

    def __init__(self, settings: Settings, seed: int) -> None:
        torch.manual_seed(seed)
        self.settings = settings
        self.rng = np.random.default_rng(seed)
        self.network = VeritagFaceNetwork().train()
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser,
            settings.learning_rate,
            total_steps=settings.chunks * settings.steps_per_chunk,
            pct_start=0.08,
            final_div_factor=100,
        )
        self.step = 0

    def learn(self, chunks: Sequence[Chunk]) -> float:
        """Take one step on pairs drawn from chunks; return the loss of telling them apart."""
        settings = self.settings
        drawn = self.rng.integers(len(chunks) * settings.chunk, size=settings.batch)
        places = [divmod(int(index), settings.chunk) for index in drawn]
        faces = torch.from_numpy(
            np.stack([getattr(chunks[i], half)[j] for half in ("real", "fake") for i, j in places])
        )
        masks = torch.from_numpy(np.stack([chunks[i].mask[j] for i, j in places]))
        batch = faces.permute(0, 3, 1, 2).float() / 255
        if self.rng.random() < 0.5:
            batch, masks = batch.flip(3), masks.flip(2)
        loss, told = self._loss(batch, torch.cat([torch.zeros_like(masks), masks]))
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.schedule.step()
        self.step += 1
        self._follow()
        return told

    def _loss(self, batch: Tensor, masks: Tensor) -> tuple[Tensor, float]:
        half = len(batch) // 2
        fake = (torch.arange(len(batch)) >= half).float()
        with torch.autocast("cpu", torch.bfloat16):
            whether, where = self.network.both(batch)
        told = F.binary_cross_entropy_with_logits(whether.float(), fake)
        # Within a pair the picture's content cancels out: a clearer signal while the network knows little.
        ranked = F.softplus(whether[:half].float() - whether[half:].float()).mean()
        shown = F.binary_cross_entropy_with_logits(where.float(), masks)
        return told + ranked + self.settings.where * shown, told.item()

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.settings.decay, self.step / (self.step + 20))
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - decay)
            else:
                self.average[name].copy_(value)

    def averaged(self) -> VeritagFaceNetwork:
        """Return the network with the averaged weights, in evaluation mode."""
        network = VeritagFaceNetwork()
        network.load_state_dict(self.average)
        return network.eval()

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, loadable with ``weights_only``."""
        return {
            "settings": asdict(self.settings),
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "draws": self.rng.bit_generator.state,
            "torch": torch.get_rng_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            ValueError: it is of a run with other settings.
        """
        if state["settings"] != asdict(self.settings):
            raise ValueError(
                "the checkpoint is of a run with other settings; remove it or name another --out"
            )
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.average = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.rng.bit_generator.state = state["draws"]
        torch.set_rng_state(state["torch"])


def train(
    faces: Sequence[Face],
    settings: Settings,
    seed: int,
    *,
    workers: int = 1,
    checkpoint: Path | None = None,
    tick: Tick | None = None,
    save_every: int = 8,
) -> tuple[VeritagFaceNetwork, list[float]]:
    """Train one network from scratch, or go on where the checkpoint left off.

    Args:
        faces: real ones; nothing else is learned from.
        workers: processes that make pairs; 0 makes them in this one.
        checkpoint: written after every ``save_every`` chunks, and read first if it is there.
        tick: called after each chunk with its number and mean loss.

    Returns:
        The averaged network in evaluation mode, and the mean loss of each chunk learned from in this call.
        Same faces, settings and seed, same weights (on one machine with one thread count), taken up again or
        not.

    Raises:
        ValueError: the checkpoint is of another run.
    """
    learner = Learner(settings, seed)
    if checkpoint and checkpoint.exists():
        learner.restore(torch.load(checkpoint, weights_only=True))
    begun = learner.step // settings.steps_per_chunk
    if begun == settings.chunks:
        return learner.averaged(), []
    window: deque[Chunk] = deque(maxlen=settings.window)
    losses: list[float] = []
    # The window as it was when the run broke off is made again first.
    first = max(0, begun - settings.window + 1)
    made = chunks(faces, seed, settings.hardness(), settings.chunk, first=first, workers=workers)
    with closing(made):
        for number, chunk in enumerate(made, first):
            window.append(chunk)
            if number < begun:
                continue
            losses.append(float(np.mean([learner.learn(window) for _ in range(settings.steps_per_chunk)])))
            if checkpoint and ((number + 1) % save_every == 0 or number == settings.chunks - 1):
                _save(learner, checkpoint)
            if tick:
                tick(number + 1, losses[-1])
    return learner.averaged(), losses


def _save(learner: Learner, path: Path) -> None:
    partial = path.with_suffix(".partial")
    torch.save(learner.state(), partial)
    partial.replace(path)
