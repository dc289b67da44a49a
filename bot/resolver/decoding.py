"""Undoing a content coding in bounded steps, so that no small answer becomes a large one unseen.

Answers are asked for without any coding. Some servers compress all the same, mostly because the file was
stored compressed; what any HTTP client can undo (gzip, deflate) is undone here, everything else is refused.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from bot.errors import ResolveError, ResolveFailure

STEP_BYTES = 64 * 1024
"""No more than this is decompressed before the caller may count it."""
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


def decoded(chunks: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """The body behind its content coding, in pieces of at most `STEP_BYTES` where there was one.

    Raises:
        ResolveError: UNSUPPORTED for a coding that was not asked for, NETWORK for a broken or cut-off body.
    """
    coding = coding.strip().lower()
    if coding in {"", "identity"}:
        return chunks
    if coding in {"gzip", "x-gzip", "deflate"}:
        return _inflated(chunks)
    detail = f"the server compresses its answer as {coding[:40]!r}, which was not asked for"
    raise ResolveError(ResolveFailure.UNSUPPORTED, detail)


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj(_GZIP_OR_ZLIB)
    for chunk in chunks:
        rest = chunk
        while rest:
            if stream.eof:  # a gzip file may be several, one behind the other
                stream = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                piece = stream.decompress(rest, STEP_BYTES)
            except zlib.error:
                raise ResolveError(ResolveFailure.NETWORK, "the server's compression is broken") from None
            rest = stream.unused_data if stream.eof else stream.unconsumed_tail
            if piece:
                yield piece
    if not stream.eof:
        raise ResolveError(ResolveFailure.NETWORK, "the server's compressed answer was cut off")
