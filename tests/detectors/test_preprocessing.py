"""Each published preprocessing, said in torchvision's words, gives the same pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import detectors
from detectors import torchvision_cpu
from detectors.frame_detector import FrameDetector
from detectors.ladeda import LaDeDa
from detectors.npr import NPR
from detectors.rine import RINE
from detectors.safe import SAFE
from detectors.ufd import UFD
from detectors.ufd_v2 import UFDV2

DETECTORS: dict[str, type[FrameDetector]] = {
    "ladeda": LaDeDa,
    "npr": NPR,
    "safe": SAFE,
    "ufd": UFD,
    "ufd_v2": UFDV2,
    "rine": RINE,
}


def published(name: str, image: Image.Image) -> Tensor:
    torchvision_cpu.prepare()
    from torchvision import transforms as T

    imagenet = T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    clip = T.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
    steps = {
        "ladeda": [T.Resize((256, 256)), T.ToTensor(), imagenet],
        "npr": [T.Resize((256, 256)), T.ToTensor(), imagenet],
        "safe": [T.CenterCrop(256), T.ToTensor()],
        "ufd": [T.CenterCrop(224), T.ToTensor(), clip],
        "ufd_v2": [T.Resize((224, 224), T.InterpolationMode.BICUBIC), T.ToTensor(), clip],
        "rine": [T.CenterCrop(224), T.ToTensor(), clip],
    }
    result: Tensor = T.Compose(steps[name])(image)
    return result


def picture(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(height * width)
    return torch.randint(0, 256, (height, width, 3), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize(("height", "width"), [(300, 411), (101, 500), (64, 65), (229, 259)])
@pytest.mark.parametrize("name", DETECTORS)
def test_the_published_preprocessing(name: str, height: int, width: int) -> None:
    frames = torch.stack([picture(height, width), 255 - picture(height, width)])
    ours = DETECTORS[name](nn.Identity(), detectors.record(name)).preprocess(frames)
    for index, frame in enumerate(frames):
        expected = published(name, Image.fromarray(frame.numpy()))
        assert np.abs(ours[index].numpy() - expected.numpy()).max() < 1e-6
