"""`veritag train`: what it refuses before any training, and that recipes and programs are really run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
import pytest

from bot.cli import edge
from detectors.errors import TrainingError
from detectors.training import run as training
from detectors.training.run import Request, Result
from detectors.training.trainer import CHECKPOINT, Progress

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name a detector and its --data; `veritag train --list` names the recipes"),
        (["ladeda"], "name a detector and its --data"),
        (["nosuch", "--data", "."], "there is no detector 'nosuch'"),
        (["npr", "--data", "."], "there is no training recipe for npr; `veritag train --list`"),
        (["tiny_ladeda", "--data", "nowhere"], "--data nowhere is no folder"),
        (["ladeda", "--data", ".", "--validation", "nowhere"], "--validation nowhere is no folder"),
        (["tiny_ladeda", "--data", ".", "--seed", "-1"], "seed"),
        (["ladeda", "--data", ".", "--set", "lr"], "--set lr is no assignment; write --set KEY=VALUE"),
        (["ladeda", "--data", ".", "--set", "rate=1"], "there is no setting 'rate'; known: "),
        (["ladeda", "--data", ".", "--lr", "-1"], "setting lr=-1.0 cannot be used"),
        (["ladeda", "--data", ".", "--precision", "half"], "setting precision=half cannot be used"),
        (["aasist_l", "--data", "."], "has no media in folders called real and fake"),
        (["ladeda", "--data", "."], "needs pictures of at least 256 px in both real/ and fake/"),
    ],
)
def test_faults_of_the_command_are_one_line(
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert edge.run(["train", *arguments]) in {1, 2}
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1


def test_the_list_names_recipes_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert edge.run(["train", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(line.split()[0] for line in lines)
    assert {"aasist_l", "tiny_ladeda", "timm_probe"} <= {line.split()[0] for line in lines}
    assert all(len(line.split()) > 3 for line in lines)


def test_the_list_imports_no_torch() -> None:
    code = "import sys; from bot.cli import edge; edge.run(['train', '--list']); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


class Child:
    """Stands for a process that ends at once, the first one well."""

    commands: ClassVar[list[list[str]]] = []

    def __init__(self, command: list[str]) -> None:
        self.commands.append(command)

    def wait(self) -> int:
        return len(self.commands) - 1


def test_a_program_is_run_with_what_was_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Child, "commands", [])
    monkeypatch.setattr(subprocess, "Popen", Child)
    arguments = ["train", "tiny_ladeda", "--data", ".", "--seed", "7"]
    assert edge.run(arguments) == 0
    module = [sys.executable, "-m", "detectors.training.tiny_ladeda"]
    assert Child.commands[0] == [*module, "--data", ".", "--out", ".veritag/trained", "--seed", "7"]
    assert Path(".veritag/trained").is_dir()
    assert edge.run([*arguments, "--steps", "5", "--resume"]) == 1
    assert Child.commands[1][-3:] == ["--steps", "5", "--resume"]
    assert "ended with status 1" in capsys.readouterr().err


def test_what_was_asked_reaches_the_recipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    seen: list[Request] = []

    def run(request: Request, console: object) -> Result:
        seen.append(request)
        if request.seed == 1:
            return Result(Progress(step=12))
        if request.seed == 2:
            raise TrainingError("the loss is nan at step 3; lower --lr")
        return Result(Progress(step=20), tmp_path / "ladeda.safetensors", tmp_path / "ladeda.json")

    monkeypatch.setattr(training, "run", run)
    options = ["--data", ".", "--out", str(tmp_path), "--from", "store", "--device", "cpu", "--batch", "4"]
    options += ["--steps", "20", "--lr", "0.1", "--set", "ema = 0.9", "--validation", "."]
    assert edge.run(["train", "ladeda", *options]) == 0
    assert f"{tmp_path / 'ladeda.safetensors'}\n" in capsys.readouterr().out
    (request,) = seen
    assert request.settings == {"ema": "0.9", "steps": 20, "batch": 4, "lr": 0.1}
    assert (request.start, request.device, request.resume) == ("store", "cpu", False)
    assert edge.run(["train", "ladeda", *options, "--seed", "1"]) == 130
    assert "Stopped after step 12; the same command with --resume goes on." in capsys.readouterr().out
    assert edge.run(["train", "ladeda", *options, "--seed", "2"]) == 1
    assert "the loss is nan at step 3" in capsys.readouterr().err


def write_sound(path: Path, pitch: float, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(0, 0.01, 8000)
    tone = 0.3 * np.sin(np.arange(8000) * pitch / 16_000 * 2 * np.pi) + noise
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray((tone[None] * 32767).astype(np.int16), "s16", "mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.training
@pytest.mark.timeout(400)
def test_the_command_trains_on_sound_is_stopped_and_goes_on(tmp_path: Path) -> None:
    """Media are decoded once; SIGTERM leaves a checkpoint; the weights load."""
    for number in range(2):
        write_sound(tmp_path / "data" / "real" / f"{number}.flac", 200, number)
        write_sound(tmp_path / "data" / "fake" / f"{number}.flac", 3000, 10 + number)
    (tmp_path / "data" / "fake" / "broken.flac").write_bytes(b"fLaC rubbish")
    command = [sys.executable, "-m", "bot.cli", "train", "aasist_l", "--data", str(tmp_path / "data")]
    command += ["--out", str(tmp_path / "out"), "--steps", "6", "--batch", "2", "--device", "cpu"]
    command += ["--set", "log_every=1", "--set", "checkpoint_every=1"]
    environment = {**os.environ, "VERITAG_DATA_DIR": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as child:
        checkpoint = tmp_path / "out" / "aasist_l.run" / CHECKPOINT
        while not checkpoint.exists() and child.poll() is None:
            time.sleep(0.1)
        child.send_signal(signal.SIGTERM)
        said, _ = child.communicate(timeout=200)
    assert child.returncode == 130
    assert "4 media, 1 passed over" in said
    assert "the same command with --resume goes on" in said
    done = subprocess.run([*command, "--resume"], cwd=ROOT, env=environment, check=False, timeout=500)
    assert done.returncode == 0
    report = json.loads((tmp_path / "out" / "aasist_l.json").read_text())
    assert report["steps"]["done"] == 6
    assert report["data_sets"] == [{"name": "data", "real": 2, "fake": 2}]
