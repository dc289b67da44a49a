"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes

import psutil
import pytest

from analysis.memory import Heap


def test_it_trims_every_so_often() -> None:
    heap = Heap(every=3)
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("this C library has no malloc_trim")
    assert [heap.used(1) for _ in range(7)] == [False, False, True, False, False, True, False]
    assert heap.used(5)


def test_freed_memory_goes_back() -> None:
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "malloc_trim"):
        pytest.skip("this C library has no malloc_trim")
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    own = psutil.Process()
    # Blocks below the size that is mapped alone, and one above them that keeps the heap's top from shrinking.
    blocks = [libc.malloc(100_000) for _ in range(1000)]
    for block in blocks:
        ctypes.memset(block, 1, 100_000)
    last = libc.malloc(64)
    held = own.memory_info().rss
    for block in blocks:
        libc.free(block)
    assert Heap(every=1).used(1)
    # Where the library happened to take the last one from elsewhere, it has shrunk the heap by itself.
    assert held - own.memory_info().rss > 50_000_000
    libc.free(last)
