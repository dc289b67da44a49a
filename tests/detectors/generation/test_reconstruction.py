from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from detectors.generation import reconstruction
from detectors.generation.reconstruction import KINDS, Autoencoder, Kind
from detectors.training.veritag_image import autoencoders
from detectors.training.veritag_image.opponent import Opponent


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


def scene(height: int = 150, width: int = 203) -> NDArray[np.uint8]:
    """Smooth shading, edges and fine noise, as a photograph has."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:height, :width]
    base = 120 + 60 * np.sin(x / 31) * np.cos(y / 23) + 40 * ((x // 40 + y // 50) % 2)
    colour = base[..., None] * np.array([1.0, 0.9, 0.75]) + rng.normal(0, 3, (height, width, 3))
    return colour.clip(0, 255).astype(np.uint8)


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    return float(10 * np.log10(255**2 / np.square(a.astype(float) - b).mean()))


@pytest.mark.parametrize("kind", KINDS)
def test_every_bundled_autoencoder_gives_a_picture_back(kind: Kind) -> None:
    real = scene()
    fake = reconstruction.reconstruct(real, reconstruction.autoencoder(kind))
    assert fake.shape == real.shape
    assert fake.dtype == np.uint8
    assert 27 < psnr(real, fake) < 45


def test_the_reconstructions_of_two_kinds_differ() -> None:
    real = scene(64, 64)
    fakes = [reconstruction.reconstruct(real, reconstruction.autoencoder(kind)) for kind in KINDS]
    assert len({fake.tobytes() for fake in fakes}) == len(KINDS)


@pytest.mark.parametrize(("kind", "width"), [("shuffle", 150), ("deep_nearest", 330), ("deep_shuffle", 330)])
def test_tiles_leave_no_seams(kind: Kind, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, network = scene(130, width), reconstruction.autoencoder(kind)
    whole = reconstruction.reconstruct(real, network)
    monkeypatch.setattr(reconstruction, "_TILE", 64)
    tiled = reconstruction.reconstruct(real, network)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 5), (4, 4), (17, 640)])
def test_any_size_keeps_its_size(height: int, width: int) -> None:
    real = scene(height, width)
    fake, mask, description = reconstruction.reconstruction(real, np.random.default_rng(0))
    assert fake.shape == real.shape
    assert mask is None
    assert description["autoencoder"] in KINDS


def test_the_same_seed_makes_the_same_fake_and_others_differ() -> None:
    real = scene(64, 80)
    made = [reconstruction.reconstruction(real, np.random.default_rng(seed)) for seed in (1, 1, 2, 3, 4, 5)]
    assert np.array_equal(made[0][0], made[1][0])
    assert made[0][2] == made[1][2]
    assert len({fake.tobytes() for fake, _, _ in made}) > 2


def test_a_blend_lies_between_the_photograph_and_its_reconstruction() -> None:
    real = scene(64, 64)
    fake = reconstruction.reconstruct(real, reconstruction.autoencoder("nearest"))
    for seed in range(6):
        mixed = reconstruction.blend(real, fake, 0.5, np.random.default_rng(seed))
        assert psnr(real, mixed) > psnr(real, fake) + 3
        assert not np.array_equal(mixed, real)


@pytest.mark.parametrize("kind", ["nearest", "deep_nearest"])
def test_a_short_training_lowers_the_loss_and_repeats(kind: Kind) -> None:
    pictures = torch.from_numpy(np.stack([scene(80, 80)] * 2))
    network, losses = autoencoders.train(kind, pictures, steps=12, seed=1)
    again, _ = autoencoders.train(kind, pictures, steps=12, seed=1)
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])
    assert isinstance(network, Autoencoder)
    assert not network.training
    first, second = network.state_dict(), again.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert autoencoders.psnr(network, pictures) > 5


def test_the_critic_learns_what_reconstructions_lack() -> None:
    torch.manual_seed(0)
    opponent = Opponent()
    sharp = torch.randn(4, 3, 64, 64).clamp(-1, 1)
    blurred = torch.nn.functional.avg_pool2d(sharp, 3, 1, 1)
    for _ in range(40):
        opponent.learn(sharp, blurred)
    assert opponent.objection(blurred).item() > opponent.objection(sharp).item() + 1
