"""Pairs to learn from: a real face and its pseudo-fake that went through the same delivery.

Both of a pair get the same light, resolution, blur, noise, compression and cut, so that none of these tells
anything by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from detectors.generation import face_shapes
from detectors.generation.base import Pixels
from detectors.generation.self_blending import (
    Blend,
    Coder,
    Face,
    Floats,
    blend,
    degrade,
    encode,
    shift_colours,
    warp,
)

VIEW_SIDE = 224
SIDE = 112
MASK_SIDE = 14
_CODED_SIDE = 64
_FEWEST_COMPONENTS = 12
_LEAST_CHANGE = 3.0  # mean difference where something was pasted in, of 255 levels
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Pair:
    """Both uint8 ``(112, 112, 3)``; float32 mask ``(14, 14)`` in [0, 1]: the share pasted in."""

    real: Pixels
    fake: Pixels
    mask: Floats


class FaceCoder:
    """Codes faces as a few numbers and back: principal components of the real faces, 64 x 64 pixels.

    What comes back is smooth and a little ghostly, as the faces of small auto-encoders are.
    """

    def __init__(self, faces: list[Face], components: int = 160) -> None:
        stack = np.stack([self._cut(face.picture, face.points) for face in faces]).astype(np.float32)
        flat = stack.reshape(len(faces), -1)
        self._mean = flat.mean(axis=0)
        _, _, basis = np.linalg.svd(flat - self._mean, full_matrices=False)
        self._basis = basis[:components]

    @staticmethod
    def _matrix(points: NDArray[np.float64]) -> NDArray[np.float64]:
        aim = (face_shapes.MEAN_FIVE * (0.9, 0.72) + (0.05, 0.14)) * _CODED_SIDE
        return face_shapes.affine(points, aim)

    def _cut(self, picture: Pixels, points: NDArray[np.float64]) -> Pixels:
        size = (_CODED_SIDE, _CODED_SIDE)
        return warp(picture, self._matrix(points), size, Image.Resampling.BILINEAR)

    def __call__(self, picture: Pixels, points: NDArray[np.float64], rng: np.random.Generator) -> Pixels:
        """Return the picture with its face coded by a random number of components."""
        kept = int(rng.integers(min(_FEWEST_COMPONENTS, len(self._basis)), len(self._basis) + 1))
        flat = self._cut(picture, points).astype(np.float32).ravel() - self._mean
        basis = self._basis[:kept]
        coded = (self._mean + (flat @ basis.T) @ basis).reshape(_CODED_SIDE, _CODED_SIDE, 3)
        face = np.clip(coded, 0, 255).astype(np.uint8)
        size = (picture.shape[1], picture.shape[0])
        back = face_shapes.inverse(self._matrix(points))
        pasted = warp(face, back, size, Image.Resampling.BICUBIC)
        share = float(rng.uniform(0.6, 1.0))
        return np.rint(picture + share * (pasted.astype(np.float32) - picture)).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Sources:
    """Real faces, and what pseudo-fakes take of them."""

    faces: list[Face]
    coder: Coder

    def draw(self, rng: np.random.Generator, hardness: float = 1.0) -> Pair:
        """Draw one pair whose halves can be told apart at all.

        Args:
            hardness: 0 to 1: how likely the delivery wears the traces down.
        """
        for _ in range(_TRIES):
            pair = self._draw(rng, hardness)
            inside = pair.mask > 0.2
            if inside.any():
                change = np.abs(pair.fake.astype(np.float32) - pair.real).mean(axis=2)
                cells = change.reshape(MASK_SIDE, SIDE // MASK_SIDE, MASK_SIDE, SIDE // MASK_SIDE).mean(
                    axis=(1, 3)
                )
                if cells[inside].mean() >= _LEAST_CHANGE:
                    break
        return pair

    def _draw(self, rng: np.random.Generator, hardness: float) -> Pair:
        face = _posed(self.faces[rng.integers(len(self.faces))], rng, hardness)
        return deliver(self._blend(face, rng), face.points, rng, hardness)

    def fake(self, face: Face, rng: np.random.Generator) -> Pixels:
        """Make one pseudo-fake of a face's picture, which itself is left as it is."""
        return self._blend(face, rng, background=False).fake

    def _blend(self, face: Face, rng: np.random.Generator, *, background: bool = True) -> Blend:
        kind = rng.random()
        if kind < 0.3:
            return blend(face, rng, donor=_like(face, self.faces, rng))
        if kind < 0.5:
            return blend(face, rng, coder=self.coder)
        return blend(face, rng, background=background)


def _mirrored(face: Face) -> Face:
    points = face.points[[1, 0, 2, 4, 3]]
    points[:, 0] = face.picture.shape[1] - 1 - points[:, 0]
    return Face(np.ascontiguousarray(face.picture[:, ::-1]), points)


def _posed(face: Face, rng: np.random.Generator, hardness: float) -> Face:
    """Mirror, turn and scale a face at random, and give it a camera's or a video's resolution before any
    blending.
    """
    face = _mirrored(face) if rng.random() < 0.5 else face
    picture, points = face.picture, face.points
    eyes = float(np.linalg.norm(points[1] - points[0])) + 1e-6
    scale = min(1.6, float(np.exp(rng.uniform(np.log(24), np.log(58)))) / eyes)
    angle = np.radians(rng.normal(0, 5))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    height, width = picture.shape[:2]
    size = (max(48, round(width * scale)), max(48, round(height * scale)))
    matrix = np.column_stack([turn, np.array(size) / 2 - turn @ (np.array([width, height]) / 2)])
    if scale < 0.75:
        picture = np.array(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(0.35 / scale)))
    picture = warp(picture, matrix, size, Image.Resampling.BICUBIC)
    points = face_shapes.apply(matrix, points)
    if rng.random() < 0.4 * hardness:
        picture, _ = degrade(picture, eyes * scale * 2.2, rng)
    return Face(picture, points)


def _like(face: Face, faces: list[Face], rng: np.random.Generator) -> Face:
    """The one of some random other faces whose points are most alike in shape."""
    tried = [faces[n] for n in rng.integers(len(faces), size=8)]
    mirrored = [_mirrored(other) if rng.random() < 0.5 else other for other in tried]

    def unlike(other: Face) -> float:
        matrix = face_shapes.affine(other.points, face.points)
        left = face_shapes.apply(matrix, other.points) - face.points
        singular = np.linalg.svd(matrix[:, :2], compute_uv=False)
        eyes = np.linalg.norm(face.points[1] - face.points[0]) + 1e-6
        return float(np.abs(left).mean() / eyes + np.log(singular[0] / max(singular[1], 1e-6)))

    closest: Face = min(mirrored, key=unlike)
    return closest


def deliver(
    made: Blend, points: NDArray[np.float64], rng: np.random.Generator, hardness: float = 1.0
) -> Pair:
    """Send both of a pair through one random delivery and cut the face out as the view FACES does."""
    both = [made.real, made.fake]
    state = rng.bit_generator.state

    def again(step: int) -> list[np.random.Generator]:
        seed = int(np.random.default_rng([step, state["state"]["state"] % 2**63]).integers(2**62))
        return [np.random.default_rng(seed) for _ in both]

    if rng.random() < 0.8:
        # One map for both: drawn of the real picture's mean, it would differ between the two.
        both = _shifted_alike(both, again(1)[0])
    eyes = float(np.linalg.norm(points[1] - points[0]))
    plan = _Plan.draw(eyes, rng, hardness)
    both = [plan(picture, generator) for picture, generator in zip(both, again(2), strict=True)]
    box = _cut_box(points, made.real.shape[1], made.real.shape[0], rng)
    squeeze = (VIEW_SIDE, VIEW_SIDE)
    views = [
        np.array(Image.fromarray(picture).resize(squeeze, Image.Resampling.BILINEAR, box).reduce(2))
        for picture in both
    ]
    mask = Image.fromarray(made.mask).resize((MASK_SIDE, MASK_SIDE), Image.Resampling.BOX, box)
    return Pair(views[0], views[1], np.asarray(mask, dtype=np.float32))


def _shifted_alike(both: list[Pixels], rng: np.random.Generator) -> list[Pixels]:
    stacked = shift_colours(np.concatenate(both, axis=1), rng, 1.6)
    return np.split(stacked, 2, axis=1)


@dataclass(frozen=True, slots=True)
class _Plan:
    """One delivery: what a camera, an editor and social networks do to a picture on its way."""

    blur: float
    small: float
    quality: tuple[int, ...]
    subsampling: int
    noise: float
    gamma: float

    @classmethod
    def draw(cls, eyes: float, rng: np.random.Generator, hardness: float) -> _Plan:
        wanted = float(np.exp(rng.uniform(np.log(18), np.log(70))))  # pixels between the eyes that are left
        passes = int(rng.choice((0, 1, 2), p=(1 - 0.8 * hardness, 0.55 * hardness, 0.25 * hardness)))
        return cls(
            blur=float(eyes * rng.uniform(0.005, 0.04)) if rng.random() < 0.4 * hardness else 0.0,
            small=min(1.0, wanted / eyes) if rng.random() < 0.6 * hardness else 1.0,
            quality=tuple(int(q) for q in rng.integers(40, 96, passes)),
            subsampling=int(rng.choice((0, 2), p=(0.3, 0.7))),
            noise=float(rng.uniform(1, 7)) if rng.random() < 0.25 * hardness else 0.0,
            gamma=float(np.exp(rng.uniform(-0.5, 0.5))) if rng.random() < 0.4 else 1.0,
        )

    def __call__(self, picture: Pixels, rng: np.random.Generator) -> Pixels:
        image = Image.fromarray(picture)
        if self.gamma != 1:
            table = [round(255 * (value / 255) ** self.gamma) for value in range(256)]
            image = image.point(table * 3)
        if self.blur:
            image = image.filter(ImageFilter.GaussianBlur(self.blur))
        if self.noise:
            pixels = np.asarray(image) + rng.standard_normal(picture.shape) * self.noise
            image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        for quality in self.quality[:1]:
            image = encode(image, quality, self.subsampling)
        if self.small < 1:
            size = [max(16, round(side * self.small)) for side in image.size]
            image = image.resize((size[0], size[1]), Image.Resampling.BICUBIC)
        for quality in self.quality[1:] or self.quality[:1]:
            image = encode(image, quality, self.subsampling)
        if self.small < 1:
            image = image.resize((picture.shape[1], picture.shape[0]), Image.Resampling.BILINEAR)
        return np.array(image)


def _cut_box(
    points: NDArray[np.float64], width: int, height: int, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """A square, or one squeezed a little, of 1 to 1.5 face sides around the face, inside the picture."""
    outline = face_shapes.fit(points)[:68]
    low, high = outline.min(axis=0), outline.max(axis=0)
    side = float((high - low).max()) * rng.uniform(0.95, 1.5)
    centre = (low + high) / 2 + side * rng.normal(0, 0.025, 2)
    sides = np.array([side, side])
    if rng.random() < 0.3:
        sides[0] *= rng.uniform(0.75, 1.0)
    left, top = centre - sides / 2
    right, bottom = centre + sides / 2
    left, top = max(0.0, left), max(0.0, top)
    right, bottom = min(float(width), right), min(float(height), bottom)
    if right - left < 16 or bottom - top < 16:
        return 0.0, 0.0, float(width), float(height)
    return left, top, right, bottom


def face_box(
    points: NDArray[np.float64], size: tuple[int, int], margin: float
) -> tuple[float, float, float, float]:
    """The square of ``margin`` times a face's longer side around it, moved into a picture of ``(W, H)``."""
    outline, limits = face_shapes.fit(points)[:68], np.array(size, dtype=np.float64)
    low, high = outline.min(axis=0), outline.max(axis=0)
    side = min(float((high - low).max()) * margin, *size)
    left, top = np.clip((low + high - side) / 2, 0, limits - side).tolist()
    return left, top, left + side, top + side
