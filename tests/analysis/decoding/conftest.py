"""One decoder for all tests that do not break it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analysis.decoding.decoder import Decoded, Decoder
from analysis.errors import MediumRefused
from analysis.limits import Limits, Sampling

# The tests' clips have their frame numbers in their pixels; the published stride makes them easy to tell.
SHARED_LIMITS = Limits(sampling=Sampling.PUBLISHED)


@pytest.fixture(scope="session")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder(SHARED_LIMITS)
    yield decoder
    decoder.close()


@pytest.fixture
def decode(decoder: Decoder, tmp_path: Path) -> Callable[[bytes], Decoded]:
    """Decode some bytes, in a file whose name says nothing true."""

    def decode(content: bytes) -> Decoded:
        path = tmp_path / "picture.txt"
        path.write_bytes(content)
        return decoder.decode(path)

    return decode


@pytest.fixture
def refusal(decoder: Decoder, tmp_path: Path) -> Iterator[Callable[[bytes | Path, Limits], MediumRefused]]:
    """Decode under limits of one's own; return the refusal."""
    decoders: list[Decoder] = []

    def refusal(content: bytes | Path, limits: Limits) -> MediumRefused:
        path = content if isinstance(content, Path) else tmp_path / "medium"
        if isinstance(content, bytes):
            path.write_bytes(content)
        mine = decoder if limits == SHARED_LIMITS else Decoder(limits)
        decoders.append(mine)
        with pytest.raises(MediumRefused) as caught:
            mine.decode(path)
        return caught.value

    yield refusal
    for used in decoders:
        if used is not decoder:
            used.close()
