"""decord reads what it is sure of, the same frames as everything decoded, and nothing else.

It is loaded in a process of its own: beside it, some encoders that the tests make clips with do not open.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from analysis.decoding.store import FrameStore
from analysis.limits import Limits
from analysis.sniff import HEAD_BYTES, sniff
from tests.analysis.decoding.test_exact import CLIPS, all_frames, made

WANTED = [0, 7, 30, 31, 59]

pytestmark = pytest.mark.skipif(importlib.util.find_spec("decord") is None, reason="needs decord (x86-64)")


@pytest.fixture(scope="module")
def process() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        yield pool


def read(path: Path, codec: str, count: int = 60) -> tuple[bool, bytes]:
    from analysis.decoding import decord_frames

    descriptor = os.memfd_create("frames")
    try:
        store = FrameStore(descriptor)
        done = decord_frames.read(
            str(path), sniff(path.read_bytes()[:HEAD_BYTES]), codec, count, WANTED, Limits(), store
        )
        return done, os.pread(descriptor, 60 * 160 * 96 * 3, 0)
    finally:
        os.close(descriptor)


def test_vp9_with_hidden_frames(process: ProcessPoolExecutor, tmp_path: Path) -> None:
    path = made(tmp_path / "alt_ref.webm", *CLIPS["alt_ref.webm"][:2])
    done, pixels = process.submit(read, path, "vp9").result()
    everything = all_frames(path)
    assert done
    assert pixels == np.stack([everything[number] for number in WANTED]).tobytes()


def test_it_is_not_asked_where_its_count_differs(process: ProcessPoolExecutor, tmp_path: Path) -> None:
    path = made(tmp_path / "alt_ref.webm", *CLIPS["alt_ref.webm"][:2])
    assert not process.submit(read, path, "vp9", 61).result()[0]


@pytest.mark.parametrize(("name", "codec"), [("pyramid.mp4", "h264"), ("mpeg4.mp4", "mpeg4")])
def test_it_gets_no_other_codecs(name: str, codec: str, process: ProcessPoolExecutor, tmp_path: Path) -> None:
    path = made(tmp_path / name, *CLIPS[name][:2])
    assert process.submit(read, path, codec).result() == (False, b"")


def test_a_file_that_could_be_mistaken_is_not_for_it(process: ProcessPoolExecutor, tmp_path: Path) -> None:
    path = made(tmp_path / "alt_ref.webm", *CLIPS["alt_ref.webm"][:2])
    damaged = tmp_path / "nameless.webm"
    damaged.write_bytes(path.read_bytes().replace(b"webm", b"wwww", 1))
    assert not process.submit(read, damaged, "vp9").result()[0]
