"""Folds of the sources with faces, so that each source is scored by weights that learned from no face of it.

Sources of one group (`cross_validate.GROUPS`) are left out together, also those of them that have no faces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from detectors.training.cross_validate import group_of
from detectors.training.veritag_face.faces import SourceFace

COUNT = 3


@dataclass(frozen=True, slots=True)
class Fold:
    """One training: ``rest`` is learned from; ``left_out`` are the sources of which it sees nothing.

    ``name`` joins those of them that have faces.
    """

    name: str
    left_out: frozenset[str]
    rest: tuple[SourceFace, ...]


def folds(faces: Sequence[SourceFace], count: int = COUNT) -> list[Fold]:
    """Deal the groups of sources out, the largest first, each to the fold with the fewest faces so far.

    Raises:
        ValueError: all faces are of one group, so that nothing would be left to learn from.
    """
    sizes = Counter(group_of(face.source) for face in faces)
    if len(sizes) < 2:
        raise ValueError("to leave sources out there must be faces of two groups of sources at least")
    dealt: list[Counter[tuple[str, ...]]] = [Counter() for _ in range(min(count, len(sizes)))]
    for group in sorted(sizes, key=lambda group: (-sizes[group], group)):
        min(dealt, key=Counter.total)[group] = sizes[group]
    return [_fold(faces, frozenset(source for group in groups for source in group)) for groups in dealt]


def _fold(faces: Sequence[SourceFace], left_out: frozenset[str]) -> Fold:
    name = "+".join(sorted({face.source for face in faces} & left_out))
    return Fold(name, left_out, tuple(face for face in faces if face.source not in left_out))
