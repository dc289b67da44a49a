"""What it takes to train a recipe for a few steps on made-up views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

import detectors
from detectors.base import View
from detectors.training.run import Request, Result, run
from tests.detectors.training.conftest import picture

SILENT = Console(quiet=True)


def view_folder(folder: Path, view: View, media: int, *, side: int = 64) -> Path:
    """Views of real and fake media that differ in a way that any network learns: fakes are checkered."""
    rng = np.random.default_rng(3)
    for number in range(2 * media):
        name = "fake" if number % 2 else "real"
        path = folder / "made" / name / f"{number}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, _view(view, rng, side, fake=name == "fake"))
    return folder


def _view(view: View, rng: np.random.Generator, side: int, *, fake: bool) -> np.ndarray:
    if view is View.WAVEFORM:
        pitch = 3000 if fake else 200
        tone = 0.3 * np.sin(np.arange(16_000) * pitch / 16_000 * 2 * np.pi)
        return (tone + rng.normal(0, 0.01, 16_000)).astype(np.float32)
    if view is View.FACES:
        return np.stack([np.array(picture(rng, side, fake=fake)) for _ in range(2)])
    still = np.array(picture(rng, side, fake=fake))
    steps = [still if fake else np.roll(still, step, axis=1) for step in range(32)]
    return np.stack(steps)[None]


def train(recipe: str, data: Path, out: Path, **asked: Any) -> Result:
    settings = {"log_every": 1, **asked.pop("settings", {})}
    request = Request(
        recipe=recipe, data=data, out=out, cache=out / "cache", device="cpu", settings=settings, **asked
    )
    return run(request, SILENT)


def falls(result: Result) -> bool:
    """Whether the loss at the end is below that at the beginning."""
    losses = [loss for _, loss in result.progress.losses]
    third = max(1, len(losses) // 3)
    return float(np.mean(losses[-third:])) < float(np.mean(losses[:third]))


def score(result: Result, view: Any, weights_dir: Path | None = None) -> float:
    """What the real detector, with the weights that were trained, says of a view."""
    assert result.report is not None
    detector = detectors.create(str(result.report), weights_dir=weights_dir)
    with torch.inference_mode():
        return detector.detect(view).score
