"""GenConViT from decoded video frames to the published score (the clips show people, they stay in ../shared).

Face boxes come from the stored vectors: the published face finder is no part of this project.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import detectors
from detectors.area_resize import area_resize
from detectors.genconvit import GenConViT
from tests.reference.cases.genconvit import CASES
from tests.reference.vectors import HERE, LOGIT_TOLERANCE, Vectors

SHARED = Path(os.environ.get("VERITAG_SHARED", HERE.parents[1] / ".." / "shared"))
FOLDER = SHARED / "reference" / "genconvit_pipeline"
CLIPS = range(4)
FRAMES = 15
SEED = 1234

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs ../shared (videos and faces of people)")


@pytest.fixture(scope="module")
def stored() -> Mapping[str, np.ndarray]:
    with np.load(FOLDER / "io.npz") as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def detector() -> Iterator[GenConViT]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    networks = tuple(case.filled(Vectors.read(HERE / case.name)) for case in CASES)
    yield GenConViT(networks, detectors.record("genconvit"), noise_seed=SEED)
    torch.set_num_threads(threads)


def crops(stored: Mapping[str, np.ndarray], clip: int) -> Tensor:
    """The published crops: at most 15 frames at equal steps, every stored box, INTER_AREA to 224 x 224."""
    decord = pytest.importorskip("decord", reason="needs decord (x86-64)")
    video = decord.VideoReader(str(FOLDER / "videos" / str(stored["names"][clip])))
    step = max(1, len(video) // FRAMES)
    frames = video.get_batch(list(range(0, len(video), step))[:FRAMES]).asnumpy()
    owners = np.repeat(np.arange(len(frames)), stored[f"v{clip}_boxes_per_frame"])
    boxes = stored[f"v{clip}_boxes_trbl"]
    return torch.cat(
        [
            area_resize(torch.from_numpy(frames[owner : owner + 1, top:bottom, left:right]), 224, 224)
            for owner, (top, right, bottom, left) in zip(owners, boxes, strict=False)
        ]
    )


@pytest.mark.parametrize("clip", CLIPS)
def test_crops_match_to_the_pixel(stored: Mapping[str, np.ndarray], clip: int) -> None:
    faces = crops(stored, clip)
    assert np.array_equal(faces[0].numpy(), stored[f"v{clip}_face0"])
    values = faces.double().flatten(1)
    stats = torch.stack([values.mean(1), values.std(1, correction=0), faces[:, 100, 100, 0].double()], dim=1)
    assert np.allclose(stats.numpy(), stored[f"v{clip}_faces_stats"], rtol=0, atol=1e-9)


@pytest.mark.parametrize("clip", CLIPS)
def test_logits_and_score_match(stored: Mapping[str, np.ndarray], detector: GenConViT, clip: int) -> None:
    logits = detector.forward(detector.preprocess(crops(stored, clip)))
    for index, name in enumerate(("ed", "vae")):
        expected = stored[f"v{clip}_{name}_logits"]
        difference = np.abs(logits[:, index].numpy() - expected).max()
        assert difference <= LOGIT_TOLERANCE * max(1.0, np.abs(expected).max()), name
    assert detector.reduce(logits).score == pytest.approx(float(stored[f"v{clip}_val"]), abs=1e-5)


def test_one_stored_face_needs_no_decoding(stored: Mapping[str, np.ndarray], detector: GenConViT) -> None:
    """Network A draws nothing, so a face alone gives what it gave among the others."""
    faces = torch.stack([torch.from_numpy(stored[f"v{clip}_face0"]) for clip in CLIPS])
    logits = detector.forward(detector.preprocess(faces))[:, 0]
    expected = np.stack([stored[f"v{clip}_ed_logits"][0] for clip in CLIPS])
    assert np.abs(logits.numpy() - expected).max() <= LOGIT_TOLERANCE * max(1.0, np.abs(expected).max())
