"""`veritag pause`, `veritag resume`, and what `veritag status` shows of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli.app import app
from bot.errors import ConfigError
from bot.manners import Manners
from state.manners import PAUSE
from state.model import Mode
from state.store import Store
from tests.bot.rig import LATER, rig

runner = CliRunner()


def status(*options: str) -> Any:
    done = runner.invoke(app, ["status", "--json", *options], catch_exceptions=False)
    return json.loads(done.stdout)


def test_posting_is_paused_and_resumed_by_name_and_reason() -> None:
    assert runner.invoke(app, ["pause", "--by", "op", "--reason", "storm"]).exit_code == 0
    assert status()["posting"].startswith("paused by op since ")
    assert status("--test-mode")["posting"].endswith(": storm")
    shown = runner.invoke(app, ["status"]).stdout
    assert "posting: paused by op" in shown
    assert runner.invoke(app, ["resume", "--by", "op"]).exit_code == 0
    assert status()["posting"] == "on"
    store = Store(Path(".veritag/state.sqlite3"), Mode.LIVE)
    row = store.switches.get(PAUSE)
    names = [event.name for event in store.events.of_none(9)]
    store.close()
    assert row is not None
    assert (row.is_on, row.by) == (False, "op")
    assert names == ["switched", "switched"]


def test_a_pause_needs_a_usable_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").touch()
    monkeypatch.setenv("VERITAG_DATA_DIR", "file/below")
    with pytest.raises(ConfigError, match="data_dir"):
        runner.invoke(app, ["pause"], catch_exceptions=False)


def test_quiet_hours_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    runner.invoke(app, ["resume"])
    monkeypatch.setenv("VERITAG_MANNERS__QUIET_HOURS", "00:00-23:59:59")
    assert status()["posting"] == "quiet hours until 23:59 (UTC)"


def test_status_counts_the_reasons(tmp_path: Path) -> None:
    with rig(tmp_path, manners=Manners(1, 1000 * LATER)) as bot:
        bot.world.mention("m1")
        bot.world.mention("m2")
        bot.world.mention("m3")
        bot.world.mention("m4", text="@veritag stop", author="b")
        bot.world.mention("m5", parent_id="nowhere", author="c")
        bot.settle()
    Path("veritag.toml").write_text('data_dir = "."\n', "utf-8")
    assert status()["reasons"] == {
        "ignored": {"asker_limit": 2, "nothing_asked": 1, "order_stop": 1},
        "failed": {"post_gone": 1},
    }
    assert (
        "ignored for: 2 asker_limit, 1 nothing_asked, 1 order_stop" in runner.invoke(app, ["status"]).stdout
    )
