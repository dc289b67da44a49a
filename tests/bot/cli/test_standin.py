"""`veritag stand-in`: a rehearsal as an operator makes it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.cli.edge import run

ROOT = Path(__file__).parents[3]


@pytest.fixture
def served() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """What the command says, up to the example of a reply; and the command."""
    command = [sys.executable, "-m", "bot.cli", "stand-in", "x"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        said = ""
        while "/replies" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        yield said, process
        process.kill()


def test_an_operator_rehearses_with_what_is_printed(
    served: tuple[str, subprocess.Popen[str]], tmp_path: Path
) -> None:
    said, process = served
    found = re.search(r"^platforms.*?\n\n", said, re.DOTALL | re.MULTILINE)
    assert found is not None
    (tmp_path / "veritag.toml").write_text(found[0], "utf-8")
    url = tomllib.loads(found[0])["x"]["api_url"]
    example = re.search(r"curl -s (\S+) .* -d '(.*)'", said)
    assert example is not None
    made = httpx.post(example[1], content=example[2], headers={"Content-Type": "application/json"})
    assert made.status_code == 201
    assert run(["--config", str(tmp_path / "veritag.toml"), "config"]) == 0
    assert httpx.get(f"{url}/stand-in/replies").json() == []
    limit = {"endpoint": "GET /2/users/me", "requests": 0}
    assert httpx.post(f"{url}/stand-in/limits", json=limit).status_code == 204
    token = tomllib.loads(found[0])["x"]["access_token"]
    header = {"Authorization": f'OAuth oauth_token="{token}"'}
    refused = httpx.get(f"{url}/2/users/me", headers=header)
    assert (refused.status_code, refused.headers["x-rate-limit-remaining"]) == (429, "0")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_an_unknown_stand_in_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stand-in", "orkut"]) == 2
    assert "known: " in capsys.readouterr().err
