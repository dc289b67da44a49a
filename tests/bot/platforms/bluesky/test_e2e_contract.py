"""The platform `bluesky` against the real servers on loopback, held to the contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from bot.errors import ReplyRefused
from bot.platforms.base import Draft
from bot.platforms.bluesky.platform import BlueskyPlatform
from tests.bot.platforms.bluesky.network import Network, real_network
from tests.bot.platforms.bluesky.world import BlueskyWorld, eventually, now_text
from tests.bot.platforms.contract import PlatformContract, connected, draft

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with real_network(tmp_path_factory.mktemp("network")) as running:
        yield running


class TestRealBluesky(PlatformContract):
    @pytest.fixture
    def world(self, network: Network, tmp_path: Path) -> Iterator[BlueskyWorld]:
        world = BlueskyWorld(network.pds, network.plc, tmp_path)
        yield world
        world.close()

    def test_a_card_is_taken_and_shown_with_its_alternative_text(
        self, world: BlueskyWorld, tmp_path: Path
    ) -> None:
        card = tmp_path / "card.png"
        Image.new("RGB", (600, 300), "green").save(card)
        text = f"@{world.ann.handle} 🟢 little evidence, see https://example.com/a?b=1"
        made = world.mention("real?")
        with connected(world) as platform:
            sent = platform.reply(Draft(made, text, "pt-BR", "with a card", card, "A green card"))
            eventually(lambda: world.seen(sent.id), "the reply")
            post = platform.fetch_post(sent.id)
        (shown,) = post.attachments
        assert (shown.alt_text, post.language) == ("A green card", "pt-BR")
        assert post.links == ("https://example.com/a?b=1",)
        assert httpx.get(shown.url).content == card.read_bytes()

    def test_a_closed_thread_is_left_alone(self, world: BlueskyWorld) -> None:
        made = world.mention("nobody may answer")
        gate = {"$type": "app.bsky.feed.threadgate", "post": made, "allow": [], "createdAt": now_text()}
        place = {"repo": world.ann.did, "collection": "app.bsky.feed.threadgate", "rkey": made[-13:]}
        world.ann.tell("com.atproto.repo.putRecord", **place, record=gate)
        with connected(world) as platform:
            eventually(lambda: closed(platform, made), "the closing")
        assert world.replies() == []


def closed(platform: BlueskyPlatform, post: str) -> bool:
    """Whether the thread is known to be closed by now; the reply of an earlier moment is taken back."""
    try:
        platform.retract(platform.reply(draft(post)).id)
    except ReplyRefused:
        return True
    return False
