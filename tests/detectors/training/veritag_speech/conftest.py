"""A small set of labelled sounds: voices as they are, and the same voices through crude vocoders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detectors.generation import speech
from detectors.generation.laundering.sound import Wav
from tests.detectors.voices import vowel


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sources of both classes, three voices each, and `validation`, laid out as deep as it may be."""
    folder = tmp_path_factory.mktemp("sounds")
    makers = {"one": speech.fixed_phase, "two": speech.phase_noise, "three": speech.fixed_phase}
    for source, maker in {**makers, "validation": speech.fixed_phase}.items():
        place = folder / "pages" / source if source != "validation" else folder / source
        for label in ("real", "fake"):
            (place / label).mkdir(parents=True)
        for n in range(3):
            rng = np.random.default_rng([n, *source.encode()])
            voice = vowel(float(rng.uniform(90, 220)), 2.4, int(rng.integers(1000)))
            fake, _ = maker(voice, rng)
            (place / "real" / f"{n}.wav").write_bytes(Wav().encode(voice))
            (place / "fake" / f"maker__{n}.wav").write_bytes(Wav().encode(fake))
    return folder
