"""From a request to files: what is refused, what goes on, what is left behind."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import detectors
from detectors.base import View
from detectors.errors import LicenceNotAccepted, TrainingError
from detectors.training import run
from detectors.training.run import Result
from detectors.training.trainer import Trainer
from tests.detectors.training.smoke import train, view_folder
from tests.detectors.training.test_recipes import backbone_file

NAME = "timm_probe:test_efficientnet"


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(backbone_file(tmp_path_factory.mktemp("backbone")))


@pytest.fixture
def probe(backbone: str, pictures: Path, tmp_path: Path) -> Callable[..., Result]:
    """Train a probe for some steps, with more settings and request fields."""

    def fit(out: str = "out", **asked: object) -> Result:
        settings = {"batch": 4, "steps": 12, "lr": 0.05, "backbone": backbone}
        settings |= asked.pop("settings", {})  # type: ignore[arg-type]
        return train(NAME, asked.pop("data", pictures), tmp_path / out, settings=settings, **asked)

    return fit


@pytest.fixture
def told_to_stop(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Has the process signalled once it has done so many steps."""

    def at(step: int) -> None:
        step_of = Trainer._step

        def stepped(self: Trainer, *rest: object) -> None:
            step_of(self, *rest)  # type: ignore[arg-type]
            if self._progress.step == step:
                os.kill(os.getpid(), signal.SIGTERM)

        monkeypatch.setattr(Trainer, "_step", stepped)

    return at


def test_a_stopped_training_goes_on_to_the_same_file(
    probe: Callable[..., Result], told_to_stop: Callable[[int], None], tmp_path: Path
) -> None:
    whole = probe("whole", settings={"holdout": 0.3, "validate_every": 4})
    told_to_stop(6)
    stopped = probe(settings={"holdout": 0.3, "validate_every": 4})
    assert stopped.weights is None
    assert stopped.progress.step == 6
    assert not (tmp_path / "out" / "timm_probe.safetensors").exists()
    with pytest.raises(TrainingError, match="was not finished; --resume goes on with it"):
        probe(settings={"holdout": 0.3, "validate_every": 4})
    with pytest.raises(TrainingError, match=r"begun otherwise \(lr was 0\.05\); ask as then"):
        probe(settings={"holdout": 0.3, "validate_every": 4, "lr": 0.1}, resume=True)
    with pytest.raises(TrainingError, match=r"begun otherwise \(seed was 0, other data, other validation\)"):
        probe(settings={"holdout": 0.3, "validate_every": 4}, resume=True, seed=1)
    finished = probe(settings={"holdout": 0.3, "validate_every": 4, "log_every": 5}, resume=True)
    assert finished.weights is not None
    assert whole.weights is not None
    assert finished.weights.read_bytes() == whole.weights.read_bytes()
    suffixes = sorted(path.suffix for path in finished.weights.parent.iterdir())
    assert suffixes == ["", ".json", ".run", ".safetensors"]
    left = {path.name.split(".")[0] for path in (tmp_path / "out" / "timm_probe.run").iterdir()}
    assert left == {"run", "events"}


def test_there_must_be_something_to_go_on_from(probe: Callable[..., Result]) -> None:
    with pytest.raises(TrainingError, match="has no checkpoint to go on from; train without --resume"):
        probe(resume=True)


def test_what_is_left_says_where_the_weights_come_from(probe: Callable[..., Result]) -> None:
    result = probe(seed=5, settings={"holdout": 0.3, "metric": "auc"})
    assert result.report is not None
    found = json.loads(result.report.read_text())
    assert found["recipe"] == NAME
    assert found["seed"] == 5
    assert found["settings"]["lr"] == 0.05
    assert found["steps"] == {"planned": 12, "done": 12, "epoch": 6}
    assert {entry["name"] for entry in found["data_sets"]} == {"one", "two", "phone"}
    counted = sum(entry["real"] + entry["fake"] for entry in found["data_sets"] + found["validation_sets"])
    assert counted == 30
    assert found["best"]["metric"] == "auc"
    assert len(found["losses"]) == 12
    assert found["versions"]["torch"] == torch.__version__
    record = detectors.record(str(result.report))
    assert record.trained_on
    assert record.calibration == {}
    assert record.measured == ()
    assert "seed 5" in record.recipe
    assert Path(record.file.name) == result.weights
    assert record.part(None).licence.needs_acceptance  # the backbone's


def test_what_began_from_anothers_weights_keeps_their_licence(probe: Callable[..., Result]) -> None:
    first = probe()
    fine_tuned = probe("tuned", start=str(first.weights), settings={"steps": 2})
    assert fine_tuned.report is not None
    record = detectors.record(str(fine_tuned.report))
    assert record.part(None).licence == detectors.record("timm_probe").licence
    assert json.loads(fine_tuned.report.read_text())["from"] == detectors.weights.digest(first.weights)
    with pytest.raises(LicenceNotAccepted):
        probe("stored", start="store", weights_dir=fine_tuned.report.parent / "nothing")


def test_validation_is_never_trained_on(probe: Callable[..., Result], pictures: Path) -> None:
    result = probe(validation=pictures / "one")
    assert result.report is not None
    found = json.loads(result.report.read_text())
    assert {entry["name"] for entry in found["data_sets"]} == {"two", "phone"}
    assert [(entry["real"], entry["fake"]) for entry in found["validation_sets"]] == [(6, 6)]
    with pytest.raises(TrainingError, match="has nothing to train on that is not in"):
        probe("none", validation=pictures)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"device": "tpu"}, "--device tpu: say auto, cpu"),
        ({"device": "cuda:99"}, r"this machine has \d+ CUDA devices"),
        ({"device": "cpu:0"}, "at least one process"),
        ({"settings": {"precision": "16-mixed"}}, "16-mixed needs a GPU"),
        ({"settings": {"precision": "8"}}, "setting precision=8 cannot be used"),
    ],
)
def test_faults_of_a_request_are_named(
    probe: Callable[..., Result], asked: dict[str, object], words: str
) -> None:
    with pytest.raises(TrainingError, match=words):
        request = run.Request(
            recipe=NAME,
            data=Path(),
            out=Path(),
            cache=Path(),
            **{"device": "cpu", **asked},  # type: ignore[arg-type]
        )
        run.run(request, console=None)  # type: ignore[arg-type]


def test_bad_data_is_named(probe: Callable[..., Result], pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match="needs pictures of at least 64 px in both real/ and fake/"):
        probe(data=tmp_path / "empty")
    damaged = tmp_path / "data" / "fake" / "half.png"
    (tmp_path / "data" / "real").mkdir(parents=True)
    damaged.parent.mkdir()
    (tmp_path / "data" / "real" / "0.png").symlink_to(pictures / "one" / "real" / "0.png")
    damaged.write_bytes((pictures / "one" / "fake" / "0.png").read_bytes()[:9000])
    with pytest.raises(TrainingError, match=r"half\.png is not a readable picture .*remove it"):
        probe(data=tmp_path / "data")


def test_views_that_are_none_are_named(tmp_path: Path) -> None:
    data = view_folder(tmp_path / "clips", View.FACE_CLIPS, 1)
    with pytest.raises(TrainingError, match=r"holds uint8 \(1, 32, 64, 64, 3\), not float32 \(samples,\)"):
        train("aasist_l", data, tmp_path)
    (data / "made" / "real" / "0.npy").write_bytes(b"rubbish")
    with pytest.raises(TrainingError, match=r"0\.npy is not a readable array .*remove it"):
        train("ftcn", data, tmp_path)
    short = tmp_path / "short"
    for name in ("real", "fake"):
        (short / name).mkdir(parents=True)
        np.save(short / name / "0.npy", np.full((1, 8, 64, 64, 3), len(name), np.uint8) + (name == "fake"))
    with pytest.raises(TrainingError, match="clips of 8 frames; 32 are needed"):
        train("ftcn", short, tmp_path, settings={"holdout": 0, "steps": 1})


def test_rubbish_is_no_report(tmp_path: Path) -> None:
    for text in ("{}", "[]", "no json"):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(TrainingError, match="is not what a training writes beside its weights"):
            detectors.create(str(tmp_path / "x.json"))


def test_a_balanced_training_sees_both_classes_alike(probe: Callable[..., Result]) -> None:
    result = probe(settings={"sampling": "balanced"})
    assert result.weights is not None
    assert load_file(result.weights)["fc.weight"].shape[0] == 1
