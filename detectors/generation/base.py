"""Generators: which there are, and what each takes and gives.

A picture generator takes a real picture and gives the fake, a mask and a description; a sound generator takes
a real sound and gives the fake and a description. Pictures are uint8 RGB ``(H, W, 3)``; sounds float32 mono
``(samples,)`` at `SAMPLE_RATE` in [-1, 1]; masks float32 ``(H, W)`` in [0, 1], exactly 0 where the real
picture was left alone, and None where nothing was. Descriptions are JSON-able.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from detectors.base import Modality
from detectors.errors import GenerationError, UnknownGenerator

Pixels = NDArray[np.uint8]
Mask = NDArray[np.float32]
Sound = NDArray[np.float32]
Description = dict[str, Any]

SAMPLE_RATE = 16_000


class PictureFake(NamedTuple):
    """What a picture generator gives; the fake has the real picture's size."""

    picture: Pixels
    mask: Mask | None
    description: Description


class SoundFake(NamedTuple):
    """What a sound generator gives; the fake has as many samples as the real sound."""

    sound: Sound
    description: Description


class PictureGenerator(Protocol):
    """Makes a fake of a real picture.

    Raises:
        Unsuitable: such a fake cannot be made of this picture (too small ...).
        NotApplicable: the same, from a detector's part that it makes use of (no face ...).
    """

    def __call__(self, real: Pixels, rng: np.random.Generator, /) -> tuple[Pixels, Mask | None, Description]:
        """All that is random comes from `rng`: the same picture and state give the same fake."""


class DonorGenerator(Protocol):
    """Makes a fake of a real picture and a second one that lends a part; else as `PictureGenerator`."""

    def __call__(
        self, real: Pixels, rng: np.random.Generator, donor: Pixels, /
    ) -> tuple[Pixels, Mask | None, Description]:
        """The donor may have any size; the fake has the real picture's."""


class SoundGenerator(Protocol):
    """Makes a fake of a real sound; else as `PictureGenerator`."""

    def __call__(self, real: Sound, rng: np.random.Generator, /) -> tuple[Sound, Description]:
        """The same sound and state give the same fake."""


@dataclass(frozen=True, slots=True)
class GeneratorEntry:
    """One line of the registry.

    Attributes:
        target: "module:attribute" of a `PictureGenerator`, `DonorGenerator` or `SoundGenerator`.
        modality: IMAGE or AUDIO.
        summary: what it does to a medium, for people.
        donor: whether it takes a second picture.
    """

    target: str
    modality: Modality
    summary: str
    donor: bool = False

    @property
    def module(self) -> str:
        """The module behind the line."""
        return self.target.partition(":")[0]


# name -> entry; one line per generator
_REGISTRY = {
    "copy_move": GeneratorEntry(
        "detectors.generation.splicing:copy_move", Modality.IMAGE, "an object appears twice"
    ),
    "inpaint_diffusion": GeneratorEntry(
        "detectors.generation.inpainting:inpaint_diffusion",
        Modality.IMAGE,
        "a region smoothed away from its edge",
    ),
    "inpaint_patches": GeneratorEntry(
        "detectors.generation.inpainting:inpaint_patches",
        Modality.IMAGE,
        "a region replaced by patches from around it",
    ),
    "reconstruction": GeneratorEntry(
        "detectors.generation.reconstruction:reconstruction",
        Modality.IMAGE,
        "the whole picture painted anew by a small autoencoder",
    ),
    "self_blended": GeneratorEntry(
        "detectors.generation.self_blending:self_blended",
        Modality.IMAGE,
        "the largest face blended with an altered copy of itself",
    ),
    "splice": GeneratorEntry(
        "detectors.generation.splicing:splice",
        Modality.IMAGE,
        "an object of another picture put in",
        donor=True,
    ),
    "speech_fixed_phase": GeneratorEntry(
        "detectors.generation.speech:fixed_phase",
        Modality.AUDIO,
        "speech: each frame with zero or minimum phase",
    ),
    "speech_griffin_lim": GeneratorEntry(
        "detectors.generation.speech:griffin_lim", Modality.AUDIO, "speech: phases found anew"
    ),
    "speech_learned_vocoder": GeneratorEntry(
        "detectors.generation.learned_vocoder:learned_vocoder",
        Modality.AUDIO,
        "speech: mel-band energies alone kept, sound made by a small network",
    ),
    "speech_linear_prediction": GeneratorEntry(
        "detectors.generation.speech:linear_prediction",
        Modality.AUDIO,
        "speech: pulses and noise through all-pole filters",
    ),
    "speech_mel_griffin_lim": GeneratorEntry(
        "detectors.generation.speech:mel_griffin_lim",
        Modality.AUDIO,
        "speech: mel-band energies alone kept, phases found anew",
    ),
    "speech_phase_noise": GeneratorEntry(
        "detectors.generation.speech:phase_noise",
        Modality.AUDIO,
        "speech: phases blurred towards high frequencies",
    ),
    "speech_smoothed_spectrum": GeneratorEntry(
        "detectors.generation.speech:smoothed_spectrum",
        Modality.AUDIO,
        "speech: fine structure of the spectrum smoothed away",
    ),
    "speech_source_filter_vocoder": GeneratorEntry(
        "detectors.generation.speech:source_filter_vocoder",
        Modality.AUDIO,
        "speech: pitch and a smooth spectral envelope alone kept",
    ),
}


def names() -> tuple[str, ...]:
    """Return the names of all generators, sorted."""
    return tuple(sorted(_REGISTRY))


def entry(name: str) -> GeneratorEntry:
    """Return what is known of a generator, without importing it.

    Raises:
        UnknownGenerator: no generator of that name is registered.
    """
    if name not in _REGISTRY:
        raise UnknownGenerator(name, names())
    return _REGISTRY[name]


def picture_generator(name: str) -> PictureGenerator | DonorGenerator:
    """Import a picture generator; `entry(name).donor` says which of the two it is.

    Raises:
        UnknownGenerator: no generator of that name is registered.
        GenerationError: it is one for sound, or a library that it needs is not installed.
    """
    return cast(PictureGenerator | DonorGenerator, _load(name, Modality.IMAGE))


def sound_generator(name: str) -> SoundGenerator:
    """Import a sound generator; raises as `picture_generator` does."""
    return cast(SoundGenerator, _load(name, Modality.AUDIO))


def _load(name: str, modality: Modality) -> Callable[..., Any]:
    found = entry(name)
    if found.modality is not modality:
        raise GenerationError(
            f"the generator {name!r} makes {found.modality.value} fakes, not {modality.value}"
        )
    module, _, attribute = found.target.partition(":")
    try:
        loaded: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("detectors"):
            raise
        raise GenerationError(
            f"the generator {name!r} needs {error.name}; install it with pip install 'veritag[training]'"
        ) from error
    return loaded


def item_rng(seed: int, sha256: str, purpose: str = "") -> np.random.Generator:
    """The random numbers of one item: of the seed and its content only, never of order or of other items.

    Args:
        seed: not negative.
        sha256: of the item's bytes, in hexadecimal.
        purpose: keeps streams apart that are drawn for one item, such as generation and laundering.
    """
    return np.random.default_rng([seed, int(sha256, 16), *purpose.encode()])
