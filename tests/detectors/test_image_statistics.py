from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from detectors import image_statistics
from detectors.image_statistics import COUNT, MIN_SIDE, describe


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def smooth(side: int, seed: int = 1) -> Tensor:
    """A shaded, slightly noisy square ``(1, side, side, 3)``."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 9, 9, generator=generator) * 160 + 40
    large = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic", align_corners=False)
    grain = torch.randn(large.shape, generator=generator) * 4
    return (large + grain).clamp(0, 255).to(torch.uint8).movedim(1, -1)


@pytest.mark.parametrize("size", [(MIN_SIDE, MIN_SIDE), (208, 208), (256, 256), (171, 300)])
def test_every_size_has_the_same_figures(size: tuple[int, int]) -> None:
    figures = describe(noise(2, *size, 3))
    assert figures.shape == (2, COUNT)
    assert figures.dtype == torch.float32
    assert figures.isfinite().all()


@pytest.mark.parametrize("value", [0, 17, 255])
def test_flat_pictures_have_finite_figures(value: int) -> None:
    assert describe(torch.full((1, 200, 200, 3), value, dtype=torch.uint8)).isfinite().all()


def test_the_figures_of_a_crop_depend_on_it_alone() -> None:
    crops = torch.cat([noise(1, 192, 192, 3), smooth(192), noise(1, 192, 192, 3, seed=2)])
    together = describe(crops)
    for n in range(3):
        assert torch.allclose(together[n], describe(crops[n : n + 1])[0], atol=2e-3)


def grain(side: int, seed: int) -> Tensor:
    return torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 6


@pytest.mark.parametrize(
    "figures",
    [image_statistics._autocorrelation, lambda planes: image_statistics._spectrum(planes)[0]],
    ids=["autocorrelation", "spectrum"],
)
def test_repetition_by_up_sampling_shows(figures: Callable[[Tensor], Tensor]) -> None:
    photograph = smooth(256).movedim(-1, 1).float()
    enlarged = photograph + grain(128, 5).repeat_interleave(2, 2).repeat_interleave(2, 3)
    one, other = figures(photograph + grain(256, 6)), figures(photograph + grain(256, 7))
    by_chance = (one - other).abs().max()
    assert (figures(enlarged) - one).abs().max() > 3 * by_chance


def test_local_binary_patterns_count_every_pixel_once() -> None:
    share = image_statistics._local_binary_patterns(noise(1, 64, 64, 3).movedim(-1, 1).float())
    assert (share.exp() - 1e-3).reshape(3, 10).sum(1) == pytest.approx([1, 1, 1], abs=1e-4)


def test_a_gray_picture_has_no_saturation_and_its_channels_agree() -> None:
    gray = noise(1, 200, 200, 1).expand(-1, -1, -1, 3)
    rgb = gray.movedim(-1, 1).float()
    planes = torch.einsum("ij,njhw->nihw", torch.tensor(image_statistics._YCBCR), rgb)
    assert image_statistics._colour(rgb, planes)[0, :5].abs().max() == 0
    assert image_statistics._channels(rgb, planes)[0, :3] == pytest.approx([1, 1, 1], abs=1e-4)
