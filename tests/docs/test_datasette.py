"""Datasette reads the state file of a running bot with the metadata that ship."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from state.store import Store
from tests.bot.judged_media import fill
from tests.bot.rig import rig

pytest.importorskip("datasette", reason="Datasette is not installed")
DOCS = Path(__file__).parents[2] / "docs"
STATE = json.loads((DOCS / "datasette.json").read_text("utf-8"))["databases"]["state"]
SECONDS = 30


@pytest.fixture(scope="module")
def datasette(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Store]]:
    """Datasette as the page starts it, on the state file of a bot that is at work."""
    folder = tmp_path_factory.mktemp("bot")
    with rig(folder) as bot:
        world = bot.world
        world.post("p1", world.medium(1))
        world.delete("p2")
        world.mention("m-picture", parent_id="p1")
        world.mention("m-second-asker", parent_id="p1", author="bob")
        world.mention("m-gone", parent_id="p2")
        bot.settle()
        fill(bot.store, 12, reviewed=12)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        command = [sys.executable, "-m", "datasette", "state.sqlite3", "--port", port]
        command += ["--metadata", str(DOCS / "datasette.json")]
        process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", timeout=SECONDS, trust_env=False
            ) as client:
                _wait_for(client)
                yield client, bot.store
        finally:
            process.terminate()
            process.wait(SECONDS)


def _wait_for(client: httpx.Client) -> None:
    end = time.monotonic() + SECONDS
    while True:
        try:
            client.get("/-/versions.json").raise_for_status()
        except httpx.HTTPError:
            assert time.monotonic() < end, "Datasette does not start"
            time.sleep(0.1)
        else:
            return


def rows(client: httpx.Client, query: str, **parameters: str) -> list[dict[str, Any]]:
    answer = client.get(f"/state/{query}.json", params={"_shape": "array", **parameters})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


@pytest.mark.parametrize("query", STATE["queries"])
def test_every_question_has_an_answer(datasette: tuple[httpx.Client, Store], query: str) -> None:
    client, _ = datasette
    given = {"mode": "live", "post": "m-picture"}
    parameters = {name: given[name] for name in STATE["queries"][query].get("params", [])}
    found = rows(client, query, **parameters)
    assert isinstance(found, list)
    assert client.get(f"/state/{query}", params=parameters).status_code == 200


def test_the_answers_are_those_of_the_bot(datasette: tuple[httpx.Client, Store]) -> None:
    client, store = datasette
    counts = {state.value: count for state, count in store.mentions.counts().items() if count}
    found: dict[str, int] = {}
    for row in rows(client, "by_day", mode="live"):
        found[row["state"]] = found.get(row["state"], 0) + row["mentions"]
    assert found == counts
    assert {row["name"] for row in rows(client, "story", post="m-picture")} >= {"seen", "answered"}
    assert rows(client, "most_asked", mode="live")[0]["askers"] == 2
    assert [row["reason"] for row in rows(client, "failures", mode="live")] == ["post_gone"]
    assert len(rows(client, "reviewed_scores")) == 12
    assert sum(row["media"] for row in rows(client, "bands_and_reviews")) == 12


def test_what_the_bot_writes_is_seen_at_once(datasette: tuple[httpx.Client, Store]) -> None:
    client, store = datasette
    before = len(rows(client, "reviewed_scores"))
    store.reviews.add(rows(client, "reviewed_scores")[0]["sha256"], "withdrawn", "", "ann")
    assert len(rows(client, "reviewed_scores")) == before - 1


@pytest.mark.parametrize("table", ["accounts", "sessions", "api_keys", "public_pages"])
def test_secrets_and_free_sql_are_not_for_everybody(
    datasette: tuple[httpx.Client, Store], table: str
) -> None:
    client, _ = datasette
    assert client.get(f"/state/{table}.json").status_code == 403
    assert client.get("/state.json", params={"sql": f"select * from {table}"}).status_code == 403
    assert (
        client.get("/state/media.json", params={"_where": f"1 in (select 1 from {table})"}).status_code == 403
    )
    assert f'href="/state/{table}"' not in client.get("/state").text


def test_the_metadata_fit_the_tables_and_hide_every_secret(datasette: tuple[httpx.Client, Store]) -> None:
    _, store = datasette
    tables = {row["name"] for row in store.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert set(STATE["tables"]) <= tables
    for name in tables:
        described = STATE["tables"].get(name, {})
        columns = {row["name"] for row in store.rows(f"SELECT name FROM pragma_table_info('{name}')")}
        assert set(described.get("columns", {})) <= columns, name
        if any(word in column for column in columns for word in ("password", "token", "key_hash")):
            assert described.get("allow") == {"id": "root"}, name


def test_the_page_names_every_question() -> None:
    text = (DOCS / "data.md").read_text("utf-8")
    named = {name.split("?")[0] for name in re.findall(r"\| `(\w+(?:\?\w+=\w+)?)` \|", text)}
    assert named == set(STATE["queries"])
    assert "--metadata docs/datasette.json" in text
