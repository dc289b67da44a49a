"""The registry of generators, and the contract that every one of them keeps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from detectors.base import Modality
from detectors.errors import GenerationError, UnknownGenerator, Unsuitable
from detectors.generation import base
from detectors.generation.files import find
from detectors.generation.making import Recipe, make
from tests.detectors.generation.media import write_pictures

ROOT = Path(__file__).parents[3]


def test_an_item_draws_by_seed_content_and_purpose() -> None:
    def draw(*key: object) -> int:
        return int(base.item_rng(*key).integers(2**62))  # type: ignore[arg-type]

    one, two = "ab" * 32, "cd" * 32
    assert draw(0, one) == draw(0, one)
    keys = [(0, one), (1, one), (0, two), (0, one, "donor"), (0, one, "laundering")]
    assert len({draw(*key) for key in keys}) == len(keys)


def test_names_and_kinds_are_checked_before_anything_is_imported() -> None:
    with pytest.raises(UnknownGenerator, match=r"no generator 'nosuch'; known: .*splice"):
        base.entry("nosuch")
    with pytest.raises(GenerationError, match="makes image fakes, not audio"):
        base.sound_generator("splice")


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = base.GeneratorEntry("no_such_library_here:make", Modality.AUDIO, "")
    monkeypatch.setitem(base._REGISTRY, "lacking", entry)
    with pytest.raises(GenerationError, match=r"needs no_such_library_here; install it with .*\[training\]"):
        base.sound_generator("lacking")


def lies(real: base.Pixels, rng: np.random.Generator) -> base.PictureFake:
    """Changes all and says that it changed nothing."""
    return base.PictureFake(255 - real, np.zeros(real.shape[:2], np.float32), {})


def shrinks(real: base.Pixels, rng: np.random.Generator) -> base.PictureFake:
    return base.PictureFake(real[:-1], None, {})


def does_nothing(real: base.Pixels, rng: np.random.Generator) -> base.PictureFake:
    return base.PictureFake(real.copy(), None, {})


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("lies", GenerationError, "does not hold all that it changed"),
        ("shrinks", GenerationError, "gave uint8"),
        ("does_nothing", Unsuitable, "same as the real one"),
    ],
)
def test_a_generator_that_breaks_its_contract_is_found_out(
    name: str, error: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(base._REGISTRY, name, base.GeneratorEntry(f"{__name__}:{name}", Modality.IMAGE, ""))
    write_pictures(tmp_path, 1)
    [original] = find(tmp_path, Modality.IMAGE)
    with pytest.raises(error, match=words):
        make(original, Recipe(name, 0), tmp_path, ())


def test_listing_imports_no_heavy_library() -> None:
    code = (
        "import sys; from detectors.generation import base; base.names(); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'skimage', 'av', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
