"""What each detector costs: floating-point operations of its network, seconds from the view to the score.

    python -m benchmarks.detectors [NAME...] [--threads 2] [--runs 5] [--write]

Each detector runs in a process of its own, pinned to the threads' cores. Weights that are not on this machine
are replaced by random ones, which cost the same. ``--write`` puts the figures into the detectors' records.
"""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from rich.console import Console
from rich.table import Table

import detectors
from detectors import registry, weights
from detectors.base import View
from detectors.errors import LicenceNotAccepted, WeightsError, WeightsMissing

if TYPE_CHECKING:
    from torch import Tensor, nn

    from detectors.base import Detector

RECORDS = Path(detectors.__file__).parent / "records"
# One input of each view: its shape, and what it is.
INPUTS: Mapping[View, tuple[tuple[int, ...], str]] = {
    View.FRAMES: ((1, 768, 1024, 3), "one picture of 1024 x 768"),
    View.FACES: ((1, 224, 224, 3), "one face of 224 x 224"),
    View.FACE_CLIPS: ((1, 32, 224, 224, 3), "one clip of 32 faces of 224 x 224"),
    View.WAVEFORM: ((64_600,), "4.04 seconds of sound"),
}


class Unmeasurable(Exception):
    """A detector could not be built or run; the message says why."""


@contextmanager
def random_weights() -> Iterator[None]:
    """Let detectors be built without their files."""
    import torch

    def fill(module: nn.Module, *_: object, **__: object) -> None:
        if any(tensor.is_meta for tensor in module.state_dict().values()):
            module.to_empty(device="cpu")
        generator = torch.Generator().manual_seed(0)
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.02)
            else:
                tensor.zero_()

    with mock.patch.multiple(weights, fill=fill, load_into=fill, read=lambda *_, **__: {}):
        yield


def build(name: str) -> Detector:
    """The detector with its own weights or, where they are not here, with random ones."""
    try:
        return detectors.create(name)
    except (WeightsMissing, LicenceNotAccepted):
        with random_weights():
            return _build_empty(name)


def _build_empty(name: str) -> Detector:
    try:
        return detectors.create(name)
    except WeightsError:
        # One that looks into its files before it builds its network: past that, where it can be passed.
        offered: Any = pkgutil.resolve_name(registry._REGISTRY[name])
        if not hasattr(offered, "build"):
            raise
        network = offered.build()
        weights.fill(network, {}, name)
        built: Detector = offered(network, detectors.record(name), "cpu")
        return built


def random_view(view: View) -> Tensor:
    """Noise of the view's shape."""
    import torch

    generator = torch.Generator().manual_seed(1)
    shape, _ = INPUTS[view]
    if view is View.WAVEFORM:
        return torch.rand(shape, generator=generator) * 0.2 - 0.1
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def measure(name: str, threads: int, runs: int) -> dict[str, Any]:
    """Return a detector's `Cost` as its record holds it."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    torch.set_num_threads(threads)
    detector = build(name)
    for network in vars(detector).values():
        # The counter follows gradients into modules that are given a parameter, and there are none here.
        if isinstance(network, torch.nn.Module):
            network.requires_grad_(False)
    view = random_view(detector.view)
    with FlopCounterMode(display=False) as counter:
        detector.forward(detector.preprocess(view))
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        detector.detect(view)
        seconds.append(time.perf_counter() - start)
    return {
        "gflop": float(f"{counter.get_total_flops() / 1e9:.4g}"),
        "seconds": float(f"{statistics.median(seconds):.3g}"),
        "threads": threads,
        "input": INPUTS[detector.view][1],
        "processor": processor(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def processor() -> str:
    """The processor's name, as the system gives it."""
    file = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", file.read_text("utf-8"), re.M) if file.is_file() else None
    return found[1] if found else platform.processor() or platform.machine()


def write(name: str, cost: Mapping[str, Any]) -> None:
    """Put a cost into a detector's record, which keeps its indentation."""
    path = RECORDS / f"{name}.json"
    text = path.read_text("utf-8")
    record = json.loads(text) | {"cost": dict(cost)}
    indent = re.search(r"^( +)", text, re.M)
    path.write_text(
        json.dumps(record, indent=len(indent[1]) if indent else 1, ensure_ascii=False) + "\n", "utf-8"
    )


def in_process(name: str, threads: int, runs: int) -> dict[str, Any]:
    """Measure in a fresh process on so many cores."""
    cores = set(sorted(os.sched_getaffinity(0))[:threads])
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.detectors", name, "--measure"),
            *("--threads", str(threads), "--runs", str(runs)),
        ],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"its process ended with {done.returncode}"]
        raise Unmeasurable(f"{name} cannot be measured: {said[-1]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Measure each detector and show the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all that have a network")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put the figures into the records")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.names[0], arguments.threads, arguments.runs)))
        return
    # Those without parameters ask a service, and what that takes is not ours to measure.
    names = arguments.names or [name for name in detectors.names() if detectors.record(name).parameters]
    table = Table("detector", "GFLOP", "seconds", "input", box=None, header_style="dim")
    failures = []
    for name in names:
        try:
            cost = in_process(name, arguments.threads, arguments.runs)
        except Unmeasurable as error:
            failures.append(str(error))
            continue
        table.add_row(name, str(cost["gflop"]), str(cost["seconds"]), cost["input"])
        if arguments.write:
            write(name, cost)
    Console().print(table)
    sys.exit("\n".join(failures) or None)


if __name__ == "__main__":
    main()
