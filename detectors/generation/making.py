"""One pair: a real medium and the fake made of it, delivered as files that went the same way."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detectors.base import Modality
from detectors.errors import GenerationError, Unsuitable
from detectors.generation.base import (
    Description,
    DonorGenerator,
    Mask,
    PictureGenerator,
    Pixels,
    Sound,
    entry,
    item_rng,
    picture_generator,
    sound_generator,
)
from detectors.generation.files import ALIGNED, Original, read_picture, read_sound
from detectors.generation.laundering import (
    LOSSLESS_PICTURE,
    LOSSLESS_SOUND,
    Chain,
    picture_chain,
    sound_chain,
)
from detectors.generation.masks import require_size

DONORS_TRIED = 8


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a whole run does. ``launder`` names a preset (`laundering.ANY` draws one per item).

    Without one, pairs leave `ALIGNED`: both encoded as the real picture was, see `files.read_picture`.
    """

    generator: str
    seed: int
    launder: str | None = None

    @property
    def modality(self) -> Modality:
        """What kind of media it is for."""
        return entry(self.generator).modality

    @property
    def asked(self) -> str:
        """The laundering as the manifest names it."""
        return self.launder or ALIGNED


@dataclass(frozen=True, slots=True)
class Pair:
    """Both files' bytes; the mask is a grey PNG of the delivered picture's size."""

    real: bytes
    fake: bytes
    suffix: str
    mask: bytes | None
    parameters: Description
    laundering: Description


def make(original: Original, recipe: Recipe, folder: Path, donors: Sequence[Original]) -> Pair:
    """Make one pair; it depends on the recipe, the original and the set of donors only.

    Args:
        folder: what `original.path` is relative to.
        donors: where a second picture may come from.

    Raises:
        Unsuitable, NotApplicable: no such fake can be made of this medium.
        GenerationError: the generator does not keep its contract, or cannot be loaded.
    """
    if recipe.modality is Modality.IMAGE:
        pair = _picture_pair(original, recipe, folder, donors)
    else:
        pair = _sound_pair(original, recipe, folder)
    if pair.real == pair.fake:
        raise Unsuitable("the fake came out the same as the real one")
    return pair


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch, where a generator has brought it in, to one thread: sums come out the same everywhere."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before)


def _picture_pair(original: Original, recipe: Recipe, folder: Path, donors: Sequence[Original]) -> Pair:
    real, chain = read_picture(folder / original.path)
    rng = item_rng(recipe.seed, original.sha256, recipe.generator)
    generate = picture_generator(recipe.generator)
    if entry(recipe.generator).donor:
        donor, name = _donor(original, recipe, folder, donors)
        with one_thread():
            fake, mask, parameters = cast(DonorGenerator, generate)(real, rng, donor)
        parameters = {**parameters, "donor": name}
    else:
        with one_thread():
            fake, mask, parameters = cast(PictureGenerator, generate)(real, rng)
    _check(recipe.generator, real, fake, mask)
    if recipe.launder is not None:
        chain = picture_chain(item_rng(recipe.seed, original.sha256, "laundering"), recipe.launder)
    files = [chain.deliver(medium, LOSSLESS_PICTURE) for medium in (real, fake)]
    drawn = None if mask is None else _encode_mask(chain.follow(mask))
    return Pair(files[0][0], files[1][0], files[1][1], drawn, parameters, chain.describe())


def _sound_pair(original: Original, recipe: Recipe, folder: Path) -> Pair:
    real = read_sound(folder / original.path)
    rng = item_rng(recipe.seed, original.sha256, recipe.generator)
    generate = sound_generator(recipe.generator)
    with one_thread():
        fake, parameters = generate(real, rng)
    _check(recipe.generator, real, fake, None)
    if recipe.launder is None:
        chain: Chain[Sound] = Chain(ALIGNED, ())
    else:
        chain = sound_chain(item_rng(recipe.seed, original.sha256, "laundering"), recipe.launder)
    files = [chain.deliver(medium, LOSSLESS_SOUND) for medium in (real, fake)]
    return Pair(files[0][0], files[1][0], files[1][1], None, parameters, chain.describe())


def _donor(
    original: Original, recipe: Recipe, folder: Path, donors: Sequence[Original]
) -> tuple[Pixels, str]:
    """Another picture that is fit to lend a part, and its name in the manifest."""
    others = [donor for donor in donors if donor.sha256 != original.sha256]
    rng = item_rng(recipe.seed, original.sha256, "donor")
    for place in rng.permutation(len(others))[:DONORS_TRIED]:
        try:
            picture, _ = read_picture(folder / others[place].path)
            require_size(picture)
        except Unsuitable:
            continue
        return picture, others[place].path.as_posix()
    raise Unsuitable("there is no second picture to take something from")


def _check(name: str, real: NDArray[Any], fake: NDArray[Any], mask: Mask | None) -> None:
    if fake.shape != real.shape or fake.dtype != real.dtype:
        raise GenerationError(
            f"the generator {name!r} gave {fake.dtype} {fake.shape} for {real.dtype} {real.shape}"
        )
    if mask is not None and (
        mask.shape != real.shape[:2] or np.any((fake != real).any(axis=-1) & (mask == 0))
    ):
        raise GenerationError(f"the generator {name!r} gave a mask that does not hold all that it changed")


def _encode_mask(mask: Mask) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ceil(mask * 255).clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
