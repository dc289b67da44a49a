"""The one door, and how light it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from analysis.ensemble import POLICIES, create_policy
from analysis.errors import ConfigurationError
from analysis.model import Band, Kind
from tests.analysis.ensemble.builders import score

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", POLICIES)
def test_each_policy_judges_out_of_the_box(name: str) -> None:
    policy = create_policy(name)
    verdict = policy.judge(Kind.IMAGE, [score("unheard_of", 0.4)])
    assert (policy.name, verdict.policy) == (name, name)
    assert verdict.band in (Band.LOW, Band.UNCERTAIN)
    assert policy.fingerprint == create_policy(name).fingerprint


def test_an_unknown_policy_is_named_with_the_known() -> None:
    with pytest.raises(ConfigurationError, match="'quorum'; known: calibrated, vote"):
        create_policy("quorum")


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_score_that_is_none_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match="d: a score must lie between 0 and 1"):
        create_policy(name).judge(Kind.IMAGE, [score("d", value)])


@pytest.mark.parametrize("name", POLICIES)
def test_a_detector_scores_once(name: str) -> None:
    with pytest.raises(ValueError, match="d scored one medium twice"):
        create_policy(name).judge(Kind.IMAGE, [score("d", 0.1), score("d", 0.2)])


def test_limits_reach_the_policy() -> None:
    with pytest.raises(ConfigurationError, match="low_misses"):
        create_policy("calibrated", low_misses=2)
    assert create_policy("calibrated").fingerprint != create_policy("calibrated", low_misses=0.3).fingerprint


def test_judging_imports_neither_torch_nor_numpy() -> None:
    code = (
        "import sys\n"
        "from analysis.ensemble import create_policy\n"
        "from analysis.ensemble.combine import combine\n"
        "from analysis.model import Kind, Score\n"
        "for name in ('calibrated', 'vote'):\n"
        "    create_policy(name).judge(Kind.IMAGE, [Score('tiny_ladeda', 0.7, True)])\n"
        "sys.exit(any(heavy in sys.modules for heavy in ('torch', 'numpy', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
