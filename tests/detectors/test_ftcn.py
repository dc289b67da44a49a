from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import detectors
from detectors.base import View
from detectors.errors import NotApplicable
from detectors.faces.alignment import STRIDE
from detectors.ftcn import FTCN, normalise
from detectors.ftcn_network import FTCNNetwork, TemporalConv3d, fold_norms


@pytest.fixture(scope="module")
def detector() -> Iterator[FTCN]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    yield FTCN(FTCNNetwork(), detectors.record("ftcn"))
    torch.set_num_threads(threads)


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_the_record_describes_the_network() -> None:
    record = detectors.record("ftcn")
    assert record.parameters == sum(p.numel() for p in FTCNNetwork().parameters())
    assert record.licence.needs_acceptance
    assert record.preprocessing["stride"] == STRIDE
    assert FTCN.view is View.FACE_CLIPS


def test_clips_keep_every_pixel(detector: FTCN) -> None:
    view = noise(2, 32, 224, 224, 3)
    batch = detector.preprocess(view)
    assert batch.shape == (2, 3, 32, 224, 224)
    assert torch.equal(batch[1, 2, 31], view[1, 31, :, :, 2])
    expected = (view[1, 31, 5, 7, 2].item() / 255 - 0.406) / 0.225
    assert normalise(batch)[1, 2, 31, 5, 7].item() == pytest.approx(expected, abs=1e-6)


def test_clips_of_another_size_are_resized(detector: FTCN) -> None:
    batch = detector.preprocess(torch.full((1, 32, 256, 256, 3), 77, dtype=torch.uint8))
    assert batch.shape == (1, 3, 32, 224, 224)
    assert (batch == 77).all()


@pytest.mark.parametrize(
    ("shape", "reason"),
    [((0, 32, 224, 224, 3), "no face could be followed"), ((1, 31, 224, 224, 3), "too short .31 frames")],
)
def test_what_cannot_be_judged_says_why(detector: FTCN, shape: tuple[int, ...], reason: str) -> None:
    with pytest.raises(NotApplicable, match=reason):
        detector.detect(torch.zeros(shape, dtype=torch.uint8))


def test_a_black_clip_has_a_score(detector: FTCN) -> None:
    output = detector.detect(torch.zeros(1, 32, 224, 224, 3, dtype=torch.uint8))
    assert 0 <= output.score <= 1
    assert not output.evidence


def test_clip_probabilities_are_averaged(detector: FTCN) -> None:
    output = detector.reduce(torch.tensor([0.0, 100.0]))
    assert output.score == pytest.approx(0.75)
    assert output.evidence["clip_scores"] == [0.5, 1.0]


def test_folding_leaves_no_norm_in_the_body() -> None:
    network = FTCNNetwork().eval()
    fold_norms(network)
    assert not any(isinstance(module, torch.nn.BatchNorm3d) for module in network.modules())
    assert all(m.bias is not None for m in network.modules() if isinstance(m, TemporalConv3d))
