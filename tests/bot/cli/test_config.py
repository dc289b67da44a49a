"""`veritag config`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli.app import app
from bot.config.fields import leaves

runner = CliRunner()
SECRET = "hunter2-hunter2-hunter2"


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("veritag.toml").write_text("[web]\nport = 9000\n", "utf-8")
    monkeypatch.setenv("VERITAG_WEB__TOKEN", SECRET)


def test_every_setting_with_its_value_and_origin() -> None:
    done = runner.invoke(app, ["config"])
    assert done.exit_code == 0
    for name in leaves():
        assert name in done.stdout
    line = next(line for line in done.stdout.splitlines() if line.startswith("web.port"))
    assert line.split() == ["web.port", "9000", "veritag.toml"]


def test_json() -> None:
    found = json.loads(runner.invoke(app, ["config", "--json"]).stdout)
    assert found["file"] == "veritag.toml"
    assert found["settings"]["web.port"] == {"value": 9000, "from": "veritag.toml"}
    assert found["settings"]["web.token"] == {"value": "********", "from": "VERITAG_WEB__TOKEN"}
    assert list(found["settings"]) == list(leaves())


@pytest.mark.parametrize("options", [[], ["--json"], ["--markdown"], ["--toml"]])
def test_secrets_are_masked(options: list[str]) -> None:
    assert "hunter2" not in runner.invoke(app, ["config", *options]).output


def test_pages_do_not_depend_on_what_is_configured() -> None:
    Path("veritag.toml").write_text("broken", "utf-8")
    for option in ["--markdown", "--toml"]:
        assert runner.invoke(app, ["config", option]).exit_code == 0


def test_the_file_may_be_named_before_or_behind_the_command() -> None:
    Path("other.toml").write_text("[web]\nport = 9001\n", "utf-8")
    for arguments in (["--config", "other.toml", "config"], ["config", "--config", "other.toml"]):
        done = runner.invoke(app, [*arguments, "--json"])
        assert json.loads(done.stdout)["settings"]["web.port"] == {"value": 9001, "from": "other.toml"}
