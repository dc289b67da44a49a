"""What `docs/operations.md` says is so: reasons, commands, queries, settings, checks, events."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.errors import Refusal
from analysis.model import Band, Verdict
from analysis.stub import StubAnalyzer
from bot import flow, manners, parts, patience, process, request, sending
from bot.config.fields import leaves, sections
from bot.errors import ResolveFailure
from bot.service import Service
from state.model import Mode
from state.store import Store
from tests.bot.killing import Quiet, settings_for
from tests.bot.world import InboxWorld, busy_inbox, png
from tests.docs.pages import PAGES, ROOT, blocks, make_checkout, run

PAGE = "operations.md"
TEXT = (PAGES / PAGE).read_text("utf-8")
BLOCKS = blocks(PAGE)


def tree(module: object) -> ast.Module:
    return ast.parse(Path(str(module.__file__)).read_text("utf-8"))  # type: ignore[attr-defined]


def words(node: ast.AST) -> Iterator[str]:
    """The text constants in an expression that can be reason codes."""
    for each in ast.walk(node):
        value = each.value if isinstance(each, ast.Constant) else None
        if isinstance(value, str) and re.fullmatch(r"[a-z]+(_[a-z]+)*", value):
            yield value


def returned(module: object, function: str) -> Iterator[str]:
    """Codes that a function returns as they stand."""
    (found,) = (
        each for each in ast.walk(tree(module)) if isinstance(each, ast.FunctionDef) and each.name == function
    )
    for each in ast.walk(found):
        if isinstance(each, ast.Return) and isinstance(each.value, ast.Constant | ast.IfExp):
            yield from words(each.value)


def decided() -> Iterator[str]:
    """Codes of what is settled when a mention is stored."""
    yield from returned(manners, "_never_answered")
    yield from returned(manners, "turned_away")
    for node in ast.walk(tree(manners)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Decision":
            yield from words(node.args[0])


def flow_codes() -> Iterator[str]:
    """Codes that the flow names: in what it raises, gives up, ignores, and looks up by the error's kind."""
    place = {
        "TryAgain": 0,
        "_give_up": 1,
        "_abandon": 1,
        "_ignore": 2,
        "_answer_failure": 2,
        "end_as_failed": 2,
    }
    for node in (node for module in (flow, patience, sending) for node in ast.walk(tree(module))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in place and isinstance(node.args[place[name]], ast.Constant | ast.BoolOp):
                yield from words(node.args[place[name]])
        elif isinstance(node, ast.Dict) and any(getattr(key, "id", "") == "PostGone" for key in node.keys):
            for value in node.values:
                yield from words(value)


def codes() -> set[str]:
    """Every reason with which a mention can end or wait."""
    return {
        *(code.value for code in Refusal),
        *(code.value for code in ResolveFailure),
        *decided(),
        *returned(request, "_reason"),
        *flow_codes(),
    }


def table(header: str) -> list[list[str]]:
    """The cells of the table that begins with this header."""
    rows = TEXT.split(header, 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_codes_are_found_in_the_code() -> None:
    assert codes() >= {"own_post", "asker_limit", "asked_already", "post_hidden", "outcome_unknown"}
    assert codes() >= {
        "order_stop",
        "interrupted",
        "internal_error",
        "engine_failed",
        "default",
        "reply_refused",
    }


def test_the_table_of_reasons_is_complete_and_invents_none() -> None:
    listed = [row[0].strip("`") for row in table("| reason | state |")]
    assert len(listed) == len(set(listed))
    assert set(listed) == codes()


def test_the_table_says_what_is_ignored() -> None:
    ignored = {row[0].strip("`") for row in table("| reason | state |") if row[1] == "ignored"}
    assert ignored == {*decided(), "nothing_asked", "asked_already", "thread_limit"}


def test_settings_on_the_page_are_settings() -> None:
    known = "|".join(sections())
    named = set(re.findall(rf"`((?:{known})\.[a-z_]+)\b", TEXT))
    assert named
    assert named <= set(leaves())
    assert set(re.findall(r"`\[([a-z]+)\]`", TEXT)) <= set(sections())


def test_events_on_the_page_are_logged() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "bot").rglob("*.py"))
    named = [row[0].strip("`") for row in table("| event |")] + ["step_postponed", "loop_waits"]
    assert [name for name in named if not re.search(rf'log\.\w+\(\s*"{name}"', source)] == []


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a bot has run, in both modes, with its settings and a medium at hand."""
    place = make_checkout(tmp_path_factory.mktemp("operations"))
    busy_inbox(place / "inbox")
    (place / "veritag.toml").write_text(next(b.text for b in BLOCKS if b.language == "toml"), "utf-8")
    (place / "photo.png").write_bytes(png(1))
    for test_mode in (True, False):
        live(place, test_mode=test_mode)
    return place


def live(place: Path, *, test_mode: bool, data_dir: str = ".veritag", spectator: Quiet | None = None) -> None:
    """Run the bot until nothing is left to do; it finds little evidence in the medium at hand."""
    low = Verdict(Band.LOW, 0.2, "stub", ())
    analyzer = StubAnalyzer({hashlib.sha256(png(1)).hexdigest(): low})
    settings = settings_for(place / "inbox", place / data_dir, test_mode=test_mode)
    process.run(settings, spectator or Quiet(), until_idle=True, make_analyzer=lambda *_: analyzer)


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="the command sqlite3 is not installed")
def test_commands_run_in_order(place: Path) -> None:
    """Also the page's way of making room: what was removed is fetched again for the next asker."""
    for path in (place / ".veritag" / "media").glob("??/*"):
        os.utime(path, (1e9, 1e9))
    said = [run(block.text, place) for block in BLOCKS if block.language == "sh"]
    assert "mode: live" in said[0]
    assert "mode: test" in said[0]
    assert "A correction to @" in said[1]
    assert "Written to" in said[2]
    assert "The calibration that ships is used" in said[2]
    assert said[3] == "ok\n"
    media = [path.name for path in (place / ".veritag" / "media").rglob("*") if len(path.name) == 64]
    assert media == [hashlib.sha256(png(1)).hexdigest()]  # it has been reviewed
    assert len([path for path in (place / "backup-media").rglob("*") if len(path.name) == 64]) == 3

    InboxWorld(place / "inbox", exist_ok=True).mention("m-later", parent_id="p2", author="eve")
    live(place, test_mode=False)
    store = Store(place / ".veritag" / "state.sqlite3", Mode.LIVE)
    (later,) = (m for m in store.mentions.in_state(*list(store.mentions.counts())) if m.asker_handle == "eve")
    assert (later.state, later.reason) == ("answered", None)
    store.close()


QUERIES = [block.text for block in BLOCKS if block.language == "sql"]


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_queries_run_on_a_file_that_is_open_for_reading(query: str, place: Path) -> None:
    connection = sqlite3.connect(f"file:{place}/.veritag/state.sqlite3?mode=ro", uri=True)
    rows = connection.execute(query).fetchall()
    connection.close()
    waiting = {"FROM jobs", "'queued', 'sending'", "FROM reviews", "FROM spending"}
    assert rows or any(words in query for words in waiting)


def test_checks_on_the_page_are_those_of_the_endpoint(place: Path) -> None:
    named = {
        name.replace("PLATFORM", "inbox")
        for row in table("| check |")
        for name in re.findall(r"`([^`]+)`", row[0])
    }
    seen: set[str] = set()

    class Looking(Quiet):
        def idle(self, store: object, new: int) -> None:
            seen.update(check.name for check in service[0].health().checks)

    make = parts.build_service
    service: list[Service] = []

    def build(*arguments: Any) -> Service:
        service.append(make(*arguments))
        return service[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "build_service", build)
        live(place, test_mode=True, data_dir="other", spectator=Looking())
    assert seen == named


def test_the_container_is_run_as_its_file_says() -> None:
    command = next(block.text for block in BLOCKS if "docker run" in block.text)
    asked = (ROOT / "Dockerfile").read_text("utf-8").partition("ARG ")[0]
    for option in re.findall(r"--(?:read-only|tmpfs \S+|cap-drop \S+|security-opt \S+)|-v \S+", asked):
        assert option in command
