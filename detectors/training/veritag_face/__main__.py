"""Train, measure and score from the command line.

    python -m detectors.training.veritag_face --data DIR --out DIR --seed 0 [--validation DIR ...]

Finds the real faces in ``DIR/<source>/real``, trains on them and writes ``veritag_face.safetensors``; a run
that was broken off goes on where it was. One source is kept out, and the weights are measured on its faces
and pseudo-fakes of them, and on the `validation` sets (face crops in ``real`` and ``fake``):
``veritag_face.measured.json`` for the record, ``veritag_face.scores.csv`` the scores of the crops behind it.
The calibration's scores are of whole pictures: `analysis.calibration.judged`. ``--cross-validate`` trains the
weights that it takes for sources that the others know: once without each of three folds of sources, into
``OUT/folds/<left-out sources>``, each with a ``veritag_face.json`` that names what it learned from.
"""

from __future__ import annotations

import argparse
import datetime
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from pydantic import BaseModel
from rich.console import Console
from rich.progress import Progress
from safetensors.torch import save_file

import detectors
from detectors.record import Measurement
from detectors.training import report
from detectors.training.veritag_face import faces as face_sources
from detectors.training.veritag_face import measure
from detectors.training.veritag_face.faces import SourceFace
from detectors.training.veritag_face.folds import Fold, folds
from detectors.training.veritag_face.recipe import Settings, train
from detectors.veritag_face import VeritagFace
from detectors.veritag_face_network import VeritagFaceNetwork

NAME = "veritag_face"
KEPT_OUT = "faces_real_only"


def find_faces(data: Path) -> list[SourceFace]:
    """Find the faces to learn from, with a progress bar.

    Raises:
        ValueError: see `faces.scan`.
    """
    with Progress() as progress:
        pictures = progress.track(face_sources.real_pictures(data), description="finding faces")
        return face_sources.scan(data, pictures)


def learn(
    found: Sequence[SourceFace], settings: Settings, seed: int, out: Path, workers: int
) -> VeritagFaceNetwork:
    """Train with a progress bar, resumable, and write ``veritag_face.safetensors``.

    Raises:
        ValueError: the checkpoint is of another run.
    """
    out.mkdir(parents=True, exist_ok=True)
    with Progress() as progress:
        task = progress.add_task(f"{len(found)} faces", total=settings.chunks)

        def tick(done: int, loss: float) -> None:
            progress.update(task, completed=done, description=f"loss {loss:.3f}")

        own = [entry.face for entry in found]
        checkpoint = out / f"{NAME}.checkpoint.pt"
        network, _ = train(own, settings, seed, workers=workers, checkpoint=checkpoint, tick=tick)
    tensors = {key: tensor.contiguous() for key, tensor in network.state_dict().items()}
    save_file(tensors, out / f"{NAME}.safetensors")
    return network


def learn_without(fold: Fold, settings: Settings, seed: int, folder: Path, workers: int) -> None:
    """Train on what a fold leaves, and write beside the weights what they are, as `veritag train` does.

    Raises:
        ValueError: as `learn`.
    """
    out = folder / fold.name
    learn(fold.rest, settings, seed, out, workers)
    record = report.describe(
        *(detectors.record(NAME), None, out / f"{NAME}.safetensors", face_sources.data_sets(fold.rest)),
        f"python -m detectors.training.{NAME} --cross-validate, seed {seed}, without {fold.name}",
        from_scratch=True,
    )
    facts = {"left_out": sorted(fold.left_out), "seed": seed, "settings": asdict(settings)}
    report.write(out / f"{NAME}.json", record, facts)


def run(arguments: argparse.Namespace) -> list[Measurement]:
    """Carry out what the command line asks for.

    Raises:
        ValueError: unusable data, or a checkpoint of another run.
    """
    torch.set_num_threads(arguments.threads)
    found = find_faces(arguments.data)
    rest = [entry for entry in found if entry.source != arguments.keep_out]
    kept = [entry for entry in found if entry.source == arguments.keep_out]
    if not rest:
        raise ValueError(f"{arguments.data} has faces in {arguments.keep_out} alone, which is kept out")
    settings = replace(Settings(), chunks=arguments.chunks, chunk=arguments.chunk)
    if arguments.cross_validate:
        for fold in folds(rest):
            learn_without(fold, settings, arguments.seed, arguments.out / "folds", arguments.workers)
        return []
    _write(arguments.out / f"{NAME}.trained_on.json", face_sources.data_sets(rest))
    network = learn(rest, settings, arguments.seed, arguments.out, arguments.workers)
    detector = VeritagFace(network, detectors.record(NAME))
    sets = {f"cross-set {folder.name}": measure.read_crops(folder) for folder in arguments.validation}
    if len(kept) > 1:
        name = f"self-blended faces of {arguments.keep_out}, kept out"
        sets[name] = measure.self_blended_crops(kept, arguments.seed)
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    figures = [
        entry for name, crops in sets.items() for entry in measure.measure_crops(detector, crops, name, date)
    ]
    if sets:
        measure.write_scores(
            detector, [c for crops in sets.values() for c in crops], arguments.out / f"{NAME}.scores.csv"
        )
        _write(arguments.out / f"{NAME}.measured.json", figures)
    return figures


def _write(path: Path, entries: Sequence[BaseModel]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([entry.model_dump(mode="json") for entry in entries], indent=1)
    path.write_text(f"{text}\n", "utf-8")


def main() -> None:
    """Run the recipe and print what was measured."""
    parser = argparse.ArgumentParser(prog=f"python -m detectors.training.{NAME}")
    parser.add_argument("--data", type=Path, required=True, help="DIR/<source>/real/<pictures>")
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {NAME}.safetensors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--chunks", type=int, default=Settings().chunks, help="how long to learn")
    parser.add_argument("--chunk", type=int, default=Settings().chunk, help="new pairs in each chunk")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make pairs; 0: none")
    parser.add_argument(
        "--keep-out", metavar="SOURCE", default=KEPT_OUT, help=f"never trained on ({KEPT_OUT})"
    )
    parser.add_argument(
        "--cross-validate", action="store_true", help="train without each fold of sources instead"
    )
    parser.add_argument("--validation", type=Path, action="append", default=[], help="face crops, to measure")
    arguments = parser.parse_args()
    if arguments.cross_validate and arguments.validation:
        parser.error("--validation measures the weights of all sources: give it to a run of its own")
    console = Console()
    try:
        figures = run(arguments)
    except ValueError as error:
        parser.error(str(error))
    for entry in figures:
        line = f"{entry.protocol}: {entry.metric} {entry.value} [{entry.low}, {entry.high}]"
        console.print(line, markup=False)
    for folder in arguments.validation:
        console.print(
            f"{folder.name}, features that know nothing of faces:", measure.leaks(measure.read_crops(folder))
        )


if __name__ == "__main__":
    main()
