"""`python -m analysis.evaluation.face_frames NAME --clips DIR`: a detector of faces on frames of clips.

The clips are labelled. Frames are taken evenly, decoded, and faces found and cut as in the product. Each
frame's largest face is judged alone: as it is, encoded anew at JPEG quality 75, and both again with blur
equalised between the classes (`detectors.training.veritag_face.blur`), over all clips and within each matched
pair.

Frames of one clip are alike, so runs of neighbours are drawn together for the intervals. These tell how it
goes in these very clips; of other clips they tell nothing.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console

import detectors
from analysis.decoding.decoder import Decoder
from analysis.errors import AnalysisError, ConfigurationError, MediumRefused
from analysis.evaluation import readers
from analysis.evaluation.items import Item
from analysis.limits import Limits, Sampling
from analysis.producers import producers_on
from analysis.views import Producer, Views
from detectors import figures
from detectors.base import Detector, Modality, View
from detectors.errors import DetectorError, NotApplicable
from detectors.record import Measurement
from detectors.resampling import bootstrap
from detectors.training.veritag_face.blur import equalise, sharpness
from detectors.training.veritag_face.measure import DELIVERIES, Crop, delivered, leaks, scores

FRAMES = 60
"""Of each clip; the view FACES holds no more faces."""
RUN = 10
"""Neighbouring frames that are drawn together."""
METRIC = "AUC of frames"


@dataclass(frozen=True, slots=True)
class Clip:
    """A labelled clip: the largest face of every frame that has one, and its scores as a whole.

    ``as_judged`` is what the product's own choice of frames gives, ``of_frames`` what these crops give.
    """

    item: Item
    crops: tuple[Crop, ...]
    as_judged: float
    of_frames: float


@dataclass(frozen=True, slots=True)
class Softened:
    """What equalising did to one class: how many crops it blurred, and their median sharpness."""

    crops: int
    blurred: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured on one set of clips: figures, leak probes (AUC either way), and the blur put in."""

    name: str
    measured: tuple[Measurement, ...]
    leaks: Mapping[str, Mapping[str, float]]
    real: Softened
    fake: Softened


def read(
    items: Sequence[Item],
    detector: Detector,
    frames: int = FRAMES,
    producers: Mapping[View, Producer] | None = None,
) -> Iterator[Clip]:
    """Decode clips and judge them as a whole.

    Raises:
        ConfigurationError: the detector does not judge faces, or a clip cannot be decoded or has none; it is
            named.
    """
    if detector.view is not View.FACES:
        raise ConfigurationError(f"{detector.record.name} does not judge faces; name a detector that does")
    made = producers or producers_on("cpu")
    usual, even = Limits(), Limits(frames_per_video=frames, sampling=Sampling.LINSPACE)
    with closing(Decoder(usual)) as as_usual, closing(Decoder(even)) as evenly:
        for item in items:
            try:
                usual_view = Views(as_usual.decode(item.path, sound=False), made)
                judged = detector.detect(usual_view.get(View.FACES, detector.record))
                crops = _largest(item, Views(evenly.decode(item.path, sound=False), made), detector)
            except (MediumRefused, NotApplicable) as error:
                raise ConfigurationError(f"{item.name}: {error}; take it out") from error
            whole = torch.stack([torch.from_numpy(np.array(crop.picture)) for crop in crops])
            yield Clip(item, crops, judged.score, detector.detect(whole).score)


def _largest(item: Item, views: Views, detector: Detector) -> tuple[Crop, ...]:
    found = views.made(View.FACES, detector.record)
    # Of each frame the largest face comes first.
    numbers = [face["frame"] for face in found.evidence["faces"]]
    return tuple(
        Crop(
            key=f"{item.name}#{frame}",
            source=item.source,
            generator=item.generator,
            label=item.label,
            group=f"{item.name}#{frame // RUN}",
            picture=Image.fromarray(found.view[numbers.index(frame)].numpy()),
        )
        for frame in dict.fromkeys(numbers)
    )


def measure(detector: Detector, clips: Sequence[Clip], which: str, date: str) -> Result:
    """Measure one set of clips in each delivery, as they are and with blur equalised; ``which`` names it.

    Raises:
        NotMeasurable: a class has its faces in fewer than two runs of frames.
    """
    crops = [crop for clip in clips for crop in clip.crops]
    labels = [crop.label for crop in crops]
    fakes = sum(clip.item.label for clip in clips)
    of = (len(clips) - fakes, fakes)
    pictures = equalise([crop.picture for crop in crops], labels)
    equal = [replace(crop, picture=picture) for crop, picture in zip(crops, pictures, strict=True)]
    name = f"frames of {len(clips)} videos ({which})"
    measured = []
    for protocol, kept in ((name, crops), (f"{name}, blur equalised", equal)):
        for delivery in DELIVERIES:
            found = scores(detector, [delivered(crop, delivery) for crop in kept])
            measured.append(_figure(f"{protocol}; {delivery}", crops, found, of, date))
    real, fake = (_softened(crops, equal, label) for label in (0, 1))
    return Result(name, tuple(measured), leaks(crops), real, fake)


def _figure(
    protocol: str, crops: Sequence[Crop], found: Sequence[float], of: tuple[int, int], date: str
) -> Measurement:
    labels = np.array([crop.label for crop in crops])
    auc = bootstrap(figures.auc, labels, found, [crop.group for crop in crops])
    return Measurement(
        protocol=protocol,
        modality=Modality.VIDEO,
        metric=METRIC,
        value=round(auc.value, 3),
        low=round(auc.low, 3),
        high=round(auc.high, 3),
        real=int((labels == 0).sum()),
        fake=int(labels.sum()),
        date=date,
        clips=of,
    )


def _softened(crops: Sequence[Crop], equal: Sequence[Crop], label: int) -> Softened:
    mine = [(old, new) for old, new in zip(crops, equal, strict=True) if old.label == label]
    before, after = (
        round(float(np.median([sharpness(crop.picture) for crop in column])), 1)
        for column in zip(*mine, strict=True)
    )
    return Softened(len(mine), sum(old.picture is not new.picture for old, new in mine), before, after)


def run(detector: Detector, data: Path, pairs: Sequence[Sequence[str]], frames: int) -> dict[str, object]:
    """Read the clips of a folder, measure all of them together and each pair of names below it by itself.

    Raises:
        ConfigurationError: no labelled clips, or a pair's name is not among them.
        DetectorError, AnalysisError: see `read` and `measure`.
    """
    items = {item.name: item for item in readers.read(data).items}
    missing = [name for pair in pairs for name in pair if name not in items]
    if missing:
        raise ConfigurationError(f"--pair {missing[0]}: not in {data}; known: {', '.join(items)}")
    clips = {clip.item.name: clip for clip in read(list(items.values()), detector, frames)}
    fakes = sum(clip.item.label for clip in clips.values())
    sets = {f"{len(clips) - fakes} real, {fakes} fake": list(clips.values())}
    sets |= {f"pair {Path(pair[0]).stem}": [clips[name] for name in pair] for pair in pairs}
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    results = [measure(detector, chosen, which, date) for which, chosen in sets.items()]
    return {
        "detector": detector.record.name,
        "clips": [
            {
                "name": name,
                "frames_with_a_face": len(clip.crops),
                "score_as_judged": round(clip.as_judged, 3),
                "score_of_these_frames": round(clip.of_frames, 3),
            }
            for name, clip in clips.items()
        ],
        "measured": [figure.model_dump(mode="json") for result in results for figure in result.measured],
        "leaks": {result.name: result.leaks for result in results},
        "blurred": {
            result.name: {"real": asdict(result.real), "fake": asdict(result.fake)} for result in results
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit status (0, or 2 where the input cannot be used)."""
    parser = argparse.ArgumentParser(prog="python -m analysis.evaluation.face_frames")
    parser.add_argument("detector", help="a detector of faces with weights that ship")
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR", help="DIR/real, DIR/fake")
    parser.add_argument(
        "--pair",
        nargs=2,
        action="append",
        default=[],
        metavar=("REAL", "FAKE"),
        help="a clip and the fake made of it, named from DIR on",
    )
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"of each clip, at most {FRAMES}")
    parser.add_argument("--out", type=Path, required=True, metavar="JSON", help="all figures")
    chosen = parser.parse_args(arguments)
    if not 2 * RUN <= chosen.frames <= FRAMES:
        parser.error(f"--frames goes from {2 * RUN} to {FRAMES}")
    torch.set_num_threads(1)
    try:
        found = run(detectors.create(chosen.detector), chosen.clips, chosen.pair, chosen.frames)
        chosen.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    except (AnalysisError, DetectorError, OSError) as error:
        Console(stderr=True).print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        return 2
    Console().print(json.dumps(found, indent=1), markup=False, highlight=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
