"""What the detectors over CLIP owe, on a small tower: weights are random, files are real."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import detectors
from detectors import weights
from detectors.clip_detector import TRUNK, CLIPDetector
from detectors.clip_vit import VIT_L_14, CLIPConfig, CLIPImageEncoder
from detectors.errors import NotApplicable, WeightsMismatch, WeightsMissing
from detectors.rine import RINE, RINENetwork
from detectors.ufd import UFD
from detectors.ufd_v2 import UFDV2
from tests.detectors.sample import unpinned

SMALL = CLIPConfig(width=32, layers=2, heads=4, patch=56, side=224, embedding=12)


class SmallUFD(UFD):
    config = SMALL


class SmallUFDV2(UFDV2):
    config = SMALL


class SmallRINE(RINE):
    config = SMALL


DETECTORS: dict[str, type[CLIPDetector]] = {"ufd": SmallUFD, "ufd_v2": SmallUFDV2, "rine": SmallRINE}
PUBLISHED: dict[str, type[CLIPDetector]] = {"ufd": UFD, "ufd_v2": UFDV2, "rine": RINE}
each_name = pytest.mark.parametrize("name", DETECTORS)


def head_of(name: str) -> dict[str, Tensor]:
    """The published head's file: everything of the network that is not the tower, under published names."""
    state = DETECTORS[name].build().state_dict()
    return {
        tensor_name.removeprefix("fc."): tensor
        for tensor_name, tensor in state.items()
        if not tensor_name.startswith(("vision_model.", "visual_projection."))
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with one trunk for all and each detector's head."""
    torch.manual_seed(6)
    folder = tmp_path_factory.mktemp("weights")
    save_file(
        CLIPImageEncoder(SMALL).state_dict() | {"logit_scale": torch.zeros(1)},
        folder / detectors.record("ufd").parts[TRUNK].name,
    )
    for name in DETECTORS:
        save_file(head_of(name), folder / detectors.record(name).file.name)
    return folder


def create(name: str, folder: Path) -> CLIPDetector:
    return DETECTORS[name].load(unpinned(name), weights_dir=folder)


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


@each_name
def test_the_record_fits_the_network(name: str) -> None:
    with torch.device("meta"):
        network = PUBLISHED[name].build()
    record = detectors.record(name)
    assert PUBLISHED[name].config is VIT_L_14
    assert record.parameters == sum(p.numel() for p in network.parameters())
    assert record.parts[TRUNK] == detectors.record("ufd").parts[TRUNK]


@each_name
def test_scores_are_probabilities_and_repeat(name: str, folder: Path) -> None:
    first, second = create(name, folder), create(name, folder)
    for frames in (
        torch.zeros(1, 64, 64, 3, dtype=torch.uint8),
        noise(3, 71, 1003, 1).expand(-1, -1, -1, 3),
    ):
        batch = first.preprocess(frames)
        assert batch.shape == (len(frames), 3, 224, 224)
        output = first.detect(frames)
        assert output == second.detect(frames)
        assert math.isfinite(output.score)
        assert 0.0 < output.score < 1.0


@each_name
def test_the_heads_file_decides_the_score(name: str, folder: Path, tmp_path: Path) -> None:
    record = detectors.record(name)
    (tmp_path / record.parts[TRUNK].name).symlink_to(folder / record.parts[TRUNK].name)
    head = head_of(name)
    last = [tensor_name for tensor_name in head if tensor_name.endswith("bias")][-1]
    save_file({**head, last: head[last] + 30.0}, tmp_path / record.file.name)
    assert create(name, tmp_path).detect(noise(1, 300, 300, 3)).score > 0.999


@each_name
def test_missing_files_are_named(name: str, folder: Path, tmp_path: Path) -> None:
    record = detectors.record(name)
    with pytest.raises(WeightsMissing, match=f"weights fetch {name}"):
        create(name, tmp_path)
    (tmp_path / record.file.name).symlink_to(folder / record.file.name)
    with pytest.raises(WeightsMissing, match=f"weights fetch {name}"):
        create(name, tmp_path)
    save_file({"text_model.x": torch.zeros(1)}, tmp_path / record.parts[TRUNK].name)
    with pytest.raises(WeightsMismatch, match=r"clip_vit_large_patch14.* missing: vision_model"):
        create(name, tmp_path)


@each_name
def test_what_cannot_be_judged_says_why(name: str, folder: Path) -> None:
    detector = create(name, folder)
    with pytest.raises(NotApplicable, match="too small to judge"):
        detector.detect(noise(1, 300, 63, 3))
    with pytest.raises(NotApplicable, match="no frame"):
        detector.detect(noise(0, 300, 300, 3))


def test_the_original_crops_and_the_second_version_squeezes(folder: Path) -> None:
    frames = torch.zeros(1, 224, 448, 3, dtype=torch.uint8)
    frames[:, :, :112] = 255  # outside the central square
    black = (0 - 0.48145466) / 0.26862954
    assert torch.allclose(create("ufd", folder).preprocess(frames)[0, 0], torch.tensor(black))
    squeezed = create("ufd_v2", folder).preprocess(frames)[0, 0]
    assert squeezed[0, 0] > 1.9
    assert squeezed[0, -1] == pytest.approx(black)


def test_heads_of_the_second_version_with_underscores_load(folder: Path, tmp_path: Path) -> None:
    record = detectors.record("ufd_v2")
    (tmp_path / record.parts[TRUNK].name).symlink_to(folder / record.parts[TRUNK].name)
    head = weights.read(record, folder)
    save_file({name.replace(".", "_"): t for name, t in head.items()}, tmp_path / record.file.name)
    frames = noise(1, 300, 300, 3)
    assert create("ufd_v2", tmp_path).detect(frames) == create("ufd_v2", folder).detect(frames)


@torch.no_grad()
def test_rines_weights_are_shared_out_among_layers_channel_by_channel() -> None:
    network = RINENetwork(SMALL).eval()
    tokens = torch.randn(2, SMALL.layers, SMALL.width)
    network.alpha[:, 1] = 50.0  # all weight to the second layer
    alone = network.proj2(network.proj1(tokens[:, 1]))
    assert torch.allclose(network.features(tokens), alone, atol=1e-6)
