"""DistilDIRE under the parity suite: the student, its one-input variants, and ADM's U-Net in front of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors.adm_unet import ADMUNet, clamped_noise, ddim_schedule
from detectors.distildire import DistilDIREStudent, resize, student_input
from tests.reference.cases.base import Case, Fields
from tests.reference.vectors import HERE, Rule, Vectors, statistics, subsample


def _low(vectors: Vectors, field: str, count: int, side: int) -> Tensor:
    """Soft coloured blobs in 8 bits, [-1, 1]; some parts saturated."""
    grid = torch.rand(count, 3, 16, 16, generator=vectors.generator(field))
    scaled = nn.functional.interpolate(grid, size=(side, side), mode="bilinear")
    return ((scaled * 1.6 - 0.3).clamp(0, 1) * 255).round() / 255 * 2 - 1


def _picture(vectors: Vectors) -> Tensor:
    return _low(vectors, "img_seed_low224", 2, 224)


def _noise(vectors: Vectors) -> Tensor:
    return vectors.randn(2, 3, 224, 224, seed="eps_seed_randn")


def _student_outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    assert isinstance(network, DistilDIREStudent)
    features = network.student_backbone(torch.cat([_picture(vectors), _noise(vectors)], dim=1).to(device))
    return {
        "logits": network.student_head(features),
        "feature_sub": subsample(features, 4096),
        "feature_stats": statistics(features),
    }


def _one_input_outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    return {
        "only_eps_logits": network(_noise(vectors).to(device)),
        "dire_logits": network(_picture(vectors).to(device)),
    }


def _unet_inputs(vectors: Vectors, device: str) -> Fields:
    schedule = ddim_schedule()
    return {
        "img224_sub": subsample(resize(_low(vectors, "img_seed_low256", 1, 256).to(device), 224), 4096),
        "timestep_map": schedule.timesteps,
        "sqrt_recip": schedule.sqrt_recip,
        "sqrt_recipm1": schedule.sqrt_recip_minus_one,
    }


def _unet_outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    picture = _low(vectors, "img_seed_low256", 1, 256).to(device)
    raw = network(picture, picture.new_zeros(1))
    noise = clamped_noise(picture, raw[:, :3])
    small = resize(noise, 224)
    student = DistilDIREStudent().eval()
    keys = Vectors.read(HERE / "distildire", vectors.prefix, io=None, comparable=False)
    student.load_state_dict(keys.weights(Rule()))
    student.to(device)
    return {
        "raw_sub": subsample(raw, 4096),
        "raw_stats": statistics(raw),
        "eps_sub": subsample(noise, 4096),
        "eps_stats": statistics(noise),
        "eps224_sub": subsample(small, 4096),
        "eps224_stats": statistics(small),
        "logit_unquantised_img": student(torch.cat([resize(picture, 224), small], dim=1)),
        "logit_quantised_img": student(student_input(picture, noise)),
    }


CASES = (
    Case(
        name="distildire",
        rule=Rule(),
        build=DistilDIREStudent,
        outputs=_student_outputs,
    ),
    Case(
        name="distildire_one_input",
        folder="distildire",
        keys="keys_only_eps.json",
        rule=Rule(),
        build=lambda: DistilDIREStudent(3),
        outputs=_one_input_outputs,
        untapped=("",),
    ),
    Case(
        name="distildire_unet",
        folder="distildire",
        keys="keys_adm_unet.json",
        io="unet_io.npz",
        rule=Rule(),
        build=ADMUNet,
        inputs=_unet_inputs,
        outputs=_unet_outputs,
        # The noise is a difference divided by 0.01: float32 leaves it three digits less.
        tolerances=dict.fromkeys(("eps_sub", "eps_stats", "eps224_sub", "eps224_stats"), 2.5e-4)
        | dict.fromkeys(("raw_sub", "raw_stats"), 3e-5),
    ),
)
