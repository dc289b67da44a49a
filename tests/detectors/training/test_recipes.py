"""Every recipe trains: to a falling loss, and to weights that its detector loads and scores with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import detectors
from detectors import registry, torchvision_cpu, weights
from detectors.adm_unet import ADMUNet
from detectors.base import View
from detectors.clip_detector import TRUNK
from detectors.clip_vit import CLIPImageEncoder
from detectors.distildire import DistilDIRE, DistilDIREStudent
from detectors.errors import LicenceNotAccepted, TrainingError, WeightsMissing
from detectors.ladeda import LaDeDaNetwork
from detectors.styleflow.style_gru import StyleGRU
from detectors.training import recipes
from detectors.training.recipe import Context
from detectors.training.recipes import probes
from detectors.training.recipes.distildire import DistilDIRERecipe
from detectors.training.recipes.ladeda import patches
from detectors.training.recipes.style_gru import StyleGRURecipe
from tests.detectors.test_clip_detectors import SMALL, SmallUFD, SmallUFDV2
from tests.detectors.training.smoke import falls, score, train, view_folder

# Tens of seconds each and up to 7 GB on an idle machine; the time-out is for a busy one.
HEAVY = (pytest.mark.training, pytest.mark.timeout(900))


def heavy(test: Callable[..., None]) -> Callable[..., None]:
    for mark in HEAVY:
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return view_folder(tmp_path_factory.mktemp("faces"), View.FACES, 2)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return view_folder(tmp_path_factory.mktemp("clips"), View.FACE_CLIPS, 1)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return view_folder(tmp_path_factory.mktemp("sounds"), View.WAVEFORM, 3)


def of_timm(name: str) -> nn.Module:
    torchvision_cpu.prepare()
    import timm

    network: nn.Module = timm.create_model(name)
    return network


def backbone_file(folder: Path) -> Path:
    """A backbone as it is published, with its classifier."""
    torch.manual_seed(6)
    file = folder / "backbone.safetensors"
    save_file(of_timm("test_efficientnet").state_dict(), file)
    return file


def frames(side: int = 270) -> Tensor:
    return torch.randint(0, 256, (1, side, side, 3), generator=torch.Generator().manual_seed(1)).byte()


def a_clip() -> Tensor:
    return frames(64)[:, None].expand(-1, 32, -1, -1, -1)


@pytest.mark.parametrize("name", [*recipes.RECIPES])
def test_a_recipe_says_what_it_follows_and_which_detector_it_trains(name: str) -> None:
    recipe = recipes.create(name)
    assert recipe.follows
    record = recipe.record()
    assert record.name == recipe.detector
    assert recipe.part is None or recipe.part in record.parts
    view = getattr(registry.detector_type(recipe.detector), "view", None)
    assert recipe.view is view


def test_unknown_recipes_and_settings_are_named() -> None:
    with pytest.raises(TrainingError, match="there is no recipe 'nosuch'; known: aasist, aasist_l"):
        recipes.create("nosuch")
    with pytest.raises(TrainingError, match="there is no setting 'rate'; known: batch, checkpoint_every"):
        recipes.create("ladeda", {"rate": "1"})
    with pytest.raises(TrainingError, match="setting lr=much cannot be used"):
        recipes.create("ladeda", {"lr": "much"})


@heavy
@pytest.mark.parametrize("name", ["genconvit_ed", "genconvit_vae"])
def test_genconvit(name: str, faces: Path, tmp_path: Path) -> None:
    steps = 8 if name == "genconvit_ed" else 3
    result = train(name, faces, tmp_path, settings={"batch": 4, "steps": steps})
    assert falls(result)
    assert 0 <= score(result, frames(100)) <= 1


@heavy
@pytest.mark.parametrize("name", ["ftcn", "styleflow"])
def test_networks_of_face_clips(name: str, clips: Path, tmp_path: Path) -> None:
    settings = {"batch": 2, "steps": 3, "holdout": 0, "freeze": name == "styleflow"}
    result = train(name, clips, tmp_path, settings=settings)
    assert falls(result)
    assert 0 <= score(result, a_clip()) <= 1


@pytest.mark.parametrize("name", [pytest.param("aasist", marks=HEAVY), "aasist_l"])
def test_aasist(name: str, sounds: Path, tmp_path: Path) -> None:
    result = train(name, sounds, tmp_path, settings={"batch": 2, "steps": 3, "lr": 1e-3})
    assert falls(result)
    assert 0 <= score(result, torch.randn(20_000) * 0.1) <= 1


@heavy
def test_ladeda(pictures: Path, tmp_path: Path) -> None:
    result = train("ladeda", pictures, tmp_path, settings={"batch": 2, "steps": 6, "lr": 1e-3})
    assert falls(result)
    assert 0 <= score(result, frames()) <= 1
    settings = {"batch": 2, "steps": 1, "teacher": str(result.weights)}
    assert train("tiny_ladeda_distilled", pictures, tmp_path, settings=settings).weights is not None


def test_tiny_ladeda_is_taught_by_ladeda(pictures: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    save_file(LaDeDaNetwork().state_dict(), tmp_path / "teacher.safetensors")
    settings = {"teacher": str(tmp_path / "teacher.safetensors"), "steps": 6, "lr": 5e-3}
    tiny = train("tiny_ladeda_distilled", pictures, tmp_path, settings=settings)
    assert falls(tiny)
    assert 0 <= score(tiny, frames()) <= 1
    assert detectors.record(str(tiny.report)).preprocessing["gradient"] == "right_diag"


def test_a_patch_map_is_what_is_said_of_each_patch_alone() -> None:
    """The published distillation cuts patches out; the teacher's map over the whole is the same numbers."""
    torch.manual_seed(2)
    teacher = LaDeDaNetwork("raw").eval()
    picture = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        whole = teacher.patch_map(picture).flatten()
        alone = teacher(patches(picture, 9)).flatten()
    assert whole.shape == alone.shape == (49,)
    assert torch.allclose(whole, alone, atol=1e-5)


@pytest.mark.parametrize("name", ["ufd", "ufd_v2"])
def test_probes_on_clip(name: str, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"ufd": SmallUFD, "ufd_v2": SmallUFDV2}[name]
    recipe = {"ufd": probes.UFDRecipe, "ufd_v2": probes.UFDV2Recipe}[name]
    monkeypatch.setattr(recipe, "model", small)
    monkeypatch.setitem(registry._REGISTRY, name, f"{small.__module__}:{small.__name__}")
    torch.manual_seed(6)
    save_file(CLIPImageEncoder(SMALL).state_dict(), tmp_path / detectors.record(name).parts[TRUNK].name)
    with pytest.raises(WeightsMissing, match=f"weights fetch {name}"):
        train(name, pictures, tmp_path / "none", weights_dir=tmp_path / "nothing")
    settings = {"batch": 8, "steps": 30, "lr": 0.01, "copies": 1, "holdout": 0.3}
    result = train(name, pictures, tmp_path, settings=settings, weights_dir=tmp_path)
    assert falls(result)
    assert 0 <= score(result, frames(), tmp_path) <= 1
    again = train(name, pictures, tmp_path / "more", weights_dir=tmp_path, settings={"steps": 1})
    assert again.weights is not None


def test_a_probe_on_a_backbone_of_timm(pictures: Path, tmp_path: Path) -> None:
    backbone = backbone_file(tmp_path)
    name, settings = "timm_probe:test_efficientnet", {"batch": 8, "steps": 30, "lr": 0.05}
    with pytest.raises(TrainingError, match=r"the backbone's weights; name its file by --set backbone=FILE"):
        train(name, pictures, tmp_path)
    with pytest.raises(TrainingError, match="needs an architecture; ask for timm_probe:resnet18"):
        train("timm_probe", pictures, tmp_path)
    with pytest.raises(TrainingError, match="timm has no architecture 'nosuch'"):
        train("timm_probe:nosuch", pictures, tmp_path)
    result = train(name, pictures, tmp_path, settings={**settings, "backbone": str(backbone)})
    assert falls(result)
    assert result.weights is not None
    assert weights.metadata(result.weights)["architecture"] == "test_efficientnet"
    with pytest.raises(LicenceNotAccepted):  # the file holds the backbone
        score(result, frames(), tmp_path)
    weights.accept_licence(detectors.record("timm_probe"), tmp_path)
    assert 0 <= score(result, frames(), tmp_path) <= 1
    further = train(
        name,
        pictures,
        tmp_path / "further",
        start=str(result.weights),
        settings={"steps": 1, "lr": 1e-9, "batch": 8, "backbone": str(backbone)},
    )
    assert further.weights is not None
    before, after = (load_file(file)["fc.weight"] for file in (result.weights, further.weights))
    assert torch.allclose(before, after, atol=1e-6)


@heavy
def test_distildire(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The U-Net an eighth as wide; the student as it is."""
    torch.manual_seed(1)
    unet = ADMUNet(width=32)
    monkeypatch.setattr(DistilDIRERecipe, "unet", lambda self, context: unet)
    monkeypatch.setattr("detectors.training.recipes.distildire.weights.find", lambda *_: tmp_path / "unet")
    monkeypatch.setattr("detectors.training.dire.ddim_schedule", lambda: _one_step())
    (tmp_path / "unet").write_bytes(b"")
    data = tmp_path / "data" / "one"
    for name in ("real", "fake"):
        (data / name).mkdir(parents=True)
        (data / name / "0.png").symlink_to(pictures / "one" / name / "0.png")
    with pytest.raises(TrainingError, match=r"torchvision's resnet50 .*--set teacher=FILE"):
        train("distildire", tmp_path / "data", tmp_path)
    teacher = tmp_path / "teacher.safetensors"
    state = of_timm("resnet50").state_dict()
    save_file(state, teacher)
    settings = {"teacher": str(teacher), "batch": 2, "steps": 3, "kd_weight": 0.1}
    result = train("distildire", tmp_path / "data", tmp_path, settings=settings)
    assert falls(result)
    assert result.weights is not None
    student = DistilDIREStudent()
    weights.fill(student, load_file(result.weights), "student")
    assert 0 <= DistilDIRE(student, unet, detectors.record("distildire")).detect(frames(64)).score <= 1


def _one_step() -> object:
    from detectors.adm_unet import ddim_schedule

    return ddim_schedule(kept=1)


def test_the_style_gru(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow GRU, and in the encoder's place what gives latents of the right shape."""

    class Latents(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, 0, ::2, ::2].reshape(len(x), -1)[:, : 18 * 512].reshape(-1, 18, 512)

    monkeypatch.setattr(StyleGRURecipe, "encoder", lambda self, context: Latents())
    monkeypatch.setattr("detectors.training.recipes.style_gru.weights.find", lambda *_: tmp_path / "encoder")
    (tmp_path / "encoder").write_bytes(b"")
    settings = {"hidden": 8, "batch": 2, "steps": 20}
    result = train("styleflow_gru", clips, tmp_path, settings=settings)
    assert falls(result)
    assert result.weights is not None
    assert result.report is not None
    weights.fill(StyleGRU(8), load_file(result.weights), "gru")
    report = json.loads(result.report.read_text())
    assert report["record"]["parts"]["gru"]["sha256"] == weights.digest(result.weights)


def test_what_a_recipe_begins_from_must_fit(pictures: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, other)
    with pytest.raises(Exception, match=r"the checkpoint does not fit LaDeDaNetwork: missing: bn1\.bias"):
        train("ladeda", pictures, tmp_path, start=str(other))
    with pytest.raises(TrainingError, match="--from nowhere is no file; `store` begins from fetched weights"):
        train("ladeda", pictures, tmp_path / "b", start="nowhere")
    save_file(LaDeDaNetwork().state_dict(), tmp_path / "LaDeDa.safetensors")


def test_frozen_teachers_are_not_trained_nor_saved() -> None:
    objective = recipes.create("tiny_ladeda_distilled", {"teacher": None})
    assert objective.settings.teacher is None
    context = Context(Path("cache"), torch.device("cpu"), Path("nothing"))
    with pytest.raises(Exception, match=r"weights fetch ladeda|licence"):
        objective.objective(context)
