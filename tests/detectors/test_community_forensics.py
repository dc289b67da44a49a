from __future__ import annotations

import pytest
import torch
from PIL import Image

import detectors
from detectors import torchvision_cpu
from detectors.community_forensics import CommunityForensics, CommunityForensics224
from tests.detectors.frame_detectors import noise


@pytest.mark.parametrize(("height", "width"), [(301, 259), (64, 511), (1024, 768), (440, 440), (97, 96)])
@pytest.mark.parametrize("name", ["community_forensics", "community_forensics_224"])
def test_preprocessing_is_the_one_of_torchvision(name: str, height: int, width: int) -> None:
    torchvision_cpu.prepare()
    from torchvision import transforms

    detector = {"community_forensics": CommunityForensics, "community_forensics_224": CommunityForensics224}[
        name
    ]
    published = transforms.Compose(
        [
            transforms.Resize(detector.resized),
            transforms.CenterCrop(detector.side),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    frames = noise(1, height, width, 3)
    actual = detector(torch.nn.Identity(), detectors.record(name)).preprocess(frames)[0]
    expected = published(Image.fromarray(frames[0].numpy()))
    assert actual.shape == (3, detector.side, detector.side)
    assert torch.allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 64, 30_000, 3), (1, 30_001, 65, 3)])
def test_banners_are_cut_to_the_middle_before_they_are_enlarged(shape: tuple[int, ...]) -> None:
    frames = torch.zeros(shape, dtype=torch.uint8)
    longest = max(shape)
    middle = frames.movedim(2, 1) if shape[2] == longest else frames
    middle[:, longest // 2 - 100 : longest // 2 + 100] = 255
    detector = CommunityForensics(torch.nn.Identity(), detectors.record("community_forensics"))
    assert detector.preprocess(frames).min() > 1.9
