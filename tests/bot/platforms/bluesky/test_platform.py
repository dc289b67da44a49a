"""What is Bluesky's own: embeds, facets, sessions, records and their keys."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

from bot.errors import (
    CredentialsRefused,
    PlatformError,
    PlatformUnavailable,
    PostGone,
    RateLimited,
    ReplyRefused,
)
from bot.platforms.access import Access
from bot.platforms.base import Draft, Pushing
from bot.platforms.gate import Gate
from bot.platforms.registry import create_platform
from bot.standins.faults import Fault, FaultKind
from tests.bot.platforms.bluesky.conftest import Served
from tests.bot.platforms.bluesky.world import BlueskyWorld, Person
from tests.bot.platforms.contract import connected, draft, pages
from tests.bot.world import png

MENTION = "app.bsky.richtext.facet#mention"


# Posts


def test_pictures_are_named_where_their_originals_are(world: BlueskyWorld) -> None:
    images = [world.ann.upload(png(n), "image/png") for n in (901, 902)]
    embed = {
        "$type": "app.bsky.embed.images",
        "images": [{"image": image, "alt": alt} for image, alt in zip(images, ("a cat", ""), strict=True)],
    }
    made = world.post("look", embed=embed)
    with connected(world) as platform:
        first, second = platform.fetch_post(made).attachments
    assert (first.mime, first.alt_text, second.alt_text) == ("image/png", "a cat", None)
    assert first.url.startswith(f"{world.url}/xrpc/com.atproto.sync.getBlob?did=did%3Aplc%3A")
    assert httpx.get(first.url).content == png(901)


def test_a_video_and_what_stands_beside_a_quotation_are_media(world: BlueskyWorld) -> None:
    video = {
        "$type": "app.bsky.embed.video",
        "video": world.ann.upload(b"moving", "video/mp4"),
        "alt": "waves",
    }
    moving = world.post(embed=video)
    both = world.post("see", quoted_id=moving, pictures=2)
    with connected(world) as platform:
        (attachment,) = platform.fetch_post(moving).attachments
        quoting = platform.fetch_post(both)
    assert (attachment.mime, attachment.alt_text) == ("video/mp4", "waves")
    assert httpx.get(attachment.url).content == b"moving"
    assert (len(quoting.attachments), quoting.quoted_id) == (2, moving)


def test_links_are_had_in_full(world: BlueskyWorld) -> None:
    shown, whole = "example.com/a...", "https://example.com/a/long/path"
    facet = {
        "index": {"byteStart": 0, "byteEnd": len(shown)},
        "features": [{"$type": "app.bsky.richtext.facet#link", "uri": whole}],
    }
    card = {
        "$type": "app.bsky.embed.external",
        "external": {"uri": "https://card.example/", "title": "", "description": ""},
    }
    made = world.post(shown, facets=[facet], embed=card)
    bare = world.post("see https://bare.example/x.")
    with connected(world) as platform:
        assert platform.fetch_post(made).links == (whole, "https://card.example/")
        assert platform.fetch_post(bare).links == ("https://bare.example/x",)


def test_an_account_that_calls_itself_a_bot_is_one(world: BlueskyWorld, served: Served) -> None:
    served.standin.network.accounts[world.ann.did].labels.append("bot")
    made = world.mention("beep")
    with connected(world) as platform:
        assert platform.fetch_post(made).author.is_bot
        assert (
            platform.fetch_post(made).url == f"https://bsky.app/profile/{world.ann.handle}/post/{made[-13:]}"
        )


def test_only_a_facet_is_a_mention(world: BlueskyWorld) -> None:
    made = world.mention("what is this?")
    with connected(world) as platform:
        own = platform.reply(draft(made)).id
        world.refs[own] = {
            **world.bot.ask(
                "com.atproto.repo.getRecord",
                repo=world.bot.did,
                collection="app.bsky.feed.post",
                rkey=own[-13:],
            ),
            "root": world.refs[made],
        }
        world.post("thank you", parent_id=own)
        world.post("look what it says", quoted_id=own)
        asked = world.mention("and this?", parent_id=own)
        found = [post.id for page in pages(platform, platform.cursor_at_start()) for post in page.mentions]
    assert sorted(found) == sorted([made, asked])


@pytest.mark.parametrize("page_size", [1, 2, 5])
def test_a_start_at_now_skips_more_than_it_reads(world: BlueskyWorld, page_size: int) -> None:
    for number in range(25):
        world.mention(str(number))
    with connected(world, page_size) as platform:
        cursor = platform.cursor_at_now()
        new = world.mention("new")
        found = [post.id for page in pages(platform, cursor) for post in page.mentions]
    assert found == [new]


def test_a_post_from_a_server_that_cannot_be_found_still_names_its_media(
    world: BlueskyWorld, served: Served
) -> None:
    made = world.post(pictures=1)
    with connected(world) as platform:
        with pytest.raises(PlatformUnavailable):
            world.connect(plc_url="http://127.0.0.1:9").fetch_post(made)
        served.standin.network.accounts[world.ann.did].handle = "handle.invalid"
        (attachment,) = platform.fetch_post(made).attachments
    assert attachment.url.startswith(world.url)


@pytest.mark.parametrize(
    "name", ["", "3kabc", "https://bsky.app/profile/a/post/b", "at://did:plc:abc/app.bsky.feed.like/3k"]
)
def test_what_is_no_post_is_gone(world: BlueskyWorld, name: str) -> None:
    with connected(world) as platform, pytest.raises(PostGone):
        platform.fetch_post(name)


def test_an_embed_that_is_made_wrong_holds_up_nothing(world: BlueskyWorld) -> None:
    broken = {"$type": "app.bsky.embed.images", "images": [{"image": {"ref": 7, "size": 1}, "alt": 3}]}
    odd = [world.mention("odd", embed=broken), world.mention("odder", embed={"video": "x", "media": []})]
    with connected(world) as platform:
        found = platform.mentions(platform.cursor_at_start()).mentions
    assert [post.id for post in found] == odd
    assert [post.attachments for post in found] == [(), ()]


# Replies


def test_a_reply_keeps_its_thread_and_links_the_asker(world: BlueskyWorld) -> None:
    root = world.post("the first", pictures=1)
    made = world.mention("real?", parent_id=root)
    text = f"@{world.ann.handle} 🟢 little evidence, see https://example.com/Ä and @nobody.example.test"
    with connected(world) as platform:
        sent = platform.reply(draft(made, text=text, language="de"))
        assert {platform.fetch_post(post).thread_id for post in (root, made, sent.id)} == {root}
    (record,) = world.reply_records()
    value, raw = record["value"], text.encode()
    assert sent.id == record["uri"]
    assert sent.url == f"https://bsky.app/profile/{world.bot.handle}/post/{sent.id[-13:]}"
    assert value["reply"]["root"]["uri"], value["reply"]["parent"]["uri"] == (root, made)
    assert value["langs"] == ["de"]
    marked = {
        raw[f["index"]["byteStart"] : f["index"]["byteEnd"]].decode(): f["features"][0]
        for f in value["facets"]
    }
    assert marked == {
        f"@{world.ann.handle}": {"$type": MENTION, "did": world.ann.did},
        "https://example.com/Ä": {"$type": "app.bsky.richtext.facet#link", "uri": "https://example.com/Ä"},
    }


def test_a_card_goes_with_its_alternative_text(world: BlueskyWorld, tmp_path: Path, served: Served) -> None:
    card = tmp_path / "card.png"
    Image.new("RGB", (60, 30), "green").save(card)
    made = world.mention("real?")
    with connected(world) as platform:
        platform.reply(Draft(made, "It is.", "en", "with a card", card, "A green card"))
    (record,) = world.reply_records()
    (image,) = record["value"]["embed"]["images"]
    assert (image["alt"], image["aspectRatio"]) == ("A green card", {"width": 60, "height": 30})
    assert image["image"]["mimeType"] == "image/png"
    blob = served.standin.network.blobs[world.bot.did, image["image"]["ref"]["$link"]]
    assert blob == ("image/png", card.read_bytes())


def test_a_card_over_the_limit_is_encoded_smaller(world: BlueskyWorld, tmp_path: Path) -> None:
    card = tmp_path / "card.png"
    noise = b"".join(hashlib.sha256(n.to_bytes(4, "big")).digest() for n in range(60_000))
    Image.frombytes("RGB", (800, 800), noise).save(card)
    assert card.stat().st_size > 1_000_000
    made = world.mention("real?")
    with connected(world) as platform:
        platform.reply(Draft(made, "It is.", "en", "with a card", card, "Noise"))
    (record,) = world.reply_records()
    (image,) = record["value"]["embed"]["images"]
    assert image["image"]["mimeType"] == "image/jpeg"
    assert image["image"]["size"] <= 1_000_000


def test_a_picture_that_is_none_is_never_sent(world: BlueskyWorld, tmp_path: Path) -> None:
    (tmp_path / "card.png").write_bytes(b"no picture")
    made = world.mention("real?")
    with connected(world) as platform:
        for name in ("card.png", "missing.png"):
            with pytest.raises(ReplyRefused, match=name):
                platform.reply(Draft(made, "It is.", "en", "k", tmp_path / name, ""))
    assert world.reply_records() == []


def test_a_closed_thread_is_left_alone(world: BlueskyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.standins.bluesky import methods

    seen = methods._view
    monkeypatch.setattr(methods, "_view", lambda *parts: {**seen(*parts), "viewer": {"replyDisabled": True}})
    made = world.mention("real?")
    with connected(world) as platform, pytest.raises(ReplyRefused, match="author"):
        platform.reply(draft(made))


def test_many_at_once_with_one_key_make_one_post(world: BlueskyWorld) -> None:
    made = world.mention("real?")
    platforms = [world.connect() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        sent = list(pool.map(lambda platform: platform.reply(draft(made)), platforms))
    assert len({each.id for each in sent}) == len(world.reply_records()) == 1
    for platform in platforms:
        platform.close()


def test_a_reply_that_stands_is_found_though_its_parent_is_gone(world: BlueskyWorld) -> None:
    made = world.mention("real?")
    with connected(world) as platform:
        sent = platform.reply(draft(made))
        world.delete(made)
        assert platform.reply(draft(made)) == sent


# Sessions


def test_a_restart_makes_no_new_session(world: BlueskyWorld, served: Served) -> None:
    before = served.standin.network.sessions_made
    for _ in range(4):
        with connected(world) as platform:
            platform.mentions(platform.cursor_at_start())
    assert served.standin.network.sessions_made == before + 1
    file = world.folder / "bluesky.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert world.bot.app_password not in file.read_text()


def test_a_token_that_has_run_out_is_renewed_once_for_all(world: BlueskyWorld, served: Served) -> None:
    network = served.standin.network
    with connected(world) as platform:
        platform.me()
        before = network.sessions_made
        for _ in range(2):
            network.expire_tokens()
            start = threading.Barrier(4)

            def look(start: threading.Barrier = start) -> object:
                start.wait()
                return platform.mentions(platform.cursor_at_start())

            with ThreadPoolExecutor(4) as pool:
                assert all(pool.map(lambda _: look(), range(4)))
    assert network.sessions_made == before


def test_a_revoked_app_password_is_named_and_not_tried_again_and_again(
    world: BlueskyWorld, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, tried = served.standin.network, []
    sign_in = network.sign_in
    monkeypatch.setattr(network, "sign_in", lambda *who: tried.append(who) or sign_in(*who))
    with connected(world) as platform:
        platform.me()
        network.revoke(network.accounts[world.bot.did])
        for _ in range(3):
            with pytest.raises(CredentialsRefused, match="veritag authorize bluesky"):
                platform.mentions(platform.cursor_at_start())
    assert len(tried) == 2, "the first session, and one try after the revocation"


def test_a_password_that_is_changed_by_hand_is_used_without_a_restart(
    world: BlueskyWorld, served: Served
) -> None:
    account = served.standin.network.accounts[world.bot.did]
    credentials = world.folder / "own.json"
    access = Access(Gate("bluesky"), type(world.credentials)(credentials))
    access.credentials.store(handle=world.bot.handle, app_password=world.bot.app_password)
    options = {"handle": None, "service_url": world.url, "plc_url": world.url, "page_size": 10}
    pace = {"poll_interval": 0.0, "reply_interval": 0.0, "connect_timeout": 5.0, "read_timeout": 5.0}
    platform = create_platform("bluesky", access, jetstream_url=None, **options, **pace)
    assert platform.me().id == world.bot.did
    assert not isinstance(platform, Pushing)
    served.standin.network.revoke(account)
    with pytest.raises(CredentialsRefused):
        platform.mentions(platform.cursor_at_start())
    account.app_passwords["new"] = "another"
    access.credentials.store(app_password="another")
    assert platform.mentions(platform.cursor_at_start()).mentions == ()
    platform.close()


def test_without_an_account_the_mend_is_named(world: BlueskyWorld) -> None:
    world.bot.app_password = ""
    platform = world.connect()
    with pytest.raises(CredentialsRefused, match="veritag authorize bluesky"):
        platform.me()
    (world.folder / "bluesky.json").write_text("{}")
    with pytest.raises(CredentialsRefused, match="chmod 600"):
        platform.me()


def test_the_servers_budget_is_kept(world: BlueskyWorld, served: Served) -> None:
    with connected(world) as platform:
        platform.me()
        used = served.standin._window[1]
        served.standin.budget = used + 2
        platform.mentions(platform.cursor_at_start())
        with pytest.raises(RateLimited) as refused:
            for _ in range(5):
                platform.mentions(platform.cursor_at_start())
    assert refused.value.retry_at is not None
    assert served.standin._window[1] <= used + 3


def test_a_record_key_is_a_valid_time_of_the_past() -> None:
    from bot.platforms.bluesky.writing import record_key

    keys = [record_key(hashlib.sha256(str(n).encode()).hexdigest()[:32]) for n in range(2000)]
    assert len(set(keys)) == 2000
    assert all(re.fullmatch(r"3[2-7a-z]{12}", key) for key in keys)
    letters = "234567abcdefghijklmnopqrstuvwxyz"
    moments = [sum(letters.index(c) << 5 * n for n, c in enumerate(reversed(key))) >> 10 for key in keys]
    assert 1_672_531_200e6 <= min(moments) < max(moments) < 1_743_000_000e6


def test_logs_and_errors_hold_no_secret(
    world: BlueskyWorld, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = world.mention("real?")
    file = world.folder / "bluesky.json"
    secrets, told = {world.bot.app_password}, []
    with connected(world) as platform:
        platform.reply(draft(made))
        served.standin.network.expire_tokens()
        for kind in (FaultKind.UNAUTHORIZED, FaultKind.SERVER_ERROR, FaultKind.RESET):
            secrets |= {value for name, value in json.loads(file.read_text()).items() if "jwt" in name}
            served.standin.faults.add(Fault(kind, "POST /xrpc/com.atproto.server.*", times=2))
            try:
                platform.mentions(platform.cursor_at_start())
            except PlatformError as error:
                told.append("".join(traceback.format_exception(error)))
    assert told
    assert len(secrets) >= 3
    for secret in secrets:
        assert secret not in caplog.text
        assert not any(secret in text for text in told)


def test_what_is_stored_holds_no_more_than_tokens(world: BlueskyWorld) -> None:
    with connected(world) as platform:
        platform.me()
    stored = json.loads((world.folder / "bluesky.json").read_text())
    assert set(stored) == {"access_jwt", "refresh_jwt", "did", "session_handle", "session_of"}


def test_an_asker_who_blocks_is_hidden_and_one_who_left_is_gone(world: BlueskyWorld) -> None:
    other = Person.join(world.http, "bob")
    made = world.mention("hello", by=other)
    with connected(world) as platform:
        assert [post.author.handle for post in platform.mentions(platform.cursor_at_start()).mentions] == [
            other.handle
        ]
        assert platform.fetch_post(made).author.id == other.did
