from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import detectors
from detectors import weights
from detectors.base import Modality, View
from detectors.errors import LicenceNotAccepted, NotApplicable, WeightsMissing
from detectors.gend import GenD, GenDCLIP, GenDDINOv3, GenDNetwork, GenDPE

REFERENCE = Path(__file__).parents[1] / "reference"
CLASSES = {"gend": GenDCLIP, "gend_pe": GenDPE, "gend_dinov3": GenDDINOv3}
each = pytest.mark.parametrize("name", CLASSES)


class SmallFeatures(nn.Module):
    """Stands for a transformer: mean colours of an 18 x 18 grid, and more of them up to 1024."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(x, 18).flatten(1).repeat(1, 2)[:, :1024]


class SmallNetwork(GenDNetwork):
    def __init__(self) -> None:
        super().__init__(SmallFeatures())


def detector(name: str) -> GenD:
    torch.manual_seed(2)
    return CLASSES[name](SmallNetwork(), detectors.record(name))


def faces(count: int, side: int = 224) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (count, side, side, 3), generator=generator, dtype=torch.uint8)


@each
def test_the_record_is_honest(name: str) -> None:
    record = detectors.record(name)
    with torch.device("meta"):
        network = CLASSES[name].network()
    assert record.parameters == sum(p.numel() for p in network.parameters())
    published = sum(
        torch.Size(shape).numel() for _, shape, _ in json.loads((REFERENCE / name / "keys.json").read_text())
    )
    assert record.parameters <= published
    assert record.licence.needs_acceptance
    assert not record.calibration
    assert not record.in_the_wild
    assert record.modalities == (Modality.IMAGE, Modality.VIDEO)
    assert record.preprocessing["face_margin"] == 1.3
    assert CLASSES[name].view is View.FACES


@pytest.mark.parametrize(
    ("name", "mean", "std"),
    [
        ("gend", (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
        ("gend_pe", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ("gend_dinov3", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ],
)
def test_faces_of_the_right_size_are_only_normalised(
    name: str, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    view = faces(2)
    batch = detector(name).preprocess(view)
    assert batch.shape == (2, 3, 224, 224)
    assert batch.dtype == torch.float32
    for channel in range(3):
        expected = (view[1, 50, 70, channel].item() / 255 - mean[channel]) / std[channel]
        assert batch[1, channel, 50, 70].item() == pytest.approx(expected, abs=1e-5)


@each
@pytest.mark.parametrize("side", [64, 223, 256, 701])
def test_other_sizes_become_the_networks(name: str, side: int) -> None:
    batch = detector(name).preprocess(faces(1, side))
    assert batch.shape == (1, 3, 224, 224)
    assert batch.isfinite().all()


@each
@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (torch.zeros(0, 224, 224, 3, dtype=torch.uint8), "no face was found"),
        (faces(3, 63), r"faces are too small to judge \(63 x 63 pixels; at least 64 each way\)"),
    ],
)
def test_what_cannot_be_judged_says_why(name: str, view: Tensor, reason: str) -> None:
    with pytest.raises(NotApplicable, match=reason):
        detector(name).detect(view)


@each
@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_faces_get_a_probability_that_repeats(name: str, value: int) -> None:
    view = torch.full((1, 100, 100, 3), value, dtype=torch.uint8)
    gend = detector(name)
    output = gend.detect(view)
    assert 0.0 <= output.score <= 1.0
    assert output == gend.detect(view)
    assert output.evidence == {}


@each
def test_the_score_is_the_mean_probability_of_the_second_class(name: str) -> None:
    gend = detector(name)
    batch = gend.preprocess(faces(3))
    published = gend._network(batch).softmax(-1)[:, 1]
    output = gend.detect(faces(3))
    assert output.score == pytest.approx(published.mean().item(), abs=1e-6)
    assert output.evidence["face_scores"] == pytest.approx(published.tolist(), abs=1e-4)


def test_features_on_the_sphere_lose_their_length() -> None:
    torch.manual_seed(4)
    network, features = SmallNetwork(), torch.randn(2, 1024)
    assert torch.allclose(network.head(features), network.head(7 * features), atol=1e-6)
    network.on_sphere = False
    assert not torch.allclose(network.head(features), network.head(7 * features), atol=1e-2)
    assert SmallNetwork().head(torch.zeros(1, 1024)).isfinite().all()


def test_a_public_file_loads_without_its_dead_tensors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(GenDCLIP, "network", SmallNetwork)
    record = detectors.record("gend")
    with pytest.raises(LicenceNotAccepted, match="MIT in the publishing repository"):
        detectors.create("gend", weights_dir=tmp_path)
    weights.accept_licence(record, tmp_path)
    with pytest.raises(WeightsMissing, match="veritag weights fetch gend"):
        detectors.create("gend", weights_dir=tmp_path)
    head = {"model.linear.weight": torch.randn(2, 1024), "model.linear.bias": torch.zeros(2)}
    dead = {"feature_extractor.visual_projection.weight": torch.zeros(768, 1024)}
    save_file(head | dead, tmp_path / record.file.name)
    loaded = detectors.create("gend", weights_dir=tmp_path)
    assert isinstance(loaded, GenDCLIP)
    assert torch.equal(loaded._network.model.linear.weight, head["model.linear.weight"])
    assert 0.0 <= loaded.detect(faces(2)).score <= 1.0


def test_constants_of_the_perception_encoder_are_there_without_weights() -> None:
    """A network built on the meta device must not keep constants there that no file fills."""
    with torch.device("meta"):
        network = GenDPE.network()
    stored = network.state_dict().keys()
    constants = {name: b for name, b in network.named_buffers() if name not in stored}
    assert constants
    assert all(not buffer.is_meta and buffer.isfinite().all() for buffer in constants.values())
