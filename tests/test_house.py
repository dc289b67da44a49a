"""The house: Makefile, container, CI and constraints are what the documentation promises."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bot.config import Settings, load
from bot.config.fields import leaves
from bot.config.load import OTHER_VARIABLES
from bot.health import Check, HealthReport
from bot.web.health import create_app
from bot.web.server import WebServer

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

# A stand-in for the interpreter: `-m venv DIR` makes one there, everything else is only written down.
PYTHON = """\
#!/bin/sh
echo "$@" >> "$CALLS"
if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "$0" "$3/bin/veritag"; fi
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of what `make` needs, with the stand-in as its interpreter."""
    for name in ["Makefile", "pyproject.toml", "constraints.txt"]:
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    script(tmp_path / "python", PYTHON)
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin" / "npm", "#!/bin/sh\nexit 1\n")  # a registry that cannot be reached
    return tmp_path


def script(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    path.chmod(0o755)


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PYTHON"))
    }
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=environment | {"CALLS": str(folder / "calls"), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def calls(folder: Path) -> list[str]:
    log = folder / "calls"
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return [line for line in lines if not line.startswith("-c ")]


def test_a_first_make_sets_up_and_a_second_does_not(house: Path) -> None:
    python = f"PYTHON={house}/python"
    assert make(house, "test", python).returncode == 0
    assert [line.split()[1] for line in calls(house)] == ["venv", "pip", "pytest"]
    assert make(house, "test", python).returncode == 0
    assert [line.split()[1] for line in calls(house)] == ["pytest"]


@pytest.mark.parametrize("changed", ["pyproject.toml", "constraints.txt"])
def test_what_is_installed_follows_what_is_to_be_installed(house: Path, changed: str) -> None:
    make(house, "setup", f"PYTHON={house}/python")
    calls(house)
    later = (house / ".venv" / ".set-up").stat().st_mtime + 10
    os.utime(house / changed, (later, later))
    make(house, "setup", f"PYTHON={house}/python")
    assert any("pip install" in line and "-c constraints.txt" in line for line in calls(house))


def test_a_setup_that_fails_is_tried_again(house: Path) -> None:
    failing = 'case "$*" in *"-m pip"*) exit 7;; esac\n'
    script(house / "python", PYTHON + failing)
    assert make(house, "setup", f"PYTHON={house}/python").returncode == 2
    calls(house)
    assert make(house, "setup", f"PYTHON={house}/python").returncode == 2
    assert len(calls(house)) == 2


@pytest.mark.parametrize(("interpreter", "word"), [("exit 1", "not Python 3.11"), (None, "no Python 3.11")])
def test_a_missing_or_old_python_is_named_with_the_mend(
    house: Path, interpreter: str | None, word: str
) -> None:
    if interpreter is not None:
        script(house / "python", f"#!/bin/sh\n{interpreter}\n")
    done = make(house, "setup", f"PYTHON={house}/python" if interpreter else "PYTHON=")
    assert done.returncode == 2
    assert word in done.stderr
    assert "PYTHON=/path/to/python" in done.stderr


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("demo", "--config samples/demo.toml run --test-mode --until-idle"),
        ("run", "run"),
        ("test", "-m pytest -n 2 -m not e2e and not training"),
        ("e2e", "-m pytest -m e2e"),
        ("bench", "-m benchmarks"),
    ],
)
def test_targets_run_what_they_promise(house: Path, target: str, command: str) -> None:
    assert make(house, target, f"PYTHON={house}/python").returncode == 0
    assert calls(house)[-1] == command


def test_end_to_end_tests_run_also_where_the_peers_cannot_be_had(house: Path) -> None:
    done = make(house, "e2e", f"PYTHON={house}/python")
    assert done.returncode == 0
    assert "the peers cannot be installed" in done.stderr
    assert calls(house)[-1] == "-m pytest -m e2e"


def test_help_names_every_target() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.M)
    assert phony
    shown = make(ROOT).stdout
    assert [name for name in phony[1].split() if f"make {name} " not in shown] == ["help"]


def test_the_demo_is_configured_to_end_with_everything_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("VERITAG_")]:
        monkeypatch.delenv(name)
    settings = load(ROOT / "samples" / "demo.toml").settings
    assert (settings.platforms, settings.inbox.folder) == (["inbox"], Path("samples/inbox"))
    assert settings.watch.first_start == "all"
    assert settings.watch.max_age_hours > 24 * 365 * 100
    assert settings.data_dir == Path(".veritag/demo")


# --- the container


def stages() -> dict[str, list[tuple[str, str]]]:
    """The Dockerfile's instructions, by stage."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found: dict[str, list[tuple[str, str]]] = {"": []}
    stage = ""
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "FROM":
            parent, _, stage = rest.partition(" AS ")
            found[stage] = [("FROM", parent)]
        elif instruction:
            found[stage].append((instruction, " ".join(rest.split())))
    return found


def history(stage: str) -> list[tuple[str, str]]:
    """A stage's instructions with those of the stages that it is built on."""
    own = stages()[stage]
    parent = own[0][1]
    return (history(parent) if parent in stages() else []) + own


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_images_run_as_a_fixed_user_without_rights(target: str) -> None:
    (user,) = [rest for instruction, rest in history(target) if instruction == "USER"]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert history(target)[-1][0] == "USER"
    uid, gid = user.split(":")
    created = " ".join(rest for instruction, rest in history(target) if instruction == "RUN")
    assert f"--uid {uid}" in created
    assert f"--gid {gid}" in created


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_images_keep_data_in_a_volume_and_need_no_other_place_to_write(target: str) -> None:
    instructions = history(target)
    environment = variables(instructions)
    assert ("VOLUME", "/data") in instructions
    assert ("WORKDIR", "/data") in instructions
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    for name in ["VERITAG_DATA_DIR", "VERITAG_WEIGHTS_DIR", "XDG_CACHE_HOME", "MPLCONFIGDIR"]:
        assert environment[name].startswith(("/data", "/tmp")), name


def variables(instructions: list[tuple[str, str]]) -> dict[str, str]:
    pairs = [pair for instruction, rest in instructions if instruction == "ENV" for pair in rest.split()]
    return dict(pair.split("=", 1) for pair in pairs)


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_the_images_settings_are_settings(
    target: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    known = {leaf.env for leaf in leaves().values()} | OTHER_VARIABLES
    for name, value in variables(history(target)).items():
        if name.startswith("VERITAG_"):
            assert name in known
            monkeypatch.setenv(name, value)
    assert load().settings.data_dir == Path("/data")


@pytest.mark.parametrize(("ok", "status"), [(True, 0), (False, 1)])
def test_the_images_health_check_asks_the_endpoint(ok: bool, status: int) -> None:
    (check,) = [rest for instruction, rest in history("cpu") if instruction == "HEALTHCHECK"]
    command = json.loads(check.partition("CMD ")[2])
    assert command[0] == "python"
    report = HealthReport((Check("watcher", ok=ok),))
    with WebServer(create_app(lambda: report), port=0) as server:
        environment = os.environ | {"VERITAG_WEB__PORT": str(server.port), "no_proxy": "127.0.0.1"}
        done = subprocess.run(
            [sys.executable, *command[1:]], env=environment, capture_output=True, check=False, timeout=30
        )
    assert done.returncode == status
    assert "'8080'" in command[-1]
    assert Settings().web.port == 8080


def test_the_image_is_built_from_the_packages_and_nothing_private() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored
    kept = {line[1:] for line in ignored if line.startswith("!")}
    packages = {
        pattern.rstrip("*") for pattern in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    }
    assert packages <= kept
    assert kept - packages == {"pyproject.toml", "constraints.txt", "README.md", "LICENSE"}


def test_the_dockerfile_keeps_to_good_custom() -> None:
    everything = [pair for stage in stages().values() for pair in stage]
    bases = [rest for instruction, rest in everything if instruction == "FROM" and rest not in stages()]
    assert bases
    assert all(base == "python:${PYTHON_VERSION}-slim" for base in bases)
    assert not [rest for instruction, rest in everything if instruction in {"ADD", "MAINTAINER"}]
    assert ("ENTRYPOINT", '["veritag"]') in history("cpu")
    assert [name for name in stages() if name][-1] == "cpu"


# --- CI and constraints


def test_ci_stops_at_the_first_fault_and_runs_every_kind_of_check() -> None:
    file = ROOT / ".ci" / "run"
    text = file.read_text("utf-8")
    assert os.access(file, os.X_OK)
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text
    for command in ["make setup", "ruff check", "ruff format --check", "mypy", "pytest"]:
        assert command in text
    assert subprocess.run(["bash", "-n", file], check=False).returncode == 0


def test_every_direct_dependency_is_constrained() -> None:
    def name_of(requirement: str) -> str:
        found = re.match(r"[\w.-]+", requirement)
        assert found
        return re.sub(r"[-_.]+", "-", found[0]).lower()

    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = {name_of(line) for line in lines if "==" in line and not line.startswith("#")}
    extras = PROJECT["project"]["optional-dependencies"]
    needed = PROJECT["project"]["dependencies"] + extras["dev"] + extras["training"]
    assert {name_of(requirement) for requirement in needed} - {PROJECT["project"]["name"]} <= pinned
