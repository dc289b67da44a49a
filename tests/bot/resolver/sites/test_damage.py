"""Every answer of every fixture, damaged: whatever a site says, there are media or a reason, nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ResolveFailure as Why
from bot.resolver.replay import Fixture, NotRecorded
from bot.resolver.sites.table import SITES
from tests.bot.resolver.sites.replaying import FIXTURES, KEYS, Replayed, resolve

WALL = "<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"
PAGE = "<!DOCTYPE html><html><head><title>Welcome</title></head><body><p>Hello</p></body></html>"
HTML = {"content-type": "text/html"}
UNREAD = {Why.SITE_CHANGED, Why.UNSUPPORTED, Why.NETWORK, Why.GONE, Why.NO_MEDIA, Why.LOGIN_NEEDED}
"""Of an answer that makes no sense: it depends on whether that should have been a page, JSON or a file."""
DAMAGE: dict[str, tuple[dict[str, Any], set[Why]]] = {
    "empty": ({"text": ""}, UNREAD),
    "a page": ({"text": PAGE, "headers": HTML}, UNREAD),
    "an empty object": ({"json": {}}, UNREAD),
    "an empty list": ({"json": []}, UNREAD),
    "null": ({"json": None}, UNREAD),
    "a number": ({"json": 7}, UNREAD),
    "deep": ({"text": "[" * 100_000}, UNREAD),
    "bytes": ({"media": "image/png"}, UNREAD),
    "a challenge": ({"text": WALL, "headers": HTML, "status": 403}, {Why.RATE_LIMITED, Why.PRIVATE}),
    "not found": ({"text": "", "status": 404}, {Why.GONE, Why.NETWORK, Why.SITE_CHANGED, Why.UNSUPPORTED}),
    "rate limited": ({"text": "", "status": 429}, {Why.RATE_LIMITED}),
    "down": ({"text": "", "status": 503}, {Why.NETWORK}),
}
ROUTES = {record.name: [route.name for route in record.routes if route.name != "yt_dlp"] for record in SITES}
CASES = sorted(FIXTURES.rglob("*.json"))
OTHER_VALUES: tuple[Any, ...] = (None, [], {}, "text", -1)


def outcome(content: dict[str, Any], path: Path, route: str) -> Replayed | None:
    """What comes of a fixture by one route; None where that asks for what the fixture does not have."""
    try:
        return resolve(Fixture(content, path.parent), keys=KEYS, order={path.parent.name: (route,)})
    except NotRecorded:
        return None


def asked_for() -> Iterator[Any]:
    """Every answer of a fixture by which a route finds media: path, route, number of the answer."""
    for path in CASES:
        content = json.loads(path.read_text("utf-8"))
        for route in ROUTES[path.parent.name]:
            seen = outcome(content, path, route)
            for number, each in enumerate(content["exchanges"]):
                if seen is not None and seen.found is not None and each["url"] in seen.asked:
                    name = f"{path.parent.name}/{path.stem}-{route}-{number}"
                    yield pytest.param(path, route, number, id=name)


ANSWERS = list(asked_for())


def answered(path: Path, number: int, **body: object) -> dict[str, Any]:
    """A fixture in which one answer has another body, status or headers."""
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    kept = {key: value for key, value in content["exchanges"][number].items() if key in {"method", "url"}}
    content["exchanges"][number] = {**kept, **body}
    return content


def test_every_site_has_answers_to_damage() -> None:
    assert {each.values[0].parent.name for each in ANSWERS} == set(ROUTES) - {"short_links", "youtube"}


@pytest.mark.parametrize(("path", "route", "number"), ANSWERS)
def test_another_answer_has_its_reason(path: Path, route: str, number: int) -> None:
    for name, (damage, reasons) in DAMAGE.items():
        seen = outcome(answered(path, number, **damage), path, route)
        assert seen is None or seen.found is not None or seen.reason in reasons, name


@pytest.mark.parametrize(("path", "route", "number"), ANSWERS)
def test_an_answer_that_is_cut_off_has_a_reason(path: Path, route: str, number: int) -> None:
    each = json.loads(path.read_text("utf-8"))["exchanges"][number]
    is_json = "json" in each
    text = (
        json.dumps(each["json"])
        if is_json
        else (path.parent / each["file"]).read_text("utf-8")
        if "file" in each
        else ""
    )
    for part in range(8):
        cut = answered(path, number, text=text[: len(text) * part // 8], headers=each.get("headers", {}))
        seen = outcome(cut, path, route)
        if seen is not None and seen.found is None:
            assert seen.reason in Why
            if is_json:
                assert seen.reason in {Why.SITE_CHANGED, Why.NETWORK, Why.UNSUPPORTED}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in JSON, as its container and its key."""
    if isinstance(value, dict | list):
        for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from places(inner)


def data_of(path: Path, number: int) -> tuple[Any, str, str]:
    """The JSON of an answer, or in its page, with the text before and behind it; None where it has none."""
    each = json.loads(path.read_text("utf-8"))["exchanges"][number]
    if "json" in each:
        return each["json"], "", ""
    page = (path.parent / each["file"]).read_text("utf-8") if each.get("file", "").endswith(".html") else ""
    start = page.find(">{")
    if start < 0:
        return None, "", ""
    try:
        data, length = json.JSONDecoder().raw_decode(page[start + 1 :])
    except ValueError:
        return None, "", ""
    return data, page[: start + 1], page[start + 1 + length :]


@pytest.mark.parametrize(("path", "route", "number"), ANSWERS)
def test_data_with_anything_missing_or_of_another_kind_have_a_reason(
    path: Path, route: str, number: int
) -> None:
    data, before, behind = data_of(path, number)
    for container, key in list(places(data)):
        held = container[key]
        for value in OTHER_VALUES:
            container[key] = value
            body = f"{before}{json.dumps(data)}{behind}"
            kind = "text/html" if before else "application/json"
            damaged = answered(path, number, text=body, headers={"content-type": kind})
            seen = outcome(damaged, path, route)
            assert seen is None or seen.found is not None or seen.reason in Why
        container[key] = held
