from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from detectors.generation.self_blending import Face
from detectors.training.veritag_face.buffer import make
from detectors.training.veritag_face.faces import scan
from detectors.training.veritag_face.pairs import FaceCoder, Sources
from detectors.training.veritag_face.recipe import Learner, Settings, train
from detectors.veritag_face_network import VeritagFaceNetwork

ROOT = Path(__file__).parents[4]
SHORT = Settings(chunks=2, chunk=8, window=3, reuse=1, batch=4, easy=1.0)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_a_short_training_lowers_the_loss(faces: list[Face]) -> None:
    few = replace(SHORT, chunk=6, batch=6, chunks=60, reuse=1)
    pairs = make(Sources(faces, FaceCoder(faces)), seed=0, number=0, size=few.chunk, hardness=0)
    learner = Learner(few, seed=0)
    losses = [learner.learn([pairs]) for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])


def test_weights_are_averaged_over_steps(faces: list[Face]) -> None:
    pairs = make(Sources(faces, FaceCoder(faces)), seed=0, number=0, size=4, hardness=0)
    learner = Learner(replace(SHORT, chunk=4, chunks=8), seed=0)
    before = learner.averaged().whether.weight.clone()
    for _ in range(3):
        learner.learn([pairs])
    after, own = learner.averaged(), learner.network.whether.weight
    assert not after.training
    assert (after.whether.weight - before).norm() < (own - before).norm()


def test_a_run_taken_up_again_ends_where_a_straight_one_does(faces: list[Face], tmp_path: Path) -> None:
    straight, _ = train(faces, SHORT, 3, workers=0)
    checkpoint = tmp_path / "run.pt"

    class Stop(Exception):
        pass

    def stop(number: int, _loss: float) -> None:
        raise Stop

    with pytest.raises(Stop):
        train(faces, SHORT, 3, workers=0, checkpoint=checkpoint, tick=stop, save_every=1)
    resumed, losses = train(faces, SHORT, 3, workers=0, checkpoint=checkpoint)
    assert len(losses) == 1
    for name, tensor in straight.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    assert train(faces, SHORT, 3, workers=0, checkpoint=checkpoint)[1] == []
    with pytest.raises(ValueError, match="other settings"):
        train(faces, replace(SHORT, chunks=1), 0, workers=0, checkpoint=checkpoint)


@pytest.mark.training
def test_the_command_trains_measures_and_scores(portrait: Image.Image, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for source in ("one", "faces_real_only"):
        for number in range(2):
            target = tmp_path / "data" / source / "real"
            target.mkdir(parents=True, exist_ok=True)
            shifted = np.asarray(portrait, dtype=int) + rng.integers(-9, 9, 3)
            Image.fromarray(shifted.clip(0, 255).astype(np.uint8)).save(target / f"{number}.png")
    for label in ("real", "fake"):
        target = tmp_path / "crops" / label
        target.mkdir(parents=True)
        for number in range(3):
            noise = rng.integers(0, 255, (80, 80, 3), dtype=np.uint8)
            Image.fromarray(noise).save(target / f"test_abcdefghi{'jkl'[number]}_{number}.png")
    out = tmp_path / "out"
    data = ["--data", str(tmp_path / "data"), "--validation", str(tmp_path / "crops"), "--out", str(out)]
    command = [sys.executable, "-m", "detectors.training.veritag_face", "--chunks", "1", "--chunk", "16"]
    finished = subprocess.run([*command, *data], cwd=ROOT, check=False, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    weights = load_file(out / "veritag_face.safetensors")
    assert weights.keys() == VeritagFaceNetwork().state_dict().keys()
    protocols = {entry["protocol"] for entry in json.loads((out / "veritag_face.measured.json").read_text())}
    assert "cross-set crops, blur equalised; jpeg75" in protocols
    assert "self-blended faces of faces_real_only, kept out; as_is" in protocols
    rows = (out / "veritag_face.scores.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * (6 + 2 * 3)


def test_data_without_faces_ends_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no face of at least 72 px in any SOURCE/real/ picture"):
        scan(tmp_path)
