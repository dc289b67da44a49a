from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import detectors
from detectors import weights
from detectors.errors import LicenceNotAccepted, NotApplicable, WeightsMismatch
from detectors.timm_probe import TimmProbe, TimmProbeNetwork

NAME = "test_efficientnet"


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1)).byte()


def put(folder: Path, said: dict[str, str]) -> Path:
    torch.manual_seed(3)
    state = TimmProbeNetwork(NAME).state_dict()
    weights.save(state, folder / "timm_probe.safetensors", said)
    weights.accept_licence(detectors.record("timm_probe"), folder)
    return folder


def test_the_file_says_which_backbone_it_is_and_what_it_sees(tmp_path: Path) -> None:
    for fit in ("crop", "squeeze"):
        detector = detectors.create(
            "timm_probe", weights_dir=put(tmp_path, {"architecture": NAME, "fit": fit})
        )
        (tmp_path / "timm_probe.safetensors.sha256").unlink()
        frames = noise(2, 100, 400, 3)
        batch = detector.preprocess(frames)
        side = batch.shape[-1]
        assert batch.shape == (2, 3, side, side)
        black = (batch[0, 0] == batch[0, 0].min()).float().mean()
        assert (black > 0.3) == (fit == "crop")  # what a smaller picture lacks is black
        assert 0 < detector.detect(frames).score < 1
        assert isinstance(detector, TimmProbe)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "does not say which backbone it has; make it by `veritag train`"),
        ({"architecture": NAME, "fit": "stretch"}, "does not say which backbone"),
        ({"architecture": "nosuch", "fit": "crop"}, "timm has no architecture 'nosuch'"),
        ({"architecture": "test_vit", "fit": "crop"}, "does not fit TimmProbeNetwork"),
    ],
)
def test_files_that_are_no_probes_are_named(said: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match=words):
        detectors.create("timm_probe", weights_dir=put(tmp_path, said))


def test_it_declines_as_other_detectors_of_pictures_do(tmp_path: Path) -> None:
    with pytest.raises(LicenceNotAccepted):
        detectors.create("timm_probe", weights_dir=tmp_path)
    detector = detectors.create(
        "timm_probe", weights_dir=put(tmp_path, {"architecture": NAME, "fit": "crop"})
    )
    with pytest.raises(NotApplicable, match="too small"):
        detector.detect(noise(1, 63, 300, 3))
    with pytest.raises(TypeError, match="named by its file"):
        TimmProbe.build()
