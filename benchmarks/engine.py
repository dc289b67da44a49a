"""The engine beside the plain path: both GenConViT networks, 15 evenly spaced frames, pinned cores.

    python -m benchmarks.engine CLIP... [--steps] [--cores 2] [--runs 3] [--out FOLDER]

All judge the same frames, in turns, with the reference vectors' weights: `benchmarks.plain`, the engine with
``analysis.exact``, and the engine as it comes. Reported: median seconds by stage, differences of logits, and
the roofline: the networks' arithmetic beside the measured rate of matrix products. ``--steps`` adds what
each single step from the plain path to the engine saves (`benchmarks.steps`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import steps

STAGES = ("decode", "faces", "networks", "total")
SETTINGS = ("plain", "exact", "engine")


def measure(clips: Sequence[Path], runs: int, threads: int) -> dict[str, Any]:
    """Judge every clip by every setting in turns; the medians, and how far the logits lie apart."""
    import torch

    from benchmarks import plain
    from detectors.backends import Choice

    torch.set_num_threads(threads)
    shared = plain.networks()
    path = plain.PlainPath(shared)
    engines = {
        "exact": _Engine(shared, Choice(exact=True, threads=threads)),
        "engine": _Engine(shared, Choice(threads=threads)),
    }
    judges: dict[str, Callable[[Path], plain.Judged]] = {"plain": path.judge}
    judges |= {name: engine.judge for name, engine in engines.items()}
    seconds: dict[str, list[dict[str, float]]] = {name: [] for name in SETTINGS}
    differences: dict[str, float] = dict.fromkeys(("exact", "engine", "engine, same crops"), 0.0)
    decisions, reference = True, []
    for run in range(runs + 1):
        for name in SETTINGS:
            results = [judges[name](clip) for clip in clips]
            if run:  # the first round warms up
                totals = {s: sum(result.seconds[s] for result in results) for s in STAGES}
                seconds[name].append(totals)
            else:
                reference = results if name == "plain" else reference
                decisions &= [r.score >= 0.5 for r in results] == [r.score >= 0.5 for r in reference]
                if name != "plain":
                    differences[name] = max(
                        _apart(r.logits, e.logits) for r, e in zip(results, reference, strict=True)
                    )
    forward = engines["engine"].forward
    for expected in reference:
        logits = forward(shared.preprocess(expected.crops))
        differences["engine, same crops"] = max(
            differences["engine, same crops"], _apart(logits, expected.logits)
        )
    faces = sum(len(result.logits) for result in reference)
    return {
        "seconds": {
            name: {stage: statistics.median(run[stage] for run in each) for stage in STAGES}
            for name, each in seconds.items()
        },
        "runs": seconds,
        "differences": differences,
        "same decisions": decisions,
        "runners": {name: engine.runner for name, engine in engines.items()},
        "faces": faces,
        "clips": [clip.name for clip in clips],
        "gflop": faces * _gflop(shared),
        "matrix rate": {width: matrix_rate(width) for width in ("float32", "bfloat16")},
    }


class _Engine:
    """The engine with GenConViT alone."""

    def __init__(self, detector: Any, choice: Any) -> None:
        from analysis.engine import EmbeddedAnalyzer
        from analysis.ensemble import create_policy
        from analysis.limits import Limits, Sampling

        self._logits: list[Any] = []
        self._crops: list[Any] = []
        self._analyzer = EmbeddedAnalyzer(
            [_Listening(detector, self._logits)],
            create_policy("vote"),
            Limits(sampling=Sampling.LINSPACE),
            torch_threads=choice.threads,
            choice=choice,
        )
        self._analyzer.warm_up()
        (member,) = self._analyzer._members or ()
        self.runner, self.forward = member.runner, member.forward

    def judge(self, clip: Path) -> Any:
        from benchmarks.plain import Judged

        start = time.perf_counter()
        analysis = self._analyzer.submit(clip).result()
        total = time.perf_counter() - start
        timing, (score,) = analysis.timing, analysis.scores
        seconds = {
            "decode": timing["probe"] + timing["decode"],
            "faces": timing["views"],
            "networks": timing["detector:genconvit"],
            "total": total,
        }
        assert score.score is not None, score.reason
        return Judged(score.score, self._logits.pop(), None, seconds)


def _Listening(detector: Any, heard: list[Any]) -> Any:  # noqa: N802 - makes an instance of a class of its own
    """The detector, which also hands out its logits."""
    from detectors.genconvit import GenConViT

    class Listening(GenConViT):
        def reduce(self, logits: Any) -> Any:
            heard.append(logits.clone())
            return super().reduce(logits)

    own = Listening.__new__(Listening)
    vars(own).update(vars(detector))
    return own


def _apart(one: Any, other: Any) -> float:
    return float((one - other).abs().max()) if one.shape == other.shape else float("inf")


def _gflop(detector: Any) -> float:
    """10^9 operations for one face."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    for forward in detector._forwards:
        getattr(forward, "_network", forward).requires_grad_(False)
    with FlopCounterMode(display=False) as counter:
        detector.forward(torch.zeros(1, 3, 224, 224))
    return float(counter.get_total_flops()) / 1e9


def matrix_rate(width: str, size: int = 2048, runs: int = 5) -> float:
    """10^9 operations a second in products of square matrices."""
    import torch

    a = torch.randn(size, size).to(getattr(torch, width))
    taken = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        a @ a
        taken.append(time.perf_counter() - start)
    return 2 * size**3 / statistics.median(taken[1:]) / 1e9


def show(result: Mapping[str, Any]) -> None:
    """Print the table."""
    table = Table("path", *STAGES, "times faster", box=None, header_style="dim")
    plain = result["seconds"]["plain"]["total"]
    for name in SETTINGS:
        own = result["seconds"][name]
        table.add_row(name, *(f"{own[stage]:.2f}" for stage in STAGES), f"{plain / own['total']:.1f}")
    console = Console()
    console.print(table)
    rates, gflop = result["matrix rate"], result["gflop"]
    networks = result["seconds"]["engine"]["networks"]
    console.print(
        f"{len(result['clips'])} clips, {result['faces']} faces, {gflop:.0f} GFLOP; "
        f"matrix products {rates['float32']:.0f} (float32), {rates['bfloat16']:.0f} (bfloat16) GFLOP/s; "
        f"the networks reach {gflop / networks:.0f} ({result['runners']['engine']})"
    )
    apart = ", ".join(f"{name} {value:.1e}" for name, value in result["differences"].items())
    console.print(f"largest difference of a logit: {apart}; same decisions: {result['same decisions']}")


def plot(result: Mapping[str, Any], file: Path) -> None:
    """Draw the stages as bars, one bar a path."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 2.4), layout="constrained")
    left = dict.fromkeys(SETTINGS, 0.0)
    for stage in STAGES[:-1]:
        widths = [result["seconds"][name][stage] for name in SETTINGS]
        axes.barh(SETTINGS, widths, left=list(left.values()), label=stage)
        left = {name: left[name] + width for name, width in zip(SETTINGS, widths, strict=True)}
    axes.set_xlabel(f"seconds for {len(result['clips'])} clips")
    axes.invert_yaxis()
    axes.legend(frameon=False)
    figure.savefig(file)


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--steps", action="store_true", help="also measure each step by itself")
    parser.add_argument("--out", type=Path, help="folder for the figures (JSON) and the plot (SVG)")
    arguments = parser.parse_args()
    for clip in arguments.clips:
        if not clip.is_file():
            sys.exit(f"{clip} is not a file; name video files with faces")
    # Before torch starts its threads.
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: arguments.cores]))
    result = measure(arguments.clips, arguments.runs, arguments.cores)
    show(result)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "engine.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        plot(result, arguments.out / "engine.svg")
    if arguments.steps:
        steps.report(steps.measure(arguments.clips, arguments.runs, arguments.cores), arguments.out)


if __name__ == "__main__":
    main()
