"""yt-dlp in its child process, against loopback servers; and what its words mean."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bot.errors import ResolveError, ResolveFailure
from bot.resolver import MediaStore, Resolver, Router
from bot.resolver.base import MediumRef
from bot.resolver.extracted import resolution_of
from bot.resolver.fetcher import GuardedFetcher
from bot.resolver.sites.table import YT_DLP, SiteRecord
from bot.resolver.ytdlp import runner
from bot.resolver.ytdlp.faults import meaning
from bot.resolver.ytdlp.runner import YtDlp
from tests.bot.resolver.conftest import MakeFetcher, failure, reason
from tests.bot.resolver.making import silent_video, sound
from tests.bot.resolver.server import Server, answer, trickle

MP4 = b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(3000)
HTML = ("Content-Type: text/html",)


def page(source: str) -> bytes:
    return f'<html><head><title>t</title></head><body><video src="{source}"></video></body></html>'.encode()


_before: set[psutil.Process] = set()


@pytest.fixture(autouse=True)
def _others() -> None:
    """Remember the processes that were there before the test: they are not its own."""
    _before.clear()
    _before.update(psutil.Process().children())


def children() -> list[psutil.Process]:
    """The processes that the test has started and that are still there."""
    return [child for child in psutil.Process().children() if child not in _before]


@pytest.fixture
def extractor(make_fetcher: MakeFetcher) -> Iterator[YtDlp]:
    extractor = YtDlp(make_fetcher(total_seconds=20.0, read_seconds=5.0).gate)
    yield extractor
    extractor.close()
    assert children() == []


def ours(fetcher: GuardedFetcher, store: MediaStore, extractor: YtDlp) -> Resolver:
    class Anything:
        def __init__(self) -> None:
            self.routes: dict[str, object] = {}

        def matches(self, place: object) -> bool:
            return True

    records = [SiteRecord("any", "anything", (YT_DLP,))]
    router = Router(fetcher, extractor=extractor, records=records, load=lambda name: Anything())  # type: ignore[arg-type, return-value]
    return Resolver(fetcher, store, router)


def test_a_page_is_read_and_its_video_stored(
    server: Server, fetcher: GuardedFetcher, extractor: YtDlp, tmp_path: Path
) -> None:
    server.handlers["/page"] = answer(page("/v.mp4"), headers=HTML)
    server.handlers["/v.mp4"] = answer(MP4, headers=("Content-Type: video/mp4",))
    resolver = ours(fetcher, MediaStore(tmp_path / "store"), extractor)
    found = resolver.resolve(server.url("/page"))
    assert (found.site, found.route) == ("any", "yt_dlp")
    stored = resolver.fetch(found.media[0], file_root=None)
    assert stored.path.read_bytes() == MP4
    assert list((tmp_path / "store" / "partial").iterdir()) == []
    assert stored.path.stat().st_mode & 0o777 == 0o600


def test_sound_that_comes_apart_is_joined(
    server: Server, fetcher: GuardedFetcher, extractor: YtDlp, tmp_path: Path
) -> None:
    server.handlers["/list.mpd"] = answer(MPD.encode(), headers=("Content-Type: application/dash+xml",))
    server.handlers["/v.mp4"] = answer(silent_video())
    server.handlers["/a.m4a"] = answer(sound())
    resolver = ours(fetcher, MediaStore(tmp_path / "store"), extractor)
    (medium,) = resolver.resolve(server.url("/list.mpd")).media
    assert (medium.width, medium.height) == (64, 48)
    assert medium.audio is not None
    assert medium.audio.kind == "audio"
    stored = resolver.fetch(medium, file_root=None)
    import av

    with av.open(stored.path) as opened:
        assert {stream.type for stream in opened.streams} == {"video", "audio"}


MPD = """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
 mediaPresentationDuration="PT1S"><Period>
<AdaptationSet contentType="video" mimeType="video/mp4"><Representation id="v" codecs="mp4v.20.9" width="64"
 height="48" bandwidth="9000"><BaseURL>v.mp4</BaseURL></Representation></AdaptationSet>
<AdaptationSet contentType="audio" mimeType="audio/mp4"><Representation id="a" codecs="mp4a.40.2"
 bandwidth="8000"><BaseURL>a.m4a</BaseURL></Representation></AdaptationSet></Period></MPD>"""


def test_addresses_that_are_not_public_are_refused_inside_too(server: Server, extractor: YtDlp) -> None:
    inside = Server(address="127.0.0.2")
    server.handlers["/page"] = answer(b"", status=302, headers=(f"Location: {inside.url('/v.mp4')}",))
    try:
        for url in (server.url("/page"), f"http://2130706434:{server.port}/"):
            assert reason(lambda url=url: extractor.extract(url)) is ResolveFailure.BLOCKED_ADDRESS
        assert inside.connections == 0
    finally:
        inside.stop()


def test_files_of_this_machine_are_not_read(server: Server, extractor: YtDlp, tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(MP4)
    server.handlers["/page"] = answer(page(f"file://{tmp_path}/x.mp4"), headers=HTML)
    info = extractor.extract(server.url("/page"))
    assert reason(lambda: resolution_of(server.url("/page"), info, 10**6)) is ResolveFailure.NO_MEDIA
    (tmp_path / "out").mkdir()
    failure(lambda: extractor.download(server.url("/page"), "0:0", tmp_path / "out"))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (answer(status=404), ResolveFailure.GONE),
        (answer(status=403), ResolveFailure.PRIVATE),
        (answer(status=429), ResolveFailure.RATE_LIMITED),
        (answer(b"<html><p>nothing here</p></html>", headers=HTML), ResolveFailure.UNSUPPORTED),
    ],
)
def test_errors_have_their_reason(
    server: Server, extractor: YtDlp, handler: object, expected: ResolveFailure
) -> None:
    server.handlers["/x"] = handler  # type: ignore[assignment]
    error = failure(lambda: extractor.extract(server.url("/x?secret=1")))
    assert error.reason is expected


def test_what_is_too_large_is_given_up(server: Server, make_fetcher: MakeFetcher, tmp_path: Path) -> None:
    def endless(request: object, send: object) -> None:
        send(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n" + MP4)  # type: ignore[operator]
        for _ in range(2000):
            send(bytes(20_000))  # type: ignore[operator]

    server.handlers["/v.mp4"] = endless
    progress: list[int] = []
    extractor = YtDlp(
        make_fetcher(total_seconds=20.0).gate, on_progress=lambda url, count: progress.append(count)
    )
    assert (
        reason(lambda: extractor.download(server.url("/v.mp4"), "0:mp4", tmp_path))
        is ResolveFailure.TOO_LARGE
    )
    server.handlers["/v.mp4"] = answer(MP4, length=10**9, headers=("Content-Type: video/mp4",))
    assert (
        reason(lambda: extractor.download(server.url("/v.mp4"), "0:mp4", tmp_path))
        is ResolveFailure.TOO_LARGE
    )
    assert progress
    assert max(progress) <= 200_000


def test_a_page_that_never_ends_is_cut_by_the_clock(server: Server, make_fetcher: MakeFetcher) -> None:
    server.handlers["/x"] = trickle(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", seconds=20.0)
    extractor = YtDlp(make_fetcher().gate, extract_seconds=3.0)
    began = time.monotonic()
    error = failure(lambda: extractor.extract(server.url("/x")))
    assert error.reason is ResolveFailure.NETWORK
    assert time.monotonic() - began < 6
    assert children() == []


def test_closing_ends_what_is_running(server: Server, make_fetcher: MakeFetcher) -> None:
    server.handlers["/x"] = lambda request, send: time.sleep(3)
    extractor = YtDlp(make_fetcher(total_seconds=60.0, read_seconds=60.0).gate)
    caught: list[ResolveError] = []
    thread = threading.Thread(
        target=lambda: caught.append(failure(lambda: extractor.extract(server.url("/x"))))
    )
    thread.start()
    while not server.busy:
        time.sleep(0.02)
    extractor.close()
    thread.join(5)
    assert [error.reason for error in caught] == [ResolveFailure.NETWORK]
    assert reason(lambda: extractor.extract(server.url("/x"))) is ResolveFailure.NETWORK


PROBE = """
import json, os, socket, subprocess, sys
sys.argv = ["x"]
from bot.resolver.ytdlp import child
def tried(what):
    try:
        what()
    except (OSError, RuntimeError) as error:
        return type(error).__name__
    return "done"
sys.addaudithook(child._only_the_proxy(1))
print(json.dumps({
    "run": tried(lambda: subprocess.run(["/bin/true"])),
    "system": tried(lambda: os.system("true")),
    "fork": tried(os.fork),
    "other port": tried(lambda: socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), 2)),
    "name": tried(lambda: socket.getaddrinfo("localhost", 80)),
    "unix": tried(lambda: socket.socket(socket.AF_UNIX).connect("/run/x")),
}))
"""


def test_where_the_kernel_gives_no_namespace_the_hook_holds(server: Server) -> None:
    environment = {"PORT": str(server.port), "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True
    )
    import json

    assert set(json.loads(done.stdout).values()) == {"PermissionError"}
    assert server.connections == 0


WITHOUT_NAMESPACE = """
import sys
from analysis.decoding import sandbox
sandbox.isolate_network = lambda: False
from bot.resolver.ytdlp.child import main
main(sys.argv[1:])
"""


def test_without_a_namespace_all_goes_through_the_proxy_too(
    server: Server, extractor: YtDlp, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = subprocess.Popen

    def changed(command: list[str], **more: object) -> object:
        assert command[2:4] == ["-m", "bot.resolver.ytdlp.child"]
        return start([*command[:2], "-c", WITHOUT_NAMESPACE, *command[4:]], **more)  # type: ignore[call-overload]

    monkeypatch.setattr(runner.subprocess, "Popen", changed)
    server.handlers["/v.mp4"] = answer(MP4, headers=("Content-Type: video/mp4",))
    assert extractor.extract(server.url("/v.mp4"))["ext"] == "mp4"
    (request,) = {request.headers["host"] for request in server.requests}
    assert request == f"127.0.0.1:{server.port}"
    server.handlers["/in"] = answer(b"", status=302, headers=("Location: http://127.0.0.2:1/",))
    failure(lambda: extractor.extract(server.url("/in")))


def test_the_child_has_no_environment_and_its_folder_only(
    server: Server, extractor: YtDlp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERITAG_SECRET", "hunter2")
    seen: list[dict[str, str]] = []

    def look(request: object, send: object) -> None:
        (child,) = children()
        seen.append(child.environ())
        seen.append({"folder": child.cwd(), "files": str(child.num_fds())})
        answer(status=404)(request, send)  # type: ignore[arg-type]

    server.handlers["/x"] = look
    failure(lambda: extractor.extract(server.url("/x")))
    assert "hunter2" not in str(seen)
    assert "VERITAG_SECRET" not in seen[0]
    assert "veritag-yt-dlp-" in seen[1]["folder"]
    assert not Path(seen[1]["folder"]).exists()


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        ("ExtractorError", "This video is private", "private"),
        ("ExtractorError", "Sign in to confirm your age. This video may be inappropriate", "age_gated"),
        ("ExtractorError", "Sign in to confirm you're not a bot", "login_needed"),
        ("ExtractorError", "Video unavailable. This video has been removed by the uploader", "gone"),
        ("GeoRestrictedError", "This video is not available from your location", "region"),
        ("UnsupportedError", "Unsupported URL: https://a.example/", "unsupported_site"),
        ("ExtractorError", "This live event will begin in 3 hours.", "live_stream"),
        ("HTTPError", "HTTP Error 429: Too Many Requests", "rate_limited"),
        ("HTTPError", "HTTP Error 503: Service Unavailable", "network"),
        ("ExtractorError", "No video formats found!", "no_media"),
        ("ExtractorError", "There is no video in this post", "no_media"),
        ("TransportError", "The read operation timed out", "network"),
        ("OverflowError", "larger than 5 bytes", "too_large"),
        ("ExtractorError", "This video is DRM protected", "unsupported_site"),
        ("RegexNotFoundError", "Unable to extract title", "site_changed"),
    ],
)
def test_what_its_words_mean(kind: str, message: str, expected: str) -> None:
    assert meaning(kind, message, expected=True) == expected
    assert meaning("KeyError", "'data'", expected=False) is ResolveFailure.SITE_CHANGED


FORMATS = [
    {"format_id": "hls", "ext": "mp4", "protocol": "m3u8_native", "vcodec": "avc1", "acodec": "mp4a",
     "tbr": 500},
    {"format_id": "v720", "ext": "mp4", "vcodec": "avc1", "acodec": "none", "width": 1280, "height": 720,
     "tbr": 900},
    {"format_id": "v2160", "ext": "webm", "vcodec": "vp9", "acodec": "none", "width": 3840, "height": 2160,
     "tbr": 9000},
    {"format_id": "a1", "ext": "m4a", "vcodec": "none", "acodec": "mp4a", "abr": 64},
    {"format_id": "a2", "ext": "webm", "vcodec": "none", "acodec": "opus", "abr": 128},
    {"format_id": "drm", "ext": "mp4", "vcodec": "avc1", "acodec": "mp4a", "width": 9000, "height": 9000,
     "has_drm": True},
]  # fmt: skip


def described(max_bytes: int = 10**8, **more: object) -> MediumRef:
    info = {"formats": FORMATS, "duration": 20.0, "uploader_id": "@ann", "timestamp": 1.7e9, **more}
    found = resolution_of("https://v.example/1", info, max_bytes)
    assert (found.author, found.posted_at is not None) == ("ann", True)
    return found.media[0]


def test_the_best_formats_within_the_limit_are_taken_with_their_sound() -> None:
    best = described()
    assert best.download is not None
    assert best.download.selection == "0:v2160,a2"
    assert (best.width, best.bit_rate, best.audio is not None) == (3840, 9_000_000, True)
    smaller = described(max_bytes=3_000_000)
    assert smaller.download is not None
    assert smaller.download.selection == "0:v720,a2"
    assert reason(lambda: described(max_bytes=100)) is ResolveFailure.TOO_LARGE


@pytest.mark.parametrize(
    ("info", "why"),
    [
        ({"live_status": "is_live"}, "live_stream"), ({"is_live": True}, "live_stream"), ({}, "no_media"),
        ({"formats": []}, "no_media"), ({"formats": [FORMATS[-1]]}, "no_media"),
        ({"_type": "playlist", "entries": []}, "no_media"), ({"formats": [{"format_id": 3}]}, "no_media"),
        ({"_type": "playlist", "entries": None}, "no_media"),
    ],
)  # fmt: skip
def test_descriptions_without_a_file(info: dict[str, object], why: str) -> None:
    assert reason(lambda: resolution_of("https://v.example/1", info, 10**8)) == why


def test_each_medium_of_a_list_has_a_name_of_its_own() -> None:
    entry = {"formats": FORMATS[:1]}
    found = resolution_of(
        "https://v.example/1", {"_type": "playlist", "entries": [entry, None, entry]}, 10**8
    )
    assert [each.url for each in found.media] == ["https://v.example/1#1", "https://v.example/1#3"]
    assert [each.download.selection for each in found.media if each.download] == ["1:hls", "3:hls"]
