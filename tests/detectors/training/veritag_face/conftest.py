"""Real faces to learn from in tests: one photograph's, seen under different lights and cuts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detectors.generation.self_blending import Face, largest_face, shift_colours

MEDIA = Path(__file__).parents[4] / "samples" / "inbox" / "media"


@pytest.fixture(scope="session")
def portrait() -> Image.Image:
    return Image.open(MEDIA / "astronaut.jpg").convert("RGB").crop((120, 0, 376, 256))


@pytest.fixture(scope="session")
def faces(portrait: Image.Image) -> list[Face]:
    face = largest_face(np.array(portrait))
    rng = np.random.default_rng(0)
    return [Face(shift_colours(face.picture, rng), face.points + rng.normal(0, 1, (5, 2))) for _ in range(4)]
