from __future__ import annotations

import numpy as np
import pytest
import torch

import detectors
from detectors.base import Detector, View
from detectors.errors import NotApplicable
from detectors.veritag_face_network import MASK_SIDE, SIDE, VeritagFaceNetwork, traces


@pytest.fixture(scope="module")
def detector() -> Detector:
    torch.set_num_threads(1)
    return detectors.create("veritag_face")


def faces(count: int, side: int = 224) -> torch.Tensor:
    coarse = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 255
    smooth = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")
    return smooth.permute(0, 2, 3, 1).to(torch.uint8)


def test_the_bundled_weights_judge_faces(detector: Detector) -> None:
    assert detector.view is View.FACES
    output = detector.detect(faces(3))
    assert 0 <= output.score <= 1
    assert len(output.evidence["face_scores"]) == 3
    assert detector.detect(faces(1)).evidence == {}


def test_a_face_and_its_mirror_image_score_alike(detector: Detector) -> None:
    batch = detector.preprocess(faces(2))
    assert batch.shape == (2, 3, SIDE, SIDE)
    assert detector.forward(batch).numpy() == pytest.approx(detector.forward(batch.flip(3)).numpy(), abs=1e-5)


def test_a_batch_scores_as_its_faces_do_alone(detector: Detector) -> None:
    batch = detector.preprocess(faces(3))
    alone = torch.cat([detector.forward(face[None]) for face in batch])
    assert detector.forward(batch).numpy() == pytest.approx(alone.numpy(), abs=1e-4)


@pytest.mark.parametrize("view", [faces(1)[:0], faces(1, 40)])
def test_no_face_and_small_faces_are_declined(detector: Detector, view: torch.Tensor) -> None:
    with pytest.raises(NotApplicable, match="face"):
        detector.preprocess(view)


def test_the_whole_crops_light_says_nothing() -> None:
    network = VeritagFaceNetwork().eval()
    batch = faces(2, SIDE).permute(0, 3, 1, 2).float() / 255 * 0.5
    with torch.inference_mode():
        plain, where = network.both(batch)
        shifted, _ = network.both(batch + 0.2)
    assert where.shape == (2, MASK_SIDE, MASK_SIDE)
    assert shifted.numpy() == pytest.approx(plain.numpy(), abs=1e-4)


def test_traces_show_the_part_that_is_less_sharp() -> None:
    rng = np.random.default_rng(0)
    noise = (
        torch.from_numpy(rng.random((1, 1, SIDE, SIDE), dtype=np.float32)).expand(1, 3, SIDE, SIDE).clone()
    )
    noise[..., 32:80, 32:80] = torch.nn.functional.avg_pool2d(noise, 5, 1, 2)[..., 32:80, 32:80]
    sharp = traces(noise)[0, 5]
    assert sharp[48:64, 48:64].mean() < sharp[:16, :16].mean() - 0.3
