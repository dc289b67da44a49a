"""What `docs/services.md` says is so: its examples load, its settings are settings, its limits hold."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from analysis.asking import AT_ONCE
from bot.config import Settings, load
from bot.config.fields import leaves
from bot.detector_services import ASKING, build_services
from bot.resolver.fetcher import GuardedFetcher
from detectors.transcript import MIN_WORDS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "services.md").read_text("utf-8")
HERE, HOSTED = re.findall(r"```toml\n(.*?)```", TEXT, re.S)


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for variable in [name for name in os.environ if name.upper().startswith("VERITAG_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


def settings(text: str) -> Settings:
    file = Path("veritag.toml")
    file.write_text(text, "utf-8")
    return load(file).settings


def test_the_private_example_keeps_everything_here() -> None:
    chosen = settings(HERE)
    services = build_services(chosen, GuardedFetcher)
    assert set(chosen.analysis.detectors) >= ASKING
    assert services.private
    assert services.model is not None
    assert services.recogniser is not None
    assert (services.model.local, services.recogniser.local, services.search) == (True, True, None)
    assert services.create("transcript").record.name == "transcript"
    assert services.create("reverse_search").record.name == "reverse_search"


def test_the_hosted_example_asks_what_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = re.findall(r"`(VERITAG_\w+__KEY)`", TEXT)
    assert len(keys) == 3
    for key in keys:
        monkeypatch.setenv(key, "sk-test")
    services = build_services(settings(HOSTED), GuardedFetcher)
    asked = [services.model, services.recogniser, services.search]
    assert [part is not None and part.local for part in asked] == [False] * 3
    assert not services.private


def test_every_setting_and_number_is_there() -> None:
    known = {*leaves(), *{name.partition(".")[0] for name in leaves()}}
    named = set(re.findall(r"`((?:services|speech|language_model|web_detection|analysis)\.\w+)`", TEXT))
    assert named
    assert named <= known
    assert set(tomllib.loads(HOSTED)) <= known
    assert f"fewer than {MIN_WORDS} words" in TEXT
    assert {4: "four"}[AT_ONCE] in TEXT
