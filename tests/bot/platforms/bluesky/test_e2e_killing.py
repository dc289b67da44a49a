"""On the real Bluesky servers: three people ask, the bot is killed again and again; one answer each."""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from analysis.model import Band
from analysis.stub import StubAnalyzer
from bot.config import Settings
from bot.resolver.reading.payload import iso_time
from state.model import MentionState, Mode
from state.store import Store
from tests.bot.platforms.bluesky.network import ROOT, real_network
from tests.bot.platforms.bluesky.world import POST, BlueskyWorld, Person, numbers
from tests.bot.world import png

pytestmark = pytest.mark.e2e

CARDS = True
"""Whether a verdict comes with its card: a picture with alternative text."""

LIVES = 50
ROUNDS = 4
PAUSE = 3.0  # seconds between two mentions, so that they spread over the lives
SEVERITY = [Band.TRUSTED, Band.LOW, Band.UNCERTAIN, Band.HIGH]
VIDEO = (ROOT / "samples" / "inbox" / "media" / "coffee-pan.mp4").read_bytes()


class Story:
    """What three people post, and which media each mention is about."""

    def __init__(self, world: BlueskyWorld) -> None:
        self.world = world
        self.people = [world.ann, Person.join(world.http, "bob"), Person.join(world.http, "cid")]
        self.media: dict[str, list[bytes]] = {}

    def tell(self, round_: int) -> Iterator[Callable[[], None]]:
        """One round: each step is one post with media and one mention of the bot."""
        one, two, three = (self.people[(round_ + place) % 3] for place in range(3))
        yield lambda: self.ask(two, *self.pictures(one, 1))
        yield lambda: self.ask(three, *self.video(two))
        yield lambda: self.ask(one, *self.pictures(three, 4))
        yield lambda: self.ask_by_quote(two, *self.pictures(one, 1))
        yield lambda: self.ask_below_quote(three, two, *self.video(one))

    def pictures(self, by: Person, count: int) -> tuple[str, list[bytes]]:
        files = [png(next(numbers)) for _ in range(count)]
        images = [{"image": by.upload(file, "image/png"), "alt": "a square"} for file in files]
        return self.world.post(
            "look", by=by, embed={"$type": "app.bsky.embed.images", "images": images}
        ), files

    def video(self, by: Person) -> tuple[str, list[bytes]]:
        unlike_others = next(numbers).to_bytes(8, "big")
        file = VIDEO + (16).to_bytes(4, "big") + b"free" + unlike_others  # a box that players skip
        embed = {"$type": "app.bsky.embed.video", "video": by.upload(file, "video/mp4")}
        return self.world.post("watch", by=by, embed=embed), [file]

    def ask(self, asker: Person, post: str, files: list[bytes]) -> None:
        self.media[self.world.mention("is this real?", by=asker, parent_id=post)] = files

    def ask_by_quote(self, asker: Person, post: str, files: list[bytes]) -> None:
        self.media[self.world.mention("is this real?", by=asker, quoted_id=post)] = files

    def ask_below_quote(self, asker: Person, quoter: Person, post: str, files: list[bytes]) -> None:
        quote = self.world.post("see this", by=quoter, quoted_id=post)
        self.media[self.world.mention("is this real?", by=asker, parent_id=quote)] = files


@pytest.mark.timeout(280)
def test_killed_at_random_instants_everyone_has_one_right_reply(tmp_path: Path) -> None:
    with real_network(tmp_path) as network:
        world = BlueskyWorld(network.pds, network.plc, tmp_path)
        story = Story(world)
        sections = settings_for(world, network.port, tmp_path / "data")
        file = tmp_path / "settings.json"
        file.write_text(json.dumps(sections))
        lives = live_and_die(file, story)
        ended = [life["ended"] for life in lives]
        assert ended == [-9] * LIVES + [0]
        assert len(story.media) == ROUNDS * 5
        check(story, Settings(**sections))
        # Enough of the replies were posted by lives that were killed, or else this shows nothing.
        last = datetime.fromtimestamp(lives[-1]["began"], UTC)
        times = [iso_time(record["value"]["createdAt"]) for record in world.reply_records()]
        assert sum(time is not None and time < last for time in times) >= len(times) / 4
        world.close()


def settings_for(world: BlueskyWorld, port: int, data_dir: Path) -> dict[str, Any]:
    """A bot that lives as fast as it can, and may fetch from this machine."""
    return {
        "data_dir": str(data_dir),
        "platforms": ["bluesky"],
        "bluesky": {
            "handle": world.bot.handle,
            "app_password": world.bot.app_password,
            "service_url": world.url,
            "plc_url": world.plc_url,
            "page_size": 5,
            "poll_interval": 0,
            "reply_interval": 0,
        },
        "fetch": {"allow_networks": ["127.0.0.0/8", "::1/128"], "ports": [port]},
        "sites": {"yt_dlp": False},
        "watch": {"interval": 0.1, "first_start": "all"},
        "analyst": {"interval": 0.05, "resolve_workers": 2, "in_flight": 2},
        "reply": {"interval": 0.05},
        "queue": {"backoff_base": 0.1},
        "manners": {"per_asker_per_hour": 1000},
        "web": {"enabled": False},
    }


def live_and_die(settings: Path, story: Story) -> list[dict[str, Any]]:
    """Run the lives while the story is told beside them."""
    command = [sys.executable, "-m", "tests.bot.platforms.bluesky.living", str(settings), str(LIVES), "1"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as program:
        try:
            for step in itertools.chain.from_iterable(story.tell(round_) for round_ in range(ROUNDS)):
                step()
                time.sleep(PAUSE)
            printed, _ = program.communicate(timeout=100)
        finally:
            program.kill()
    return [json.loads(line) for line in printed.splitlines()]


def check(story: Story, settings: Settings) -> None:
    """Every mention is answered, once, with the verdict on its own media as they were uploaded."""
    world = story.world
    store = Store(settings.data_dir / "state.sqlite3", Mode.LIVE)
    try:
        ends = {
            row.post.platform_id: (row.state, row.reason) for row in store.mentions.in_state(*MentionState)
        }
    finally:
        store.close()
    assert ends == dict.fromkeys(story.media, (MentionState.ANSWERED, None))
    records = world.reply_records()
    below = Counter(record["value"]["reply"]["parent"]["uri"] for record in records)
    assert below == dict.fromkeys(story.media, 1)
    texts = {record["value"]["reply"]["parent"]["uri"]: record["value"]["text"] for record in records}
    bands = {asked: worst_band(files, settings.data_dir) for asked, files in story.media.items()}
    store = Store(settings.data_dir / "state.sqlite3", Mode.LIVE)
    try:
        rows = list(
            store.rows("SELECT in_reply_to, text, band, platform_id FROM replies WHERE kind = 'verdict'")
        )
        assert {row["in_reply_to"]: row["band"] for row in rows} == bands
        assert {row["in_reply_to"]: row["text"] for row in rows} == texts
        assert {row["platform_id"] for row in rows} == {record["uri"] for record in records}
    finally:
        store.close()
    for record in records:
        view = world.bot.ask("app.bsky.feed.getPosts", uris=[record["uri"]])["posts"][0]
        assert view["record"]["$type"] == POST
        if CARDS:
            (card,) = view["embed"]["images"]
            assert card["alt"]


def worst_band(files: list[bytes], folder: Path) -> str:
    """The band that the stub gives these files, which depends on every byte of them."""
    bands = []
    for content in files:
        path = folder / f"expected-{hashlib.sha256(content).hexdigest()}"
        path.write_bytes(content)
        bands.append(StubAnalyzer().submit(path).result().verdict.band)
    return max(bands, key=SEVERITY.index).value
