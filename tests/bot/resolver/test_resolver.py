from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import ResolveFailure
from bot.platforms.base import Attachment
from bot.resolver import MediaStore, MediumRef, Resolver
from bot.resolver.fetcher import GuardedFetcher
from tests.bot.resolver.conftest import failure, reason
from tests.bot.resolver.server import PNG, Server, answer, redirect


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "store")


@pytest.fixture
def resolver(fetcher: GuardedFetcher, store: MediaStore) -> Iterator[Resolver]:
    with Resolver(fetcher, store) as resolver:
        yield resolver
    assert list((store.folder / "partial").iterdir()) == []


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A folder of media beside a file that nobody may have."""
    inbox = tmp_path / "inbox"
    (inbox / "media").mkdir(parents=True)
    (inbox / "media" / "photo 1.png").write_bytes(PNG)
    (tmp_path / "secret.png").write_bytes(PNG + b"secret")
    return inbox


def test_a_direct_link_is_known_by_its_bytes(server: Server, resolver: Resolver) -> None:
    server.handlers["/watch"] = redirect("/v/1?sig=2")
    server.handlers["/v/1"] = answer(b"\0\0\0\x18ftypisom" + bytes(100))
    resolution = resolver.resolve(server.url("/watch"))
    final = server.url("/v/1?sig=2")
    assert resolution.canonical_url == final
    assert (resolution.site, resolution.route) == ("web", "direct")
    assert resolution.media == (MediumRef(final, kind="video", mime="video/mp4", size=112),)
    assert resolver.fetch(resolution.media[0], file_root=None).mime == "video/mp4"


@pytest.mark.parametrize(
    "url", ["ftp://example.com/x.jpg", "mailto:a@b", "", "x.jpg", "file:///etc/passwd", "javascript:1"]
)
def test_what_no_site_knows_is_told_what_is_supported(resolver: Resolver, url: str) -> None:
    error = failure(lambda: resolver.resolve(url))
    assert error.reason is ResolveFailure.UNSUPPORTED
    assert "direct links to an image" in str(error)


def test_a_page_is_unsupported_and_other_reasons_stay(server: Server, resolver: Resolver) -> None:
    server.handlers["/page"] = answer(b"<html>")
    error = failure(lambda: resolver.resolve(server.url("/page?secret")))
    assert error.reason is ResolveFailure.UNSUPPORTED
    assert "a web page" in str(error)
    assert "direct links to an image" in str(error)
    assert reason(lambda: resolver.resolve(server.url("/gone.jpg"))) is ResolveFailure.GONE
    assert reason(lambda: resolver.resolve("http://127.0.0.2/x.jpg")) is ResolveFailure.BLOCKED_ADDRESS


def test_an_attachment_goes_into_the_store_once(
    server: Server, resolver: Resolver, store: MediaStore
) -> None:
    server.handlers["/a"] = server.handlers["/b"] = answer(PNG)
    first = resolver.fetch(Attachment(server.url("/a")), file_root=None)
    second = resolver.fetch(Attachment(server.url("/b"), mime="text/html"), file_root=None)
    assert first == second
    assert first.path.read_bytes() == PNG


def test_a_failure_leaves_nothing_in_the_store(server: Server, resolver: Resolver, store: MediaStore) -> None:
    server.handlers["/x"] = answer(PNG + bytes(1000), length=5000)
    assert (
        reason(lambda: resolver.fetch(Attachment(server.url("/x")), file_root=None)) is ResolveFailure.NETWORK
    )
    assert [path.name for path in store.folder.rglob("*") if path.is_file()] == ["lock"]


@pytest.mark.parametrize("form", ["file://{}", "file://localhost{}", "file:{}", "{}"])
def test_files_of_the_inbox(resolver: Resolver, inbox: Path, form: str) -> None:
    path = str(inbox / "media" / "photo 1.png")
    url = form.format(path.replace(" ", "%20") if form.startswith("file") else path)
    medium = resolver.fetch(Attachment(url), file_root=inbox)
    assert medium.path.read_bytes() == PNG
    assert medium.path.stat().st_nlink == 1
    assert (inbox / "media" / "photo 1.png").exists()


def test_relative_paths_start_at_the_root(resolver: Resolver, inbox: Path) -> None:
    assert resolver.fetch(MediumRef("media/photo 1.png"), file_root=inbox).size == len(PNG)


def test_a_root_may_itself_be_written_through_a_link(resolver: Resolver, inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(inbox)
    real = Attachment(f"file://{inbox}/media/photo%201.png")
    assert resolver.fetch(real, file_root=tmp_path / "alias").size == len(PNG)


@pytest.mark.parametrize(
    "url",
    [
        "file://{tmp}/secret.png", "{tmp}/secret.png", "../secret.png", "media/../../secret.png",
        "file://{tmp}/inbox/../secret.png", "file://{tmp}/inbox/media/%2e%2e/%2e%2e/secret.png",
        "{tmp}/inbox", "media/link.png", "file://{tmp}/inbox/media/link.png", "media/out/secret.png",
        "{tmp}/inbox-other/secret.png", "/etc/passwd", ".", "media/loop",
    ],
)  # fmt: skip
def test_ways_out_of_the_root_are_refused(resolver: Resolver, inbox: Path, tmp_path: Path, url: str) -> None:
    (inbox / "media" / "link.png").symlink_to(tmp_path / "secret.png")
    (inbox / "media" / "out").symlink_to(tmp_path)
    (inbox / "media" / "loop").symlink_to("loop")
    (tmp_path / "inbox-other").mkdir()
    (tmp_path / "inbox-other" / "secret.png").write_bytes(PNG)
    ref = Attachment(url.format(tmp=tmp_path))
    assert failure_reason_of(resolver, ref, inbox) is ResolveFailure.BLOCKED_ADDRESS


def failure_reason_of(resolver: Resolver, ref: Attachment, root: Path) -> ResolveFailure:
    with pytest.raises(Exception) as caught:  # its text may name "secret.png", so not `failure`
        resolver.fetch(ref, file_root=root)
    return caught.value.reason  # type: ignore[no-any-return, attr-defined]


def test_files_are_closed_to_posts_unless_somebody_opens_them(resolver: Resolver, inbox: Path) -> None:
    ref = Attachment(str(inbox / "media" / "photo 1.png"))
    assert reason(lambda: resolver.fetch(ref, file_root=None)) is ResolveFailure.BLOCKED_ADDRESS
    assert resolver.fetch(ref, file_root=None, any_file=True).size == len(PNG)


def test_the_users_own_files_may_be_links(resolver: Resolver, inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(inbox / "media" / "photo 1.png")
    assert (
        resolver.fetch(MediumRef(str(tmp_path / "link")), file_root=None, any_file=True).mime == "image/png"
    )


def test_what_is_no_file(resolver: Resolver, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "socket"))
    (tmp_path / "locked").write_bytes(PNG)
    (tmp_path / "locked").chmod(0)
    (tmp_path / "loop").symlink_to("loop")
    expected = {
        "missing": ResolveFailure.GONE,
        "pipe": ResolveFailure.NO_MEDIA,
        ".": ResolveFailure.NO_MEDIA,
        "socket": ResolveFailure.NO_MEDIA,
        "loop": ResolveFailure.NO_MEDIA,
        "x" * 300: ResolveFailure.NO_MEDIA,
        "locked/inside": ResolveFailure.NO_MEDIA,
    }
    if os.geteuid() != 0:
        expected["locked"] = ResolveFailure.PRIVATE
    for name, why in expected.items():
        ref = MediumRef(f"{tmp_path}/{name}")
        assert reason(lambda ref=ref: resolver.fetch(ref, file_root=None, any_file=True)) is why, name


@pytest.mark.parametrize(
    "url", ["file://server/share/x.png", "file:", "a\0b", "", "data://x", "ftp://h/x", "file://[x/y"]
)
def test_what_names_no_file(resolver: Resolver, url: str) -> None:
    ref = MediumRef(url)
    assert reason(lambda: resolver.fetch(ref, file_root=None, any_file=True)) is ResolveFailure.UNSUPPORTED


def test_files_keep_the_size_limit(resolver: Resolver, inbox: Path) -> None:
    (inbox / "large").write_bytes(bytes(200_001))
    (inbox / "fits").write_bytes(bytes(200_000))
    assert reason(lambda: resolver.fetch(MediumRef("large"), file_root=inbox)) is ResolveFailure.TOO_LARGE
    assert resolver.fetch(MediumRef("fits"), file_root=inbox).mime == "application/octet-stream"


def test_a_store_that_takes_nothing_is_a_passing_failure(
    resolver: Resolver, store: MediaStore, inbox: Path
) -> None:
    (store.folder / "partial").rmdir()
    error = failure(lambda: resolver.fetch(MediumRef("media/photo 1.png"), file_root=inbox))
    assert error.passing
    (store.folder / "partial").mkdir()


def test_importing_the_room_loads_no_http_client() -> None:
    code = (
        "import sys, bot.resolver; sys.exit(bool({'httpx', 'httpcore', 'torch', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3]).returncode == 0
