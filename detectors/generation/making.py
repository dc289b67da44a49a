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
    Codec,
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


@dataclass(frozen=True, slots=True)
class Fresh:
    """A real medium and the fake made of it, before they are sent anywhere.

    Pictures are uint8 RGB ``(H, W, 3)``, sounds float32 ``(samples,)``; ``aligned`` is the chain by which
    both get the real medium's file history.
    """

    original: Original
    seed: int
    modality: Modality
    real: NDArray[Any]
    fake: NDArray[Any]
    mask: Mask | None
    parameters: Description
    aligned: Chain[Any]

    def delivered(self, launder: str | None) -> Pair:
        """Send both the same way; `Recipe` says what ``launder`` names.

        Raises:
            Unsuitable: they arrive as the same file.
            GenerationError: there is no such preset for such media.
        """
        chain = (
            self.aligned if launder is None else drawn_chain(self.original, self.seed, launder, self.modality)
        )
        lossless: Codec[Any] = LOSSLESS_PICTURE if self.modality is Modality.IMAGE else LOSSLESS_SOUND
        real, fake = (chain.deliver(medium, lossless) for medium in (self.real, self.fake))
        if real == fake:
            raise Unsuitable("the fake came out the same as the real one")
        mask = None if self.mask is None else _encode_mask(chain.follow(self.mask))
        return Pair(real[0], fake[0], fake[1], mask, self.parameters, chain.describe())


def drawn_chain(original: Original, seed: int, launder: str, modality: Modality) -> Chain[Any]:
    """The chain that a preset draws for a medium: the same one whatever is made of it.

    Raises:
        GenerationError: there is no such preset for such media.
    """
    rng = item_rng(seed, original.sha256, "laundering")
    return picture_chain(rng, launder) if modality is Modality.IMAGE else sound_chain(rng, launder)


def make(original: Original, recipe: Recipe, folder: Path, donors: Sequence[Original]) -> Pair:
    """Make one pair; it depends on the recipe, the original and the set of donors only.

    Raises:
        Unsuitable, NotApplicable, GenerationError: as `fresh` and `Fresh.delivered` do.
    """
    return fresh(original, recipe.generator, recipe.seed, folder, donors).delivered(recipe.launder)


def fresh(original: Original, generator: str, seed: int, folder: Path, donors: Sequence[Original]) -> Fresh:
    """Make the fake of a medium.

    Args:
        folder: what `original.path` is relative to.
        donors: where a second picture may come from.

    Raises:
        Unsuitable, NotApplicable: no such fake can be made of this medium.
        GenerationError: the generator does not keep its contract, or cannot be loaded.
    """
    if entry(generator).modality is Modality.IMAGE:
        return _fresh_picture(original, generator, seed, folder, donors)
    return _fresh_sound(original, generator, seed, folder)


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


def _fresh_picture(
    original: Original, name: str, seed: int, folder: Path, donors: Sequence[Original]
) -> Fresh:
    real, aligned = read_picture(folder / original.path)
    rng = item_rng(seed, original.sha256, name)
    generate = picture_generator(name)
    if entry(name).donor:
        donor, lender = _donor(original, seed, folder, donors)
        with one_thread():
            fake, mask, parameters = cast(DonorGenerator, generate)(real, rng, donor)
        parameters = {**parameters, "donor": lender}
    else:
        with one_thread():
            fake, mask, parameters = cast(PictureGenerator, generate)(real, rng)
    _check(name, real, fake, mask)
    return Fresh(original, seed, Modality.IMAGE, real, fake, mask, parameters, aligned)


def _fresh_sound(original: Original, name: str, seed: int, folder: Path) -> Fresh:
    real = read_sound(folder / original.path)
    rng = item_rng(seed, original.sha256, name)
    generate = sound_generator(name)
    with one_thread():
        fake, parameters = generate(real, rng)
    _check(name, real, fake, None)
    aligned: Chain[Sound] = Chain(ALIGNED, ())
    return Fresh(original, seed, Modality.AUDIO, real, fake, None, parameters, aligned)


def _donor(original: Original, seed: int, folder: Path, donors: Sequence[Original]) -> tuple[Pixels, str]:
    """Another picture that is fit to lend a part, and its name in the manifest."""
    others = [donor for donor in donors if donor.sha256 != original.sha256]
    rng = item_rng(seed, original.sha256, "donor")
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
