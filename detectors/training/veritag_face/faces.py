"""Real faces out of labelled pictures: found with their five points, cut out with room around them.

Only what lies in ``real`` folders is looked at. Pictures that a collection turned by quarters are turned
back: of the four turns the one counts in which a face is found upright, also tilted to either side.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from detectors.faces.mtcnn import MTCNN
from detectors.generation.self_blending import Face
from detectors.record import DataSet
from detectors.training.dataset import SUFFIXES, read

NOT_FACES = frozenset({"kurlyto_painting"})  # paintings: no camera's traces
TURNED = frozenset({"portraits_tpdne", "quiz_seegma_faces"})
_SEARCHED_SIDE = 640
_BORDER = 64  # a face that fills its picture is found with some room around it
_SMALLEST = 72.0  # pixels of the face's longer side
_LARGEST = 150.0  # larger faces are scaled down to this: the network sees some 90 pixels of them
_ROOM = 0.85  # from the face's centre to the cut's edge, in longer sides
_CONFIDENT = 0.97
_MOST_TILT = 40.0  # degrees


@dataclass(frozen=True, slots=True)
class SourceFace:
    """One real face with the collection that it comes from; ``key`` begins the file's SHA-256."""

    source: str
    key: str
    face: Face


@dataclass(frozen=True, slots=True)
class _Found:
    box: NDArray[np.float64]
    points: NDArray[np.float64]
    confidence: float

    @property
    def side(self) -> float:
        return float(max(self.box[2:] - self.box[:2]))

    @property
    def tilt(self) -> float:
        x, y = self.points[1] - self.points[0]
        return float(abs(np.degrees(np.arctan2(y, x))))


def scan(folder: Path, progress: Iterable[Path] | None = None) -> list[SourceFace]:
    """Find the real faces below ``DIR/<source>/real/``, in a fixed order; equal files count once.

    Args:
        progress: `real_pictures` of the folder, wrapped by whoever shows how far it is.

    Raises:
        ValueError: no face in any picture, or a damaged picture.
    """
    finder = MTCNN()
    seen: set[str] = set()
    faces: list[SourceFace] = []
    for path in progress if progress is not None else real_pictures(folder):
        key = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        if key not in seen:
            seen.add(key)
            faces += (SourceFace(source_of(path), key, face) for face in find(finder, path))
    if not faces:
        raise ValueError(f"{folder} has no face of at least {_SMALLEST:.0f} px in any SOURCE/real/ picture")
    return faces


def real_pictures(folder: Path) -> list[Path]:
    """The pictures in ``real`` folders, sorted, paintings left out."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES and path.parent.name == "real" and source_of(path) not in NOT_FACES
    ]


def source_of(path: Path) -> str:
    """The collection's name of ``DIR/<source>/real/<file>``."""
    return path.parent.parent.name


def data_sets(faces: Iterable[SourceFace]) -> tuple[DataSet, ...]:
    """The collections with their numbers of faces."""
    counts = Counter(face.source for face in faces)
    return tuple(DataSet(name=name, real=count, fake=0) for name, count in sorted(counts.items()))


def find(finder: MTCNN, path: Path) -> Iterator[Face]:
    """Find and cut out the faces of one picture."""
    picture = read(path)
    if source_of(path) in TURNED:
        upright = _turned_upright(finder, picture)
        if upright:
            yield _cut(*upright)
        return
    for found in _search(finder, picture):
        yield _cut(picture, found)


def _search(finder: MTCNN, picture: Image.Image) -> list[_Found]:
    scale = min(1.0, _SEARCHED_SIDE / max(picture.size))
    size = (round(picture.width * scale), round(picture.height * scale))
    copy = picture.resize(size, Image.Resampling.BILINEAR) if scale < 1 else picture
    faces = finder.find(torch.from_numpy(np.array(copy))[None], 40)[0]
    all_found = (
        _Found(box.astype(np.float64) / scale, points.astype(np.float64) / scale, float(score))
        for box, score, points in zip(faces.boxes, faces.scores, faces.landmarks, strict=True)
    )
    return [found for found in all_found if found.confidence >= _CONFIDENT and found.side >= _SMALLEST]


def _turned_upright(finder: MTCNN, picture: Image.Image) -> tuple[Image.Image, _Found] | None:
    best: tuple[float, Image.Image, _Found] | None = None
    for quarter in range(4):
        turned = picture.rotate(90 * quarter, expand=True)
        roomy = ImageOps.expand(turned, _BORDER)
        straight = _upright(finder, roomy)
        if straight is None:
            continue
        tilted = (_upright(finder, roomy.rotate(angle, Image.Resampling.BICUBIC)) for angle in (-12, 12))
        sure = straight.confidence + sum(found.confidence for found in tilted if found)
        if sure > 2 and (best is None or sure > best[0] + 1e-3):
            corners, points = straight.box - _BORDER, straight.points - _BORDER
            best = sure, turned, _Found(corners, points, straight.confidence)
    return best[1:] if best else None


def _upright(finder: MTCNN, picture: Image.Image) -> _Found | None:
    upright = [found for found in _search(finder, picture) if found.tilt < _MOST_TILT]
    return max(upright, key=lambda found: found.confidence, default=None)


def _cut(picture: Image.Image, found: _Found) -> Face:
    centre, room = (found.box[:2] + found.box[2:]) / 2, _ROOM * found.side
    low = np.maximum(np.floor(centre - room), 0).astype(int)
    high = np.minimum(np.ceil(centre + room), picture.size).astype(int)
    crop, scale = picture.crop((*low.tolist(), *high.tolist())), min(1.0, _LARGEST / found.side)
    if scale < 1:
        size = (round(crop.width * scale), round(crop.height * scale))
        crop = crop.resize(size, Image.Resampling.LANCZOS)
    return Face(np.array(crop), (found.points - low) * scale)
