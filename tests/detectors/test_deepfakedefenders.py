from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import detectors
from detectors import torchvision_cpu
from detectors.deepfakedefenders import AVERAGES, DeepFakeDefenders, averaged
from detectors.errors import WeightsMismatch
from tests.detectors.frame_detectors import SmallDefenders, averages, drawn, fill_folder, noise


def identity() -> DeepFakeDefenders:
    return DeepFakeDefenders(torch.nn.Identity(), detectors.record("deepfakedefenders"))


@pytest.mark.parametrize(("height", "width"), [(64, 101), (700, 513), (512, 512)])
def test_resizing_after_normalising_is_the_one_of_torchvision(height: int, width: int) -> None:
    torchvision_cpu.prepare()
    from torchvision.transforms import functional

    frames = noise(2, height, width, 3)
    unit = frames.permute(0, 3, 1, 2).float() / 255
    normal = functional.normalize(unit, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    expected = functional.resize(normal, [512, 512], antialias=True)
    assert torch.allclose(identity().preprocess(frames), expected, atol=1e-5)


def test_the_logit_is_that_of_the_mean_probability() -> None:
    logits = torch.randn(4, 7, 2)
    mean = logits.softmax(dim=-1)[..., 1].mean(dim=1)
    assert torch.allclose(torch.sigmoid(identity().logit(logits)), mean, atol=1e-6)


def test_certain_experts_do_not_overflow() -> None:
    logits = torch.tensor(
        [[[-9e3, 9e3], [-9e3, 9e3]], [[9e3, -9e3], [9e3, -9e3]], [[9e3, -9e3], [-9e3, 9e3]]]
    )
    found = identity().logit(logits)
    assert found.isfinite().all()
    assert torch.sigmoid(found).tolist() == pytest.approx([1.0, 0.0, 0.5])


def test_averages_replace_parameters_and_leave_statistics(tmp_path: Path) -> None:
    fill_folder("deepfakedefenders", tmp_path)
    detector = SmallDefenders.load(detectors.record("deepfakedefenders"), weights_dir=tmp_path)
    own, stored = detector._network.state_dict(), drawn(SmallDefenders)
    counts = {"halved": 0, "kept": 0}
    for name, tensor in stored.items():
        statistics = name.endswith(("running_mean", "running_var", "num_batches_tracked"))
        assert torch.equal(own[name], tensor if statistics else 0.5 * tensor), name
        counts["kept" if statistics else "halved"] += 1
    assert min(counts.values()) > 100


@pytest.mark.parametrize("name", ["0.shadow_params.3", "1.shadow_params.0"])
def test_averages_of_other_networks_are_refused(name: str, tmp_path: Path) -> None:
    record = detectors.record("deepfakedefenders")
    fill_folder("deepfakedefenders", tmp_path)
    path = tmp_path / record.parts[AVERAGES].name
    state = load_file(path)
    del state[name]
    save_file(state, path)
    with pytest.raises(WeightsMismatch, match=r"ema\.pth has averages of \d+ parameters"):
        SmallDefenders.load(record, weights_dir=tmp_path)


def test_what_else_is_stored_of_the_averaging_is_passed_over() -> None:
    network = SmallDefenders.build()
    extra = {"0.num_updates": torch.zeros(1), "0.decay": torch.zeros(1)}
    assert (
        averaged(network, averages() | extra, "ema.state").keys() == dict(network.named_parameters()).keys()
    )
