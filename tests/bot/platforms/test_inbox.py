"""What the inbox does beyond the contract: a file that others write, and records that are wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.errors import ConfigError, PlatformUnavailable, PostGone
from bot.platforms.access import Access
from bot.platforms.inbox import InboxPlatform, create
from bot.platforms.jsonl import LONGEST_LINE
from tests.bot.platforms.contract import ids
from tests.bot.platforms.inbox_world import InboxWorld


@pytest.fixture
def world(tmp_path: Path) -> InboxWorld:
    return InboxWorld(tmp_path / "inbox")


def line(record: dict[str, Any]) -> bytes:
    return (json.dumps(record) + "\n").encode()


def test_a_line_still_being_written_waits(world: InboxWorld) -> None:
    platform = world.connect()
    first = world.mention()
    raw = line(world.record("second"))
    world.append(raw[:-7])
    page = platform.mentions(platform.cursor_at_start())
    assert (ids(page.mentions), page.more) == ([first], False)
    assert platform.mentions(page.cursor).cursor == page.cursor
    assert platform.cursor_at_now() == page.cursor
    world.append(raw[-7:])
    assert ids(platform.mentions(page.cursor).mentions) == ["post-2"]


def test_a_full_page_says_more_only_where_a_whole_line_waits(world: InboxWorld) -> None:
    platform = world.connect(page_size=1)
    world.mention()
    world.append(line(world.record())[:-1])
    assert not platform.mentions("0:0").more
    world.append(b"\n")
    assert platform.mentions("0:0").more


BAD_LINES = {
    b"{not json": "not JSON",
    b"[1, 2]": "not a JSON object",
    b'{"id": "x"}': "author: Field required",
    b'{"id": 7, "author": {"id": "a", "handle": "a"}, "created_at": "2026-03-02T10:00:00Z"}': "id: ",
    b'{"id": "../x", "author": {"id": "a", "handle": "a"}, "created_at": "2026-03-02T10:00:00Z"}': "id: ",
    b'{"id": "x", "author": {"id": "a", "handle": "a"}, "created_at": "2026-03-02T10:00:00"}': "created_at: ",
    b'{"id": "x", "text": "\\ud800"}': "not JSON",
    b"\xff\xfe\x00": "not JSON",
    b"[" * 5000: "not JSON",
}


@pytest.mark.parametrize(("raw", "cause"), BAD_LINES.items())
def test_a_malformed_line_is_named_and_passed_over(world: InboxWorld, raw: bytes, cause: str) -> None:
    platform = world.connect()
    first = world.mention()
    world.append(raw + b"\n")
    behind = world.mention()
    with capture_logs() as logs:
        page = platform.mentions("0:0")
    assert ids(page.mentions) == [first, behind]
    (entry,) = logs
    assert (entry["log_level"], entry["line"]) == ("warning", 2)
    assert cause in entry["cause"]
    assert platform.fetch_post(behind).id == behind


def test_line_numbers_go_on_across_pages(world: InboxWorld) -> None:
    platform = world.connect(page_size=2)
    for _ in range(3):
        world.mention()
    world.append(b"rubbish\n")
    cursor = platform.mentions("0:0").cursor
    with capture_logs() as logs:
        platform.mentions(cursor)
    assert [entry["line"] for entry in logs] == [4]


def test_a_line_without_end_is_passed_over_in_bounded_memory(world: InboxWorld) -> None:
    platform = world.connect()
    world.append(b"x" * (3 * LONGEST_LINE + 5) + b"\n")
    behind = world.mention()
    with capture_logs() as logs:
        assert ids(platform.mentions("0:0").mentions) == [behind]
    assert "longer than" in logs[0]["cause"]
    assert platform.fetch_post(behind).id == behind


def test_blank_lines_are_nothing(world: InboxWorld) -> None:
    platform = world.connect()
    world.append(b"\n  \r\n")
    made = world.mention()
    with capture_logs() as logs:
        assert ids(platform.mentions("0:0").mentions) == [made]
    assert logs == []


@pytest.mark.parametrize("cursor", ["999999:3", "5:1", "rubbish", "", "-1:0", "9" * 40 + ":1", "٣:١"])
def test_a_cursor_that_no_longer_fits_starts_again(world: InboxWorld, cursor: str) -> None:
    made = world.mention()
    assert ids(world.connect().mentions(cursor).mentions) == [made]


def test_a_page_reads_a_page_and_not_the_file(world: InboxWorld) -> None:
    platform = world.connect(page_size=5)
    world.append(b"".join(line(world.record("x" * 1000)) for _ in range(2000)))
    size = (world.folder / "mentions.jsonl").stat().st_size
    near_the_end = platform.mentions("0:0").cursor
    before = _bytes_read()
    platform.mentions(near_the_end)
    assert _bytes_read() - before < size / 20


def _bytes_read() -> int:
    return int(Path("/proc/self/io").read_text("ascii").split("rchar: ")[1].split()[0])


# Mentions by id


def test_mentions_are_found_by_id_as_they_come(world: InboxWorld) -> None:
    platform = world.connect()
    first = world.mention("first")
    assert platform.fetch_post(first).text == "first"
    second = world.mention("second")
    assert platform.fetch_post(second).text == "second"
    assert platform.fetch_post(first).text == "first"


def test_a_later_line_of_the_same_id_counts(world: InboxWorld) -> None:
    record = world.record("before")
    world.append(line(record) + line({**record, "text": "after"}))
    assert world.connect().fetch_post(record["id"]).text == "after"


def test_a_rewritten_file_is_indexed_anew(world: InboxWorld) -> None:
    platform = world.connect()
    old = [world.mention() for _ in range(3)]
    assert platform.fetch_post(old[0]).id == old[0]
    (world.folder / "mentions.jsonl").write_bytes(b"")
    new = world.mention()
    assert platform.fetch_post(new).id == new
    with pytest.raises(PostGone):
        platform.fetch_post(old[0])


# Posts


@pytest.mark.parametrize(
    "post_id", ["../account", "a/b", "a\\b", ".hidden", "", "x" * 300, "a\x00b", "..", "a\n"]
)
def test_an_id_is_never_a_path(world: InboxWorld, post_id: str) -> None:
    with pytest.raises(PostGone):
        world.connect().fetch_post(post_id)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"state": "lost"}', b'{"id": "x"}', b"\xff"])
def test_a_broken_post_file_may_be_mended(world: InboxWorld, raw: bytes) -> None:
    (world.folder / "posts" / "x.json").write_bytes(raw)
    with pytest.raises(PlatformUnavailable, match=r"x\.json is no post"):
        world.connect().fetch_post("x")


def test_a_post_file_of_another_post_is_refused(world: InboxWorld) -> None:
    world.write_post("other", world.record())
    with pytest.raises(PlatformUnavailable, match="holds another post"):
        world.connect().fetch_post("other")


def test_links_are_found_in_the_text_unless_given(world: InboxWorld) -> None:
    record = world.record("see https://a.example/x, (https://b.example/y). https://a.example/x")
    world.write_post(record["id"], record)
    platform = world.connect()
    assert platform.fetch_post(record["id"]).links == ("https://a.example/x", "https://b.example/y")
    world.write_post(record["id"], {**record, "links": ["https://c.example/"]})
    assert platform.fetch_post(record["id"]).links == ("https://c.example/",)


# Attachments


def attached(world: InboxWorld, **attachment: str) -> tuple[str, ...]:
    record = world.record()
    record["attachments"] = [attachment, {"url": "https://media.example/kept.png"}]
    world.write_post(record["id"], record)
    urls = [each.url for each in world.connect().fetch_post(record["id"]).attachments]
    assert urls.pop() == "https://media.example/kept.png"
    return tuple(urls)


def test_attached_files_become_absolute_urls(world: InboxWorld) -> None:
    (url,) = attached(world, file="media/a b#1.png", mime="image/png", alt_text="a cat")
    assert url == (world.folder.resolve() / "media" / "a b#1.png").as_uri()


@pytest.mark.parametrize("file", ["../outside.png", "/etc/passwd", "media/../../outside.png", "a\x00b"])
def test_attached_files_never_leave_the_inbox(world: InboxWorld, file: str) -> None:
    with capture_logs() as logs:
        assert attached(world, file=file) == ()
    assert logs[0]["event"] == "attachment refused"


def test_a_link_out_of_the_inbox_is_refused(world: InboxWorld, tmp_path: Path) -> None:
    (tmp_path / "outside.png").write_bytes(b"secret")
    (world.folder / "inside.png").symlink_to(tmp_path / "outside.png")
    (world.folder / "media").symlink_to(tmp_path)
    assert attached(world, file="inside.png") == ()
    assert attached(world, file="media/outside.png") == ()


def test_an_attachment_names_something(world: InboxWorld) -> None:
    with capture_logs() as logs:
        assert attached(world, mime="image/png") == ()
    assert "names neither a file nor a url" in logs[0]["cause"]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "data:,x", "ftp://a.example/x"])
def test_attached_urls_are_of_the_web(world: InboxWorld, url: str) -> None:
    with pytest.raises(PlatformUnavailable, match=r"attachments\.0\.url"):
        attached(world, url=url)


# Opening


def test_a_folder_that_is_no_inbox_is_named(tmp_path: Path, access: Access) -> None:
    with pytest.raises(ConfigError, match=r"inbox\.folder is not set"):
        create(access, folder=None)
    with pytest.raises(ConfigError, match=r"inbox\.folder: .*missing is not a folder"):
        create(access, folder=tmp_path / "missing")
    with pytest.raises(ConfigError, match=r"inbox\.folder: cannot read .*account\.json"):
        create(access, folder=tmp_path)
    (tmp_path / "account.json").write_text('{"id": "1"}', "utf-8")
    with pytest.raises(ConfigError, match=r"account\.json: handle: Field required"):
        create(access, folder=tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_may_be_mended(world: InboxWorld) -> None:
    world.mention()
    (world.folder / "mentions.jsonl").chmod(0)
    with pytest.raises(PlatformUnavailable, match="Permission denied"):
        world.connect().mentions("0:0")


def test_a_folder_in_the_file_s_place_may_be_mended(world: InboxWorld) -> None:
    (world.folder / "mentions.jsonl").mkdir()
    platform = InboxPlatform(world.folder)
    with pytest.raises(PlatformUnavailable, match="Is a directory"):
        platform.mentions("0:0")
    with pytest.raises(PlatformUnavailable, match="Is a directory"):
        platform.fetch_post("post-1")
