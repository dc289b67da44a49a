"""Small pictures of media, made in the decoding child."""

from __future__ import annotations

import stat
import wave
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.limits import Limits
from bot.resolver import MediaStore
from bot.thumbnails import SIDE, NoThumbnail, Thumbnails


class Shelf:
    """A folder of media and their thumbnails."""

    def __init__(self, folder: Path) -> None:
        self.media = MediaStore(folder / "media")
        self.small = folder / "thumbnails"
        self.thumbnails = Thumbnails(self.small, self.media.path, Limits(max_pixels=1_000_000))

    def put(self, content: bytes) -> str:
        with self.media.temporary() as file:
            file.write_bytes(content)
            return self.media.adopt(file).sha256

    def get(self, sha256: str) -> Image.Image:
        picture = Image.open(BytesIO(self.thumbnails.get(sha256).result(30)))
        picture.load()
        return picture


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.thumbnails.close()
    shelf.media.close()


def picture(width: int, height: int, colour: str = "#c03020") -> bytes:
    content = BytesIO()
    Image.new("RGB", (width, height), colour).save(content, "PNG")
    return content.getvalue()


def clip() -> bytes:
    import av

    content = BytesIO()
    with av.open(content, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        for shade in (40, 200, 220):
            pixels = np.full((64, 128, 3), shade, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return content.getvalue()


def sound() -> bytes:
    content = BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        quiet_then_loud = np.concatenate([np.zeros(8000), 20_000 * np.sin(np.arange(8000) / 5)])
        file.writeframes(quiet_then_loud.astype("<i2").tobytes())
    return content.getvalue()


def test_a_picture_is_made_small_and_kept(shelf: Shelf) -> None:
    sha256 = shelf.put(picture(800, 400))
    small = shelf.get(sha256)
    assert (small.format, small.size) == ("WEBP", (SIDE, SIDE // 2))
    file = shelf.small / sha256 / "small.webp"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_bytes(b"kept")
    assert shelf.thumbnails.get(sha256).result(0) == b"kept"


def test_a_clip_shows_its_first_frame(shelf: Shelf) -> None:
    small = shelf.get(shelf.put(clip()))
    assert small.size == (128, 64)
    assert 20 < np.asarray(small).mean() < 60


def test_a_sound_shows_how_loud_it_is(shelf: Shelf) -> None:
    pixels = np.asarray(shelf.get(shelf.put(sound())).convert("L")).astype(float)
    quiet, loud = np.array_split(pixels, 2, axis=1)
    assert loud.mean() > 1.5 * quiet.mean()


def test_many_who_ask_at_once_get_the_same(shelf: Shelf) -> None:
    sha256 = shelf.put(picture(64, 64))
    asked = [shelf.thumbnails.get(sha256) for _ in range(20)]
    asked[0].cancel()
    assert len({future.result(30) for future in asked[1:]}) == 1


@pytest.mark.parametrize(
    "content",
    [b"%PDF-1.4 nothing", picture(64, 64)[:60], picture(1001, 1000), b"<svg/>"],
    ids=["pdf", "cut", "large", "svg"],
)
def test_what_cannot_be_decoded_has_none_and_is_not_tried_again(shelf: Shelf, content: bytes) -> None:
    sha256 = shelf.put(content)
    with pytest.raises(NoThumbnail):
        shelf.thumbnails.get(sha256).result(30)
    again = shelf.thumbnails.get(sha256)
    assert again.done()
    with pytest.raises(NoThumbnail):
        again.result()
    assert shelf.get(shelf.put(picture(8, 8))).size == (8, 8)


def test_a_deleted_medium_is_not_shown_any_more(shelf: Shelf) -> None:
    sha256 = shelf.put(picture(64, 64))
    shelf.get(sha256)
    shelf.media.remove(sha256)
    with pytest.raises(NoThumbnail, match="no longer"):
        shelf.thumbnails.get(sha256).result(0)


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "A" * 64, "0" * 63])
def test_only_digests_name_media(shelf: Shelf, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        shelf.thumbnails.get(name)


def test_too_many_at_once_are_told_so(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf.thumbnails, "_work", lambda: None)
    waiting = [shelf.thumbnails.get(shelf.put(picture(1, 1 + n))) for n in range(201)]
    assert sum(future.done() for future in waiting) == 1
    with pytest.raises(NoThumbnail, match="too many"):
        waiting[-1].result(0)
    monkeypatch.undo()
    shelf.thumbnails._thread = None


def test_the_thread_goes_when_idle_and_comes_again(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.thumbnails.IDLE_SECONDS", 0.01)
    for side in (10, 20):
        shelf.get(shelf.put(picture(side, side)))
        thread = shelf.thumbnails._thread
        if thread is not None:
            thread.join(10)
        assert shelf.thumbnails._thread is None
