"""The published AASIST weights, loaded unchanged, give the published outputs (voices stay in ../shared)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import detectors
from detectors.aasist.detector import Aasist, cut_windows
from tests.reference.vectors import LOGIT_TOLERANCE, TAP_TOLERANCE, statistics

SHARED = Path(os.environ.get("VERITAG_SHARED", Path(__file__).parents[2] / ".." / "shared"))
REFERENCE, WEIGHTS = SHARED / "reference", SHARED / "data" / "weights"
NAMES = ("aasist", "aasist_l")
# Window by window the published logits came from other sums than ours.
STATED_TOLERANCE = 1e-4

pytestmark = pytest.mark.skipif(
    not (WEIGHTS / "AASIST.pth").is_file() or not (REFERENCE / "aasist" / "real_weights_io.npz").is_file(),
    reason="needs ../shared (third-party weights and voices)",
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def read(name: str) -> Mapping[str, np.ndarray]:
    with np.load(REFERENCE / name / "real_weights_io.npz") as archive:
        return dict(archive)


def voice(index: int) -> Tensor:
    """The recording's first 64 600 samples as published: int16 / 32768."""
    return torch.from_numpy((read("aasist")[f"wav{index}_int16"] / 32768).astype(np.float32))


def created(name: str) -> Aasist:
    detector = detectors.create(name, weights_dir=WEIGHTS)
    assert isinstance(detector, Aasist)
    return detector


@pytest.mark.parametrize("index", range(6))
def test_the_window_is_the_published_one(index: int) -> None:
    window = cut_windows(voice(index))
    expected = read("aasist")[f"wav{index}_padded_stats"]
    assert window.shape == (1, 64_600)
    assert np.allclose(statistics(window).numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
@torch.inference_mode()
def test_published_weights_give_the_published_outputs(name: str) -> None:
    stored, network = read(name), created(name)._network
    seen: dict[str, Tensor] = {}
    for tap in ("encoder.5", "pool_S", "pool_T"):
        network.get_submodule(tap).register_forward_hook(
            lambda _module, _inputs, output, tap=tap: seen.__setitem__(tap, output)
        )
    for index in range(6):
        hidden = network.read_out(cut_windows(voice(index)))
        logits = network.out_layer(hidden).numpy()
        expected = stored[f"wav{index}_logits"]
        assert np.abs(logits - expected).max() <= STATED_TOLERANCE + 5e-6 * np.abs(expected).max(), index
        assert np.allclose(hidden.numpy(), stored[f"wav{index}_last_hidden"], atol=TAP_TOLERANCE)
        for tap, output in seen.items():
            expected = stored[f"wav{index}_stats/{tap}"]
            assert np.allclose(
                statistics(output).numpy(), expected, atol=TAP_TOLERANCE * np.abs(expected).max()
            )


@pytest.mark.parametrize("name", NAMES)
@torch.inference_mode()
def test_noise_gives_the_published_logits(name: str) -> None:
    stored, network = read(name), created(name)._network
    generator = torch.Generator().manual_seed(int(stored["input_seed"]))
    noise = torch.randn(2, 64_600, generator=generator) * float(stored["input_scale"])
    expected = stored["logits_seed_input"]
    assert np.abs(network(noise).numpy() - expected).max() <= LOGIT_TOLERANCE * max(
        1.0, np.abs(expected).max()
    )


@pytest.mark.parametrize("name", NAMES)
def test_fake_is_one_and_the_test_set_of_its_own_data_comes_out_right(name: str) -> None:
    detector = created(name)
    scores = [detector.detect(voice(index)).score for index in range(3)]
    assert scores[0] > 0.999
    assert max(scores[1:]) < 0.001
