"""The samples as committed: sources and hashes, the inbox's cross-references, what opens and what not."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from analysis.errors import Refusal
from bot.errors import ResolveFailure

SAMPLES = Path(__file__).parents[2] / "samples"
INBOX = SAMPLES / "inbox"
MEDIA = INBOX / "media"
BROKEN = {"damaged.jpg", "cut-short.mp4", "shopping-list.jpg", "empty.png"}
UNREACHABLE = {"post_gone", "post_hidden"}
IGNORED = {"nothing_asked", "asked_already", "own_post"}
FIELDS = {"id", "author", "created_at", "text", "language", "attachments", "links", "url"}
REFERENCES = {"parent_id", "quoted_id", "boosted_id"}

MENTIONS: list[dict[str, Any]] = [
    json.loads(line) for line in (INBOX / "mentions.jsonl").read_text("utf-8").splitlines()
]
POSTS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted((INBOX / "posts").iterdir())
}
EXPECTED: dict[str, dict[str, Any]] = json.loads((SAMPLES / "expected.json").read_text("utf-8"))


def standing_posts() -> list[dict[str, Any]]:
    return [*MENTIONS, *(post for post in POSTS.values() if "state" not in post)]


def sources() -> dict[str, list[str]]:
    rows = [
        line.strip("| ").split(" | ") for line in (SAMPLES / "SOURCES.md").read_text("utf-8").splitlines()
    ]
    return {row[0]: row[1:] for row in rows if re.fullmatch(r"[\w-]+\.\w+", row[0])}


def test_every_file_has_a_source_a_licence_and_its_hash() -> None:
    listed = sources()
    assert listed.keys() == {path.name for path in MEDIA.iterdir()}
    for name, (what, source, licence, sha256) in listed.items():
        assert what, name
        assert source, name
        assert licence.startswith(("CC0", "public domain", "made for this repository")), name
        assert sha256 == f"`{hashlib.sha256((MEDIA / name).read_bytes()).hexdigest()}`", name


def test_media_are_small_enough_to_commit() -> None:
    sizes = [path.stat().st_size for path in MEDIA.iterdir()]
    assert max(sizes) < 1_000_000
    assert sum(sizes) < 6_000_000


def test_expected_covers_every_mention_and_nothing_else() -> None:
    assert list(EXPECTED) == [mention["id"] for mention in MENTIONS]
    assert len(MENTIONS) >= 16


def test_outcomes_use_the_stable_codes() -> None:
    codes = {*Refusal, *ResolveFailure, *UNREACHABLE}
    for mention, expected in EXPECTED.items():
        kind, _, code = expected["outcome"].partition(":")
        assert (kind, code) == ("answered", "") or code in {"failure": codes, "ignored": IGNORED}[kind], (
            mention
        )
        assert "\n" not in expected["description"]
        assert ("language" in expected) == (kind != "ignored"), mention


def test_posts_have_the_fields_of_the_protocol() -> None:
    for post in standing_posts():
        assert post.keys() <= FIELDS | REFERENCES, post["id"]
        assert {"id", "author", "created_at", "text"} <= post.keys(), post["id"]
        assert datetime.fromisoformat(post["created_at"]).tzinfo is not None, post["id"]
        handle = post["author"]["handle"]
        assert handle.endswith(".example") or handle == "veritag"
    times = [datetime.fromisoformat(mention["created_at"]) for mention in MENTIONS]
    assert times == sorted(times)


def test_references_lead_to_posts_and_every_post_is_reached() -> None:
    assert all(post["id"] == name for name, post in POSTS.items())
    reached = Counter(post[key] for post in standing_posts() for key in REFERENCES & post.keys())
    assert reached.keys() == POSTS.keys()


def test_every_attached_file_is_there_and_every_file_is_attached() -> None:
    attached = {file["file"] for post in standing_posts() for file in post.get("attachments", ())}
    assert attached == {f"media/{path.name}" for path in MEDIA.iterdir()}


@pytest.mark.parametrize(
    "mention", [mention for mention in MENTIONS if "media" in EXPECTED[mention["id"]]], ids=lambda m: m["id"]
)
def test_expected_media_are_those_that_the_mention_leads_to(mention: dict[str, Any]) -> None:
    assert [file["file"] for file in nearest_attachments(mention)] == EXPECTED[mention["id"]]["media"]


def nearest_attachments(post: dict[str, Any]) -> list[dict[str, Any]]:
    """The files of the first post that has any: this one, what it boosts or quotes, then its parent."""
    if post.get("attachments"):
        return list(post["attachments"])
    for key in ("boosted_id", "quoted_id", "parent_id"):
        if key in post and (found := nearest_attachments(POSTS[post[key]])):
            return found
    return []


def test_mentions_without_expected_media_lead_to_none_or_are_ignored() -> None:
    for mention in MENTIONS:
        expected = EXPECTED[mention["id"]]
        if "media" not in expected and not expected["outcome"].startswith("ignored"):
            assert nearest_attachments(mention) == [], mention["id"]


@pytest.mark.parametrize("name", sorted(path.name for path in MEDIA.iterdir() if path.name not in BROKEN))
def test_sound_files_decode_to_their_end(name: str) -> None:
    path = MEDIA / name
    if path.suffix in {".jpg", ".webp", ".gif"}:
        with Image.open(path) as picture:
            assert getattr(picture, "n_frames", 1) == (12 if path.suffix == ".gif" else 1)
            picture.load()
    else:
        with av.open(path) as container:
            kinds = {stream.type for stream in container.streams}
            assert kinds == {".mp4": kinds | {"video"}}.get(path.suffix, {"audio"})
            assert container.duration is not None
            assert 3e6 < container.duration < 8e6
            assert sum(1 for _ in container.decode()) > 80


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_files_cannot_be_decoded(name: str) -> None:
    with pytest.raises(OSError):
        Image.open(MEDIA / name)
    # PyAV's errors are OSErrors or ValueErrors, by the kind of damage.
    with pytest.raises((OSError, ValueError)), av.open(MEDIA / name) as container:
        next(container.decode())


def test_generated_pictures_are_large_enough_to_judge() -> None:
    generated = [name for name, row in sources().items() if row[0] == "generated image"]
    assert len(generated) >= 4
    for name in generated:
        with Image.open(MEDIA / name) as picture:
            assert min(picture.size) >= 384, name


def test_the_repost_has_other_bytes_than_its_original() -> None:
    with Image.open(MEDIA / "cat.jpg") as original, Image.open(MEDIA / "cat-again.jpg") as again:
        small = [picture.convert("L").resize((16, 16)).tobytes() for picture in (original, again)]
        assert original.size != again.size
    assert max(abs(a - b) for a, b in zip(*small, strict=True)) < 12


def test_no_replies_are_committed() -> None:
    assert not (INBOX / "replies.jsonl").exists()
