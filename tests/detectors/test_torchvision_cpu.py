from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from detectors import torchvision_cpu

ROOT = Path(__file__).parents[2]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)


def test_timm_imports_after_it() -> None:
    code = (
        "from detectors import torchvision_cpu as t; t.prepare(); t.prepare(); "
        "import timm, torchvision.transforms; "
        "print(timm.create_model('resnet10t', pretrained=False).num_classes)"
    )
    finished = run(code)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip() == "1000"


def test_another_failure_of_torchvision_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_name: str) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(torchvision_cpu.importlib, "import_module", broken)
    with pytest.raises(RuntimeError, match="out of luck"):
        torchvision_cpu.prepare()


def test_nothing_is_declared_where_torchvision_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision_cpu.importlib, "import_module", lambda _name: None)
    monkeypatch.setattr(torchvision_cpu, "_declare_operators", lambda: pytest.fail("declared"))
    torchvision_cpu.prepare()
