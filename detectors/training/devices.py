"""Where a training runs."""

from __future__ import annotations

import re

import torch
from lightning_fabric import Fabric

from detectors.errors import TrainingError
from detectors.training.settings import Precision

_DEVICE = re.compile(r"(?P<kind>auto|cpu|cuda)(:(?P<which>\d+(,\d+)*))?")


def fabric_for(device: str, precision: Precision | None, on_cuda: Precision) -> Fabric:
    """Return a Fabric that is still to be launched.

    Args:
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cpu:N`` for N processes, ``cuda``, ``cuda:1``,
            or ``cuda:0,1`` for one process each on several (arXiv 2006.15704, distributed data parallel).
        precision: None: ``on_cuda`` on a GPU and 32 bits elsewhere.

    Raises:
        TrainingError: no such device on this machine, or a precision that it does not have.
    """
    found = _DEVICE.fullmatch(device)
    if found is None or (found["kind"] == "auto" and found["which"]):
        raise TrainingError(f"--device {device}: say auto, cpu, cpu:2, cuda, cuda:1 or cuda:0,1")
    kind, which = found["kind"], found["which"]
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "cpu"
    if kind == "cpu":
        if precision == "16-mixed":
            raise TrainingError("--precision 16-mixed needs a GPU; on a processor use bf16-mixed or 32-true")
        return _fabric("cpu", int(which or 1), precision or "32-true")
    numbers = [int(number) for number in (which or "0").split(",")]
    if max(numbers) >= torch.cuda.device_count():
        raise TrainingError(f"--device {device}: this machine has {torch.cuda.device_count()} CUDA devices")
    return _fabric("cuda", numbers, precision or on_cuda)


def _fabric(accelerator: str, devices: int | list[int], precision: Precision) -> Fabric:
    several = devices > 1 if isinstance(devices, int) else len(devices) > 1
    if devices == 0:
        raise TrainingError("--device cpu:0: at least one process is needed")
    strategy = "ddp" if several else "auto"
    return Fabric(accelerator=accelerator, devices=devices, precision=precision, strategy=strategy)
