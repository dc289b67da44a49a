"""Social laundering: what happens to a medium between the tool that made it and the person who sees it.

    chain = picture_chain(rng, "like_x")
    real, fake = chain(real), chain(fake)        # in memory, both alike
    data, suffix = chain.deliver(fake, LOSSLESS_PICTURE)   # as a file

`base` holds what a step and a chain are; `pictures`, `screens`, `video` and `sound` the steps; `presets` how
chains are drawn.
"""

from detectors.generation.laundering.base import Chain, Codec, Step
from detectors.generation.laundering.pictures import Png
from detectors.generation.laundering.presets import (
    ANY,
    PRESETS,
    Preset,
    picture_chain,
    presets,
    require,
    sound_chain,
)
from detectors.generation.laundering.sound import Wav

LOSSLESS_PICTURE = Png()
LOSSLESS_SOUND = Wav()

__all__ = [
    "ANY",
    "LOSSLESS_PICTURE",
    "LOSSLESS_SOUND",
    "PRESETS",
    "Chain",
    "Codec",
    "Preset",
    "Step",
    "picture_chain",
    "presets",
    "require",
    "sound_chain",
]
