"""The whole bot on the stand-in: tagged, judged, answered; and no secret of the account in what it logs."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from PIL import Image

from analysis.stub import StubAnalyzer
from bot import process
from bot.config import Settings
from bot.log import configure
from bot.standins.faults import Fault, FaultKind
from bot.standins.x.state import Medium
from tests.bot.killing import Quiet
from tests.bot.platforms.x.world import XWorld, x_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[XWorld]:
    with x_world(tmp_path) as world:
        yield world


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    written = io.StringIO()
    configure("debug", "json", written)
    yield written
    root.handlers[:], root.level = handlers, level
    structlog.configure(**before)
    logging.captureWarnings(capture=False)


def picture(world: XWorld) -> Medium:
    file = io.BytesIO()
    Image.effect_noise((96, 96), 40).convert("RGB").save(file, "PNG")
    return world.state.add_medium(file.getvalue(), "image/png")


def live(world: XWorld, secrets: dict[str, str]) -> None:
    port = int(world.url.rpartition(":")[2])
    quick = {"api_url": world.url, "poll_interval": 0, "reply_interval": 0, "read_timeout": 1.5}
    settings = Settings(
        data_dir=world.settings().data_dir,
        platforms=["x"],
        x=quick | secrets,
        watch={"interval": 0.05, "first_start": "all"},
        analyst={"interval": 0.05},
        reply={"interval": 0.05},
        queue={"backoff_base": 0.05},
        fetch={"allow_networks": ["127.0.0.0/8"], "ports": [port]},
        web={"enabled": False},
    )
    process.run(settings, Quiet(), until_idle=True, make_analyzer=lambda *_: StubAnalyzer())


@pytest.mark.parametrize("way", ["oauth1", "oauth2"])
def test_everybody_gets_one_answer_and_nobody_sees_a_secret(
    world: XWorld, log: io.StringIO, way: str
) -> None:
    state, tokens = world.state, world.stand_in.tokens
    secrets = tokens.oauth1(world.stand_in.bot) if way == "oauth1" else tokens.oauth2(world.stand_in.bot)
    ann, bea, cid, dan = (state.account(name) for name in ("ann", "bea", "cid", "dan"))
    shown = state.post(ann, "look", media=[picture(world)])
    tagged = state.post(bea, "@veritag is this real?", parent_id=shown.id)
    quoting = state.post(cid, "@veritag and this?", quoted_id=shown.id)
    gone = state.post(ann, "another", media=[picture(world)])
    too_late = state.post(dan, "@veritag real?", parent_id=gone.id)
    state.delete(gone.id)
    for fault in (
        Fault(FaultKind.TIMEOUT_AFTER, "POST /2/tweets"),
        Fault(FaultKind.SERVER_ERROR_AFTER, "POST /2/tweets"),
        Fault(FaultKind.TRUNCATED, "GET /2/users/*/mentions"),
        Fault(FaultKind.MALFORMED, "GET /2/users/me"),
    ):
        world.stand_in.faults.add(fault)
    live(world, secrets)
    answered = [reply.parent_id for reply in world.stand_in.replies()]
    assert sorted(answered) == sorted([tagged.id, quoting.id, too_late.id])
    assert world.stand_in.faults.waiting() == ()

    told = log.getvalue()
    assert "GET /2/users/me" in told, "the log is not at the level at which headers would show"
    stored = Path(world.settings().data_dir / "credentials" / "x.json")
    kept = stored.read_text("utf-8") if stored.exists() else ""
    words = {word for word in kept.split('"') if word.startswith(("access-", "refresh-"))}
    assert bool(words) == (way == "oauth2")
    assert [secret for secret in {*secrets.values(), *words} if secret in told] == []
    assert "Bearer " not in told
    assert "oauth_signature" not in told
