"""The command: see the package. Progress goes to the terminal, results to files."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress

from detectors.record import Measurement
from detectors.training.veritag_speech import clips, cross_validation, probes, recipe
from detectors.training.veritag_speech.clips import Clip
from detectors.training.veritag_speech.cross_validation import NAME, Scored
from detectors.training.veritag_speech.recipe import Rows, Settings
from detectors.veritag_speech.detector import SpeechNetwork
from detectors.weights.saving import save

HELD_OUT = "validation"
CROSS_SET_SECONDS = 1.25


def train(
    labelled: list[Clip], out: Path, settings: Settings, seed: int, progress: Progress
) -> tuple[Path, Rows, SpeechNetwork]:
    """Fit on all clips and write ``veritag_speech.safetensors``."""
    task = progress.add_task(f"listening to {len(labelled)} clips", total=len(labelled))
    rows = recipe.gather(labelled, settings, seed, lambda: progress.advance(task))
    network = recipe.fit(labelled, rows, settings, range(len(labelled)))
    progress.update(task, description=f"loss {recipe.loss(network, labelled, rows):.3f}")
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{NAME}.safetensors"
    save(network.state_dict(), path)
    return path, rows, network


def measure(
    labelled: list[Clip],
    held_out: list[Clip],
    rows: Rows,
    network: SpeechNetwork,
    settings: Settings,
    progress: Progress,
) -> tuple[list[Scored], list[Measurement]]:
    """Leave out every source in turn, then judge the sets never trained on by the weights themselves."""
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    sources = {clip.source for clip in labelled}
    task = progress.add_task(f"leaving out {len(sources)} sources", total=len(sources))
    short, whole = cross_validation.leave_out(labelled, rows, settings, lambda: progress.advance(task))
    found = cross_validation.mean_auc("left-out synthesisers, central 2 s", short, date)
    found += cross_validation.measurements("left-out synthesisers, central 2 s, pooled", short, date)
    found += cross_validation.mean_auc("left-out synthesisers, whole clips", whole, date)
    found += cross_validation.measurements("left-out synthesisers, whole clips, pooled", whole, date)
    for source in sorted(sources):
        mine = [row for row in short if row.clip.source == source]
        alone = cross_validation.measurements(f"left-out synthesiser {source}, central 2 s", mine, date)
        found += [entry for entry in alone if entry.metric == "AUC" and entry.protocol.endswith("as_is")]
    if held_out:
        for seconds, name in ((CROSS_SET_SECONDS, f"central {CROSS_SET_SECONDS} s"), (None, "whole clips")):
            scored = cross_validation.score(network, held_out, seconds)
            found += cross_validation.measurements(f"cross-set {HELD_OUT}, {name}", scored, date)
    return short, found


def main() -> None:
    """Run the recipe from the command line."""
    defaults = Settings()
    parser = argparse.ArgumentParser(prog="python -m detectors.training.veritag_speech")
    parser.add_argument("--data", type=Path, required=True, help="DIR/.../<source>/{real,fake}/<sounds>")
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {NAME}.safetensors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--histories", type=int, default=defaults.histories)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cross-validate", action="store_true", help="measure too; a few minutes more")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    settings = replace(defaults, histories=arguments.histories)
    console = Console()
    try:
        every = clips.scan(arguments.data)
        labelled = [clip for clip in every if clip.source != HELD_OUT]
        held_out = [clip for clip in every if clip.source == HELD_OUT]
        with Progress(console=console) as progress:
            path, rows, network = train(labelled, arguments.out, settings, arguments.seed, progress)
            if arguments.cross_validate:
                short, found = measure(labelled, held_out, rows, network, settings, progress)
    except ValueError as error:
        parser.error(str(error))
    console.print(f"{path} sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}", soft_wrap=True)
    if not arguments.cross_validate:
        return
    cross_validation.write_scores(short, arguments.out / f"{NAME}.scores.csv")
    text = json.dumps([entry.model_dump(mode="json") for entry in found], indent=1)
    (arguments.out / f"{NAME}.measured.json").write_text(f"{text}\n", "utf-8")
    for entry in found:
        line = f"{entry.protocol}: {entry.metric} {entry.value} [{entry.low}, {entry.high}]"
        console.print(line, markup=False, soft_wrap=True)
    console.print(
        "AUC of numbers that know nothing of voices: as came, levelled, within sources", soft_wrap=True
    )
    for name, values in probes.betrayal(labelled).items():
        console.print(f"{name}: {values}", markup=False)


if __name__ == "__main__":
    main()
