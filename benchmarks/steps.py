"""What each step from the plain path to the engine saves: one change at a time, all in the same rounds.

    python -m benchmarks.steps CLIP... [--cores 2] [--runs 2] [--out FOLDER]

A path is a decoder, a way to find faces and a way to run the networks (`benchmarks.plain.networks`). Each
step replaces one of the three by the engine's own part; every round takes all the paths in turn over all the
clips. What they say is held, too: the largest difference of a logit from the plain path's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

STAGES = ("decode", "faces", "networks")


@dataclass(frozen=True)
class Way:
    """One path: its three parts, and what was changed from the path before.

    ``until`` names the engine's setting that the path amounts to.
    """

    change: str
    decode: Callable[[Path], Any]
    crop: Callable[[Any], Any]
    score: Callable[[Any], Any]
    until: str = ""


def ladder(stack: ExitStack, shared: Any, threads: int) -> list[Way]:
    """The paths, from the plain one on, over the same detector; the decoders' children end with the stack."""
    import torch

    from analysis.decoding.decoder import Decoded, Decoder
    from analysis.faces import CropFaces, FindFaces
    from analysis.limits import Limits, Sampling
    from analysis.model import Kind, Probe
    from analysis.producers import producers_on
    from analysis.views import PRODUCERS, Views
    from benchmarks import plain
    from detectors.backends import Choice, accelerate
    from detectors.base import View
    from detectors.faces.mtcnn import MTCNN

    path = plain.PlainPath(shared)

    def decoded(clip: Path) -> Decoded:
        return Decoded("", Probe(Kind.VIDEO, "video/mp4", 1), plain._decoded(clip), None, {})

    def child(sampling: Sampling) -> Callable[[Path], Decoded]:
        decoder = Decoder(Limits(sampling=sampling))
        stack.callback(decoder.close)
        return lambda clip: decoder.decode(clip, sound=False)

    def faces(choice: Choice) -> Callable[[Decoded], Any]:
        producers = producers_on("cpu", choice=choice)
        crops = producers[View.FACES].make_for(shared.record)
        return lambda medium: Views(medium, producers).once(crops).view

    def plain_faces(medium: Decoded) -> Any:
        with plain.torch_suppression():
            return CropFaces(FindFaces(lambda: path._finder, exact=True))(Views(medium, PRODUCERS)).view

    searching = CropFaces(FindFaces(lambda: _Unfollowed(MTCNN("cpu", threads))))

    def unfollowed(medium: Decoded) -> Any:
        return searching(Views(medium, PRODUCERS)).view

    def published(batch: Any) -> Any:
        return torch.stack([path._ed(batch), path._vae(batch)], dim=1)

    exact, usual = Choice(exact=True, threads=threads), Choice(threads=threads)
    forwards = [accelerate(shared, choice) for choice in (exact, usual)]
    runners = [forward.runner for forward in forwards]
    ways = [Way("plain path", decoded, plain_faces, published)]

    def then(change: str, until: str = "", **parts: Any) -> None:
        ways.append(replace(ways[-1], change=change, until=until, **parts))

    then("dead parts left out", score=shared.forward)
    then(f"networks by {runners[0]}", score=forwards[0])
    then("faces: frames and scales batched", crop=faces(exact))
    then("decoded in the engine's child", until="exact", decode=child(Sampling.LINSPACE))
    then(f"networks by {runners[1]}", score=forwards[1])
    then("faces: in copies of 640 pixels", crop=unfollowed)
    then("faces: followed between frames", crop=faces(usual))
    then("key frames", until="engine", decode=child(Sampling.KEYFRAMES))
    return ways


class _Unfollowed:
    """A finder that searches every frame as a whole."""

    def __init__(self, finder: Any) -> None:
        self.find = finder.find

    def follow(self, frames: Any, places: Any) -> Any:
        """See `FaceFinder`."""
        del places
        return self.find(frames)


def measure(clips: Sequence[Path], runs: int, threads: int) -> dict[str, Any]:
    """Take every way in every round; medians of seconds by stage, and how far logits lie from the first's."""
    import torch

    from benchmarks import plain

    torch.set_num_threads(threads)
    with ExitStack() as stack, torch.inference_mode():
        shared = plain.networks()
        ways, prepare = ladder(stack, shared, threads), shared.preprocess
        for way in ways:  # one clip to warm up
            _judge(way, clips[0], prepare)
        rounds: list[list[dict[str, float]]] = []
        logits: list[list[Any]] = []
        for _ in range(runs):
            judged = [[_judge(way, clip, prepare) for clip in clips] for way in ways]
            rounds.append([_sums([seconds for seconds, _ in each]) for each in judged])
            logits = [[found for _, found in each] for each in judged]
    return {
        "clips": [clip.name for clip in clips],
        "runs": runs,
        "steps": [
            {
                "change": way.change,
                "until": way.until,
                "seconds": {
                    stage: statistics.median(one[number][stage] for one in rounds) for stage in STAGES
                },
                "apart": max(_apart(*pair) for pair in zip(logits[number], logits[0], strict=True)),
            }
            for number, way in enumerate(ways)
        ],
    }


def _judge(way: Way, clip: Path, prepare: Callable[[Any], Any]) -> tuple[dict[str, float], Any]:
    start = time.perf_counter()
    medium = way.decode(clip)
    decoded = time.perf_counter()
    crops = way.crop(medium)
    found = time.perf_counter()
    logits = way.score(prepare(crops))
    networks = time.perf_counter() - found
    return {"decode": decoded - start, "faces": found - decoded, "networks": networks}, logits


def _sums(each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {stage: sum(one[stage] for one in each) for stage in STAGES}


def _apart(one: Any, other: Any) -> float:
    return float((one - other).abs().max()) if one.shape == other.shape else float("inf")


def rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The table: what was changed, seconds by stage and together, saved by the step, times faster, apart."""
    found, before, first = [], 0.0, sum(result["steps"][0]["seconds"].values())
    for step in result["steps"]:
        seconds = step["seconds"]
        whole = sum(seconds.values())
        saved = f"{before - whole:.2f}" if before else ""
        mode = f" (= {step['until']})" if step["until"] else ""
        figures = (
            *(f"{seconds[stage]:.2f}" for stage in STAGES),
            f"{whole:.2f}",
            saved,
            f"{first / whole:.1f}",
        )
        found.append((step["change"] + mode, *figures, f"{step['apart']:.1e}"))
        before = whole
    return found


HEADS = ("step", *STAGES, "whole", "saved", "times faster", "logits apart")


def plot(result: Mapping[str, Any], file: Path) -> None:
    """Draw a bar for each path, by stage."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    names = [step["change"] for step in result["steps"]]
    figure, axes = pyplot.subplots(figsize=(8, 0.36 * len(names) + 1), layout="constrained")
    left = [0.0] * len(names)
    for stage in STAGES:
        widths = [step["seconds"][stage] for step in result["steps"]]
        axes.barh(names, widths, left=left, label=stage)
        left = [before + width for before, width in zip(left, widths, strict=True)]
    for number, whole in enumerate(left):
        axes.text(whole, number, f" {whole:.1f}", va="center", fontsize=8)
    axes.set_xlabel(f"seconds for {len(result['clips'])} clips")
    axes.invert_yaxis()
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(file)


def report(result: Mapping[str, Any], folder: Path | None) -> None:
    """Show the table; with a folder also keep it there, with the figures and the plot."""
    table = Table(*HEADS, box=None, header_style="dim")
    for row in rows(result):
        table.add_row(*row)
    Console(width=140).print(table)
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "steps.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    lines = [HEADS, ("---", *["---:"] * (len(HEADS) - 1)), *rows(result)]
    (folder / "steps.md").write_text("".join(f"| {' | '.join(line)} |\n" for line in lines), "utf-8")
    plot(result, folder / "steps.svg")


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--out", type=Path, help="folder for steps.json, steps.md and steps.svg")
    given = parser.parse_args()
    for clip in given.clips:
        if not clip.is_file():
            sys.exit(f"{clip} is not a file; name video files with faces")
    # Before torch starts its threads.
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: given.cores]))
    report(measure(given.clips, given.runs, given.cores), given.out)


if __name__ == "__main__":
    main()
