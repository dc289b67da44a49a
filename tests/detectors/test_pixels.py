from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from detectors import pixels, torchvision_cpu


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


@pytest.mark.parametrize(
    ("height", "width"), [(256, 256), (301, 259), (255, 1001), (80, 71), (257, 90), (261, 263)]
)
def test_the_crop_is_the_one_of_torchvision(height: int, width: int) -> None:
    torchvision_cpu.prepare()
    from torchvision.transforms import functional

    frames = noise(2, height, width, 3)
    expected = functional.center_crop(frames.permute(0, 3, 1, 2), [256, 256]).permute(0, 2, 3, 1)
    assert torch.equal(pixels.centre_crop(frames, 256), expected)


def test_what_a_small_picture_lacks_is_black_with_the_odd_pixel_below_and_to_the_right() -> None:
    cropped = pixels.centre_crop(torch.full((1, 3, 2, 3), 7, dtype=torch.uint8), 6)[0, :, :, 0]
    assert cropped.nonzero().tolist() == [[row, column] for row in (1, 2, 3) for column in (2, 3)]


def test_squeezing_is_pillows() -> None:
    frames = noise(2, 300, 411, 3)
    squeezed = pixels.squeeze(frames, 256, Image.Resampling.BILINEAR)
    expected = Image.fromarray(frames[1].numpy()).resize((256, 256), Image.Resampling.BILINEAR)
    assert squeezed.shape == (2, 256, 256, 3)
    assert np.array_equal(squeezed[1].numpy(), np.array(expected))


@pytest.mark.parametrize(("height", "width"), [(300, 411), (411, 300), (97, 1000), (256, 256), (64, 511)])
def test_the_shorter_side_is_resized_as_torchvision_does(height: int, width: int) -> None:
    torchvision_cpu.prepare()
    from torchvision.transforms import functional

    frames = noise(2, height, width, 3)
    resized = pixels.shorter_side(frames, 256, Image.Resampling.BILINEAR)
    expected = np.array(functional.resize(Image.fromarray(frames[1].numpy()), [256]))
    assert np.array_equal(resized[1].numpy(), expected)


def test_normalising_by_hand() -> None:
    frames = torch.tensor([[[[0, 51, 255]]]], dtype=torch.uint8)
    normalised = pixels.normalise(frames, (0.5, 0.1, 0.0), (0.5, 0.2, 2.0))
    assert normalised.shape == (1, 3, 1, 1)
    assert normalised.flatten().tolist() == pytest.approx([-1.0, 0.5, 0.5])
