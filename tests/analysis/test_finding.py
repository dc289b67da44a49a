"""Finding faces: whole frames now and then, following between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from analysis.finding import locate
from detectors.faces.retinaface import Faces


class Scripted:
    """Finds one face that moves by 6 pixels a frame; following loses it where it is told to."""

    def __init__(self, *lost: int, empty: bool = False) -> None:
        self.lost, self.empty = lost, empty
        self.searched: list[int] = []
        self.followed: list[int] = []
        self.places: list[Tensor] = []

    def _face(self, number: int) -> Faces:
        boxes = np.array([[6.0 * number, 50, 6 * number + 100, 170]])
        return Faces(boxes, np.array([0.999]), np.zeros((1, 5, 2)))

    def _none(self) -> Faces:
        return Faces(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2)))

    def find(self, frames: Tensor, min_face: float = 20) -> list[Faces]:
        numbers = [int(frame[0, 0, 0]) for frame in frames]
        self.searched += numbers
        return [self._none() if self.empty else self._face(n) for n in numbers]

    def follow(self, frames: Tensor, places: Sequence[Tensor]) -> list[Faces]:
        numbers = [int(frame[0, 0, 0]) for frame in frames]
        self.followed += numbers
        self.places += places
        return [self._none() if n in self.lost else self._face(n) for n in numbers]


def numbered(count: int) -> Tensor:
    return torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(-1, 200, 300, 3).contiguous()


def test_every_third_frame_is_searched_and_the_others_followed() -> None:
    finder = Scripted()
    found = locate(numbered(8), finder)
    assert finder.searched == [0, 3, 6, 7]
    assert finder.followed == [1, 2, 4, 5]
    assert [faces[0].box[0] for faces in found] == [6.0 * n for n in range(8)]
    assert [faces[0].frame for faces in found] == list(range(8))


def test_a_face_is_looked_for_where_it_was_before_and_after() -> None:
    finder = Scripted()
    locate(numbered(4), finder)
    first = finder.places[0]
    assert first.shape == (4, 4)  # two faces, two sizes
    assert first[:2, 0].tolist() == [0.0, 18.0]
    assert (first[2:, 2] - first[2:, 0]).tolist() == torch.tensor([130.0, 130.0]).tolist()


def test_a_frame_that_loses_the_face_is_searched_after_all() -> None:
    finder = Scripted(4)
    found = locate(numbered(7), finder)
    assert finder.searched == [0, 3, 6, 4]
    assert all(len(faces) == 1 for faces in found)


def test_without_faces_every_frame_is_searched() -> None:
    finder = Scripted(empty=True)
    assert locate(numbered(5), finder) == [[]] * 5
    assert sorted(finder.searched) == [0, 1, 2, 3, 4]
    assert finder.followed == []


def test_exact_searches_every_frame_as_it_is() -> None:
    finder = Scripted()
    locate(numbered(5), finder, exact=True)
    assert (finder.searched, finder.followed) == ([0, 1, 2, 3, 4], [])
