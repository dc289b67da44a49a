from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import detectors
from detectors import weights
from detectors.base import Detector, View
from detectors.errors import NotApplicable, WeightsMissing
from detectors.ftcn_network import FTCNNetwork
from detectors.styleflow.content import STYLE, StyleFlowNetwork
from detectors.styleflow.detector import StyleFlow, StyleFlowFull, latent_changes, resize
from detectors.styleflow.psp_encoder import PSPEncoder
from detectors.styleflow.style_gru import StyleGRU


class FlatEncoder(nn.Module):
    """Stands in for the 267-million-parameter encoder: every latent is the frame's mean."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(1, 2, 3))[:, None, None].expand(-1, 18, 512)


class FlatGRU(nn.Module):
    """Stands in for the 763-million-parameter network: the style is the sum of the changes."""

    def style(self, changes: Tensor) -> Tensor:
        return changes.sum(dim=(1, 2))[:, None].expand(-1, STYLE) / 1e4


@pytest.fixture(scope="module", params=["styleflow", "styleflow_full"])
def detector(request: pytest.FixtureRequest) -> Iterator[Detector]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    record = detectors.record(request.param)
    if request.param == "styleflow":
        yield StyleFlow(FTCNNetwork(), record)
    else:
        yield StyleFlowFull(StyleFlowNetwork(), FlatEncoder(), FlatGRU(), record)
    torch.set_num_threads(threads)


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


@pytest.mark.parametrize(
    ("name", "builds"),
    [("styleflow", [FTCNNetwork]), ("styleflow_full", [StyleFlowNetwork, PSPEncoder, StyleGRU])],
)
def test_the_records_describe_the_networks(name: str, builds: list[Callable[[], nn.Module]]) -> None:
    with torch.device("meta"):
        networks = [build() for build in builds]
    assert detectors.record(name).parameters == sum(p.numel() for net in networks for p in net.parameters())


def test_frames_are_resized_as_pillow_does() -> None:
    clips = noise(1, 3, 2, 256, 256)
    small = resize(clips, 224)
    assert small.shape == (1, 3, 2, 224, 224)
    frame = Image.fromarray(clips[0, :, 1].permute(1, 2, 0).numpy()).resize((224, 224))
    assert np.array_equal(small[0, :, 1].permute(1, 2, 0).numpy(), np.asarray(frame))
    assert resize(clips, 256) is clips


@pytest.mark.parametrize(
    ("shape", "reason"),
    [((0, 32, 256, 256, 3), "no face could be followed"), ((1, 31, 256, 256, 3), "too short .31 frames")],
)
def test_what_cannot_be_judged_says_why(detector: Detector, shape: tuple[int, ...], reason: str) -> None:
    with pytest.raises(NotApplicable, match=reason):
        detector.detect(torch.zeros(shape, dtype=torch.uint8))


def test_a_black_clip_has_a_score(detector: Detector) -> None:
    assert detector.view is View.FACE_CLIPS
    output = detector.detect(torch.zeros(1, 32, 256, 256, 3, dtype=torch.uint8))
    assert 0 <= output.score <= 1
    assert not output.evidence


def test_logits_are_averaged_before_the_sigmoid(detector: Detector) -> None:
    output = detector.reduce(torch.tensor([0.0, 4.0]))
    assert output.score == pytest.approx(torch.sigmoid(torch.tensor(2.0)).item())
    assert output.evidence["clip_scores"] == [0.5, 0.982]


def test_changes_are_from_frame_to_frame() -> None:
    clip = torch.tensor([0, 0, 51, 255], dtype=torch.uint8).view(1, 4, 1, 1).expand(3, 4, 256, 256)
    changes = latent_changes(FlatEncoder(), clip)
    assert changes.shape == (1, 3, 9216)
    assert changes[0, :, 0].tolist() == pytest.approx([0, 0.4, 1.6], abs=1e-6)


def test_the_style_reaches_the_score() -> None:
    torch.manual_seed(2)
    head = StyleFlowNetwork().eval().resnet.head
    nn.init.normal_(head.STA.lp.weight, std=0.1)
    features = torch.randn(1, 1024, 16, 14, 14)
    with torch.no_grad():
        quiet, loud = head.read(features, torch.zeros(1, STYLE)), head.read(features, torch.randn(1, STYLE))
    assert quiet.shape == (1, 1)
    assert abs(float(quiet - loud)) > 1e-4


@pytest.mark.parametrize("name", ["styleflow", "styleflow_full"])
def test_missing_weights_name_the_mend(name: str, tmp_path: Path) -> None:
    weights.accept_licence(detectors.record(name), tmp_path)
    with pytest.raises(WeightsMissing, match=f"veritag weights fetch {name}"):
        detectors.create(name, weights_dir=tmp_path)
