"""`veritag resolve --record`: what was asked and answered, as a fixture that names nobody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import ConfigError, ResolveError

if TYPE_CHECKING:
    from bot.config import Settings
    from bot.resolver.recording import Recorder


def write_fixture(recorder: Recorder, url: str, path: Path, settings: Settings) -> str:
    """Write a scrubbed fixture; returns one line about it for the user.

    Raises:
        ConfigError: the file cannot be written.
    """
    from bot.resolver.scrubbing import Scrubber

    keys = settings.sites.keys()
    scrubber = Scrubber(list(keys.values()))
    recorded = recorder.fixture(url)
    fixture = scrubber.scrub(recorded)
    stand_ins = {name: scrubber.stand_in(value) for name, value in keys.items()}
    same = _outcome(recorded, keys, settings) == _outcome(fixture, stand_ins, settings)
    try:
        path.write_text(json.dumps(fixture, indent=1, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ConfigError(f"--record {path} cannot be written ({reason}); name another") from None
    replays = "it replays the same" if same else "without its names it does NOT replay the same"
    answers = len(fixture["exchanges"]) + len(fixture["extractor"])
    return f"recorded {answers} answers in {path}; {replays}; look through it before you share it"


def _outcome(fixture: dict[str, Any], keys: Mapping[str, str], settings: Settings) -> object:
    """What a fixture resolves to, without anything that scrubbing changes."""
    from bot.assembly import replaying_router
    from bot.resolver.replay import NotRecorded

    router = replaying_router(settings, fixture, keys)
    try:
        found = router.resolve(str(fixture["url"]), lambda _: None)
    except ResolveError as error:
        return error.reason
    except NotRecorded:
        return None
    return found.site, found.route, [(each.kind, each.width, each.height) for each in found.media]
