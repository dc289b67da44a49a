"""Pictures and sound that came as two files."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from bot.errors import ResolveError, ResolveFailure
from bot.resolver import MediaStore, MediumRef, Resolver
from bot.resolver.fetcher import GuardedFetcher
from bot.resolver.merging import MergeFailed, merge
from tests.bot.resolver.conftest import MakeFetcher, reason
from tests.bot.resolver.making import silent_video, sound
from tests.bot.resolver.server import Server, answer


def tracks(path: Path) -> dict[str, float]:
    """The kinds of tracks in a file, each with how many packets it really has."""
    with av.open(path) as opened:
        found = {stream.type: 0.0 for stream in opened.streams}
        for packet in opened.demux():
            found[packet.stream.type] += packet.size > 0
    return found


@pytest.mark.parametrize(
    ("pictures", "tone", "container"),
    [
        (("mpeg4", "mp4"), ("aac", "mp4"), b"ftyp"),
        (("mpeg4", "mp4"), ("aac", "adts"), b"ftyp"),
        (("libvpx", "webm"), ("libopus", "webm"), b"\x1aE\xdf\xa3"),
    ],
)
def test_both_tracks_end_in_one_file(
    tmp_path: Path, pictures: tuple[str, str], tone: tuple[str, str], container: bytes
) -> None:
    (tmp_path / "p").write_bytes(silent_video(*pictures))
    (tmp_path / "s").write_bytes(sound(*tone))
    merge(tmp_path / "p", tmp_path / "s", tmp_path / "joined", max_bytes=1_000_000)
    joined = tmp_path / "joined"
    assert container in joined.read_bytes()[:8]
    found = tracks(joined)
    assert found["video"] == 12
    assert found["audio"] > 40
    assert joined.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("broken", ["pictures", "sound", "swapped", "playlist", "too large", "cut"])
def test_what_cannot_be_joined_leaves_nothing(tmp_path: Path, broken: str) -> None:
    pictures, tone = silent_video(), sound()
    if broken == "swapped":
        pictures, tone = tone, pictures
    (tmp_path / "p").write_bytes(b"\0\0\0\x18ftypisom" + bytes(900) if broken == "pictures" else pictures)
    (tmp_path / "s").write_bytes(
        {"sound": b"ID3" + bytes(900), "playlist": b"#EXTM3U\n/etc/passwd", "cut": tone[:60]}.get(
            broken, tone
        )
    )
    with pytest.raises(MergeFailed):
        merge(
            tmp_path / "p",
            tmp_path / "s",
            tmp_path / "joined",
            max_bytes=500 if broken == "too large" else 10**6,
        )
    assert not (tmp_path / "joined").exists()


@pytest.fixture
def resolver(make_fetcher: MakeFetcher, tmp_path: Path) -> Resolver:
    return Resolver(make_fetcher(), MediaStore(tmp_path / "store"))


def test_a_video_is_stored_with_the_sound_that_came_apart(server: Server, resolver: Resolver) -> None:
    server.handlers["/v"] = answer(silent_video())
    server.handlers["/a"] = answer(sound())
    apart = MediumRef(server.url("/v"), audio=MediumRef(server.url("/a")))
    stored = resolver.fetch(apart, file_root=None)
    assert set(tracks(stored.path)) == {"video", "audio"}
    assert stored.mime == "video/mp4"
    assert stored == resolver.fetch(apart, file_root=None)


def test_pictures_are_kept_where_the_sound_is_missing_or_broken(server: Server, resolver: Resolver) -> None:
    server.handlers["/v"] = answer(silent_video())
    server.handlers["/broken"] = answer(b"ID3" + bytes(500))
    for name in ("/missing", "/broken"):
        apart = MediumRef(server.url("/v"), audio=MediumRef(server.url(name)))
        assert set(tracks(resolver.fetch(apart, file_root=None).path)) == {"video"}
    server.handlers["/down"] = answer(status=503)
    apart = MediumRef(server.url("/v"), audio=MediumRef(server.url("/down")))
    assert reason(lambda: resolver.fetch(apart, file_root=None)) is ResolveFailure.NETWORK


def test_what_is_too_long_by_its_own_site_is_not_fetched(
    server: Server, make_fetcher: MakeFetcher, tmp_path: Path
) -> None:
    resolver = Resolver(make_fetcher(max_duration=60.0), MediaStore(tmp_path / "store"))
    with pytest.raises(ResolveError, match="61 s"):
        resolver.fetch(MediumRef(server.url("/v"), duration=61.0), file_root=None)
    assert server.requests == []
    assert isinstance(make_fetcher(), GuardedFetcher)
