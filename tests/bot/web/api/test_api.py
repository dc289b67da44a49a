"""The read-only interface: what it tells, to whom, and that its OpenAPI document holds."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings, strategies

from bot.web.api.application import MOUNTED_AT
from tests.bot.web.console.conftest import (
    Browser,
    Console,
    OpenConsole,
    open_console,  # noqa: F401 - a fixture
)


@pytest.fixture
def console(open_console: OpenConsole) -> Console:  # noqa: F811
    console = open_console(web={"requests_per_minute": 0})
    console.settle()
    return console


def caller(console: Console, name: str = "program") -> Browser:
    """A program with a key."""
    key = console.parts.store.api_keys.add(name)
    client = console.client(host="bot.example", address="203.0.113.9")
    client.headers["Authorization"] = f"Bearer {key}"
    return client


def test_mentions_come_page_by_page_each_once(console: Console) -> None:
    client = caller(console)
    seen: list[int] = []
    address = f"{MOUNTED_AT}/mentions?limit=3"
    while True:
        answer = client.get(address).json()
        seen += [mention["id"] for mention in answer["mentions"]]
        if answer["next"] is None:
            break
        address = f"{MOUNTED_AT}/mentions?limit=3&cursor={answer['next']}"
    assert len(seen) == 10
    assert seen == sorted(seen, reverse=True)


def test_filters_choose(console: Console) -> None:
    client = caller(console)
    found = client.get(f"{MOUNTED_AT}/mentions?state=failed").json()["mentions"]
    assert {mention["reason"] for mention in found} == {"no_media", "post_gone"}
    assert client.get(f"{MOUNTED_AT}/mentions?platform=elsewhere").json()["mentions"] == []


def test_a_mention_tells_its_whole_story(console: Console) -> None:
    client = caller(console)
    (first, *_) = client.get(f"{MOUNTED_AT}/mentions?state=answered").json()["mentions"]
    whole = client.get(f"{MOUNTED_AT}/mentions/{first['id']}").json()
    assert whole["replies"][0]["kind"] == "verdict"
    assert {event["name"] for event in whole["events"]} >= {"reply_queued", "reply_sent"}
    sha256 = whole["media"][0]["sha256"]
    medium = client.get(f"{MOUNTED_AT}/media/{sha256}").json()
    assert medium["band"] == first["media"][0]["band"]
    assert medium["scores"]


def test_detectors_and_health(console: Console) -> None:
    client = caller(console)
    assert {each["name"] for each in client.get(f"{MOUNTED_AT}/detectors").json()} == set(
        console.parts.settings.analysis.detectors
    )
    assert client.get(f"{MOUNTED_AT}/health").json()["status"] in {"ok", "failing"}


@pytest.mark.parametrize("key", [None, "", "Bearer ", "Bearer wrong", "Basic d3Jvbmc=", "Bearer veritag_"])
def test_nothing_without_a_key(console: Console, key: str | None) -> None:
    client = console.client()
    headers = {} if key is None else {"Authorization": key}
    for path in ("mentions", "mentions/1", f"media/{'0' * 64}", "detectors", "health"):
        answer = client.get(f"{MOUNTED_AT}/{path}", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_disabled_key_is_refused(console: Console) -> None:
    client = caller(console)
    assert client.get(f"{MOUNTED_AT}/health").status_code == 200
    console.parts.store.api_keys.disable("program")
    assert client.get(f"{MOUNTED_AT}/health").status_code == 401


def test_a_key_has_its_own_budget(open_console: OpenConsole) -> None:  # noqa: F811
    console = open_console(web={"requests_per_minute": 2})
    one, other = caller(console, "one"), caller(console, "other")
    statuses = [one.get(f"{MOUNTED_AT}/health").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert int(one.get(f"{MOUNTED_AT}/health").headers["retry-after"]) >= 1
    assert other.get(f"{MOUNTED_AT}/health").status_code == 200


def test_keys_are_kept_as_hashes_and_their_use_is_noted(console: Console) -> None:
    key = console.parts.store.api_keys.add("program")
    assert key not in "\n".join(console.parts.store.db.conn.iterdump())
    assert console.parts.store.api_keys.admit(key) is not None
    (row,) = console.parts.store.api_keys.all()
    assert row.used_at is not None


def test_nothing_can_be_changed(console: Console) -> None:
    client = caller(console)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, f"{MOUNTED_AT}/mentions").status_code == 405


def test_the_document_holds_for_whatever_is_asked(console: Console) -> None:
    """schemathesis: no 5xx, answers as documented, nothing without a key."""
    key = caller(console).headers["Authorization"]
    schema = schemathesis.openapi.from_asgi(f"{MOUNTED_AT}/openapi.json", console.app)
    asked: set[str] = set()

    @given(data=strategies.data())
    @settings(
        max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck]
    )
    def ask(data: strategies.DataObject) -> None:
        operation = data.draw(strategies.sampled_from(operations))
        case = data.draw(operation.as_strategy())
        asked.add(operation.path)
        case.call_and_validate(headers={"Authorization": key})

    operations = [result.ok() for result in schema.get_all_operations()]
    ask()
    assert {path.rpartition("/v1")[2] for path in asked} == {
        *("/mentions", "/mentions/{mention_id}", "/media/{sha256}", "/detectors", "/health")
    }
