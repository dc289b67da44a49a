from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from detectors.training.veritag_face.blur import blurred_to, equalise, sharpness
from detectors.training.veritag_face.measure import Crop, interval, leaks


def noisy(seed: int, blur: float = 0.0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    return Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(blur))


def crops(count: int, per_video: int = 1) -> list[Crop]:
    return [
        Crop(f"{label}-{n}", "s", "", label, f"{label}-{n // per_video}", noisy(n, 0.3 * n * label))
        for label in (0, 1)
        for n in range(count)
    ]


def test_blurring_reaches_what_is_wanted_and_never_sharpens() -> None:
    picture = noisy(0)
    assert sharpness(blurred_to(picture, 500)) == pytest.approx(500, rel=0.05)
    soft = noisy(0, 2)
    assert blurred_to(soft, 2 * sharpness(soft)) is soft


def test_equal_blur_takes_away_what_blur_tells() -> None:
    made = crops(8)
    before, after = (leaks(made)[kind]["blur"] for kind in ("as is", "blur equalised"))
    assert before > 0.85
    assert after < 0.6
    labels = [crop.label for crop in made]
    equal = equalise([crop.picture for crop in made], labels)
    assert all(
        sharpness(new) <= 1.05 * sharpness(crop.picture) for new, crop in zip(equal, made, strict=True)
    )


def test_intervals_are_wider_where_crops_share_a_video() -> None:
    values = np.random.default_rng(0).normal(np.repeat([0, 0.5], 24), 1)

    def difference(labels: np.ndarray, scores: np.ndarray) -> float:
        return float(scores[labels == 1].mean() - scores[labels == 0].mean())

    alone = interval(difference, crops(24), values)
    together = interval(difference, crops(24, per_video=8), np.sort(values))
    assert alone[0] < difference(np.repeat([0, 1], 24), values) < alone[1]
    assert together[1] - together[0] > alone[1] - alone[0]
