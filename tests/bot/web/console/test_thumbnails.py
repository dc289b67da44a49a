"""The route of small pictures: safe headers, and nothing but media that were had."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image

from tests.bot.web.console.conftest import Console


@pytest.fixture
def settled(console: Console) -> Iterator[Console]:
    console.settle()
    yield console
    console.parts.resolver.close()


def address(console: Console) -> str:
    found = re.search(r"/console/thumbnails/[0-9a-f]{64}\.webp", console.client().get("/console").text)
    assert found
    return found[0]


def test_a_thumbnail_is_a_webp_in_a_sandbox(settled: Console) -> None:
    answer = settled.client().get(address(settled))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert Image.open(BytesIO(answer.content)).format == "WEBP"


def test_a_medium_that_is_gone_shows_a_sign_that_is_not_kept(settled: Console) -> None:
    where = address(settled)
    first = settled.client().get(where)
    sha256 = where.rpartition("/")[2].removesuffix(".webp")
    settled.parts.keeper.delete(sha256)
    answer = settled.client().get(where)
    assert answer.status_code == 200
    assert answer.content != first.content
    assert answer.headers["cache-control"] == "no-store"
    assert sha256 not in settled.client().get("/console").text.replace(f'value="{sha256}"', "")


@pytest.mark.parametrize("name", ["..%2f..%2fstate.sqlite3", "%2e%2e/secret", "x" * 64, "A" * 64, "0" * 63])
def test_nothing_else_has_a_name(settled: Console, name: str) -> None:
    assert settled.client().get(f"/console/thumbnails/{name}.webp").status_code in {404, 422}
    unknown = hashlib.sha256(name.encode()).hexdigest()
    assert settled.client().get(f"/console/thumbnails/{unknown}.webp").status_code == 404


def test_thumbnails_are_for_operators(settled: Console) -> None:
    where = address(settled)
    settled.account("ann", "viewer")
    assert settled.client().get(where).status_code == 303
