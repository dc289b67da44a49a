"""What is built from settings has what the settings say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot import assembly
from bot.config import Settings
from bot.config.limits import Analysis, Fetch
from bot.config.model import Inbox
from bot.errors import ConfigError
from bot.platforms.simulated import SimulatedPlatform
from detectors.errors import UnknownDetector


def test_fetch_settings_reach_the_fetcher(tmp_path: Path) -> None:
    fetch = Fetch(
        max_bytes=1,
        connect_timeout=2,
        read_timeout=3,
        total_timeout=4,
        min_rate=5,
        max_redirects=6,
        per_host=7,
        attempts=8,
        ports=[9],
        user_agent="u",
    )
    with assembly.build_resolver(Settings(fetch=fetch, data_dir=tmp_path)) as resolver:
        limits = resolver._fetcher.limits
    assert (limits.max_bytes, limits.connect_seconds, limits.read_seconds, limits.total_seconds) == (
        1,
        2,
        3,
        4,
    )
    assert (limits.min_rate, limits.max_redirects, limits.per_host, limits.attempts) == (5, 6, 7, 8)
    assert limits.ports == {9}
    assert (tmp_path / "media").is_dir()


def test_defaults_are_those_of_the_parts() -> None:
    from analysis.limits import Limits
    from bot.resolver import FetchLimits

    chosen, limits = Analysis(), Limits()
    assert (chosen.max_pixels, chosen.max_duration) == (limits.max_pixels, limits.max_duration)
    assert (chosen.frames_per_video, chosen.decode_seconds) == (
        limits.frames_per_video,
        limits.decode_seconds,
    )
    fetch, fetch_limits = Fetch(), FetchLimits()
    assert (fetch.max_redirects, set(fetch.ports)) == (fetch_limits.max_redirects, fetch_limits.ports)


def test_a_data_folder_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"data_dir: .*file/x/media"):
        assembly.build_resolver(Settings(data_dir=tmp_path / "file" / "x"))


def test_platforms_are_simulated_in_test_mode_only(tmp_path: Path) -> None:
    (tmp_path / "account.json").write_text(json.dumps({"id": "1", "handle": "veritag"}))
    (tmp_path / "mentions.jsonl").touch()
    settings = Settings(
        platforms=["inbox"], inbox=Inbox(folder=tmp_path, page_size=7), data_dir=tmp_path / "d"
    )
    (real,) = assembly.build_platforms(settings)
    assert (real.name, real.limits.page_size) == ("inbox", 7)
    assert not isinstance(real, SimulatedPlatform)
    (simulated,) = assembly.build_platforms(settings.model_copy(update={"test_mode": True}))
    assert isinstance(simulated, SimulatedPlatform)
    real.close()
    simulated.close()


@pytest.mark.parametrize(("names", "words"), [([], "--inbox FOLDER"), (["nosuch"], "nosuch")])
def test_platforms_that_cannot_be_had(names: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        assembly.build_platforms(Settings(platforms=names))


def test_an_engine_that_cannot_be_is_refused() -> None:
    with pytest.raises(UnknownDetector):
        assembly.build_analyzer(Settings(analysis=Analysis(detectors=["nosuch"], device="cpu")))


def test_the_engine_takes_what_is_configured() -> None:
    settings = Settings(analysis=Analysis(policy="vote", device="cpu", threads=1, frames_per_video=3))
    engine = assembly.build_analyzer(settings)
    try:
        engine.warm_up()
        assert engine.fingerprint
    finally:
        engine.close()
