"""Which frames of a clip are looked at."""

from __future__ import annotations

from analysis.limits import Sampling


def frame_indices(count: int, wanted: int, sampling: Sampling) -> list[int]:
    """Choose at most ``wanted`` of ``count`` frames, rising, without repeats.

    ``published`` is the rule of GenConViT's published prediction code (Deressa et al., "Deepfake Video
    Detection Using Generative Convolutional Vision Transformer", 2023): every ``max(1, count // wanted)``-th
    frame from 0, the first ``wanted`` of them, so that the end of a clip is seen less. The others spread them
    from the first frame to the last, rounded half to even as `numpy.round` does.
    """
    if sampling is Sampling.PUBLISHED:
        return list(range(0, count, max(1, count // wanted)))[:wanted]
    if count <= wanted:
        return list(range(count))
    step = (count - 1) / max(1, wanted - 1)  # numpy's own order of operations, to the last bit
    return [round(position * step) for position in range(wanted)]
