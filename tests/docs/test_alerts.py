"""The alert rules that ship ask for metrics that the service has."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from bot.health import Check, HealthReport
from bot.web.metrics import ServiceFigures
from state.store import Store
from tests.state.conftest import clock, open_store  # noqa: F401 - fixtures

RULES = Path(__file__).parents[2] / "docs" / "alerts.yml"
ILL = HealthReport((Check("engine", ok=False, detail="no detector could be loaded", age_seconds=1.0),))


@pytest.fixture
def names(open_store: Callable[[], Store]) -> set[str]:  # noqa: F811
    return {metric.name for metric in ServiceFigures(open_store(), lambda: ILL, list).collect()}


def test_every_rule_is_whole_and_asks_for_what_there_is(names: set[str]) -> None:
    rules = [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 5
    for rule in rules:
        asked = set(re.findall(r"veritag_\w+", rule["expr"]))
        assert asked <= names, rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert {"summary", "description"} <= set(rule["annotations"])
