"""Reading the configuration: defaults < file < environment < command line, and where each value is from."""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource
from typing_extensions import override

from bot.config.fields import leaves, sections
from bot.config.model import ENV_PREFIX, Settings
from bot.errors import ConfigError
from bot.redact import printable

DEFAULT_FILE = Path("veritag.toml")
FILE_VARIABLE = "VERITAG_CONFIG"
OTHER_VARIABLES = frozenset({FILE_VARIABLE, "VERITAG_PEERS", "VERITAG_SHARED", "VERITAG_WEIGHTS_DIR"})
# Kubernetes gives every container in a namespace with a service called "veritag" such variables.
_SERVICE_LINKS = re.compile(r"VERITAG_(SERVICE_|PORT(_|$))")
_LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class Configuration:
    """The effective settings; ``origins`` says of each dotted name that is not a default where it is from."""

    settings: Settings
    origins: Mapping[str, str]
    file: Path | None

    def origin(self, name: str) -> str:
        """A file, an environment variable, a command-line option, or `default`."""
        return self.origins.get(name, "default")


def load(file: Path | None = None, options: Mapping[str, tuple[Any, str]] | None = None) -> Configuration:
    """Read the configuration.

    Args:
        file: The TOML file; without it $VERITAG_CONFIG, else `veritag.toml` where there is one.
        options: Values of the command line by dotted name, each with the option that set it.

    Raises:
        ConfigError: one line that names the setting, what is wrong with it, where it is from, and the mend.
    """
    source = _find(file)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if source is not None:
        tree = _read_toml(source)
        _check_sections(tree, source)
        _lay_over(values, origins, tree, str(source))
    variables = _read_environment()
    _lay_over(values, origins, variables, None)
    for name, (value, option) in (options or {}).items():
        _lay_over(values, origins, _nested(name, value), option)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigError(printable(_explain(error.errors(include_url=False), origins))) from None
    return Configuration(settings, origins, source)


def _find(file: Path | None) -> Path | None:
    if file is not None:
        return file
    if named := os.environ.get(FILE_VARIABLE):
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def _read_toml(file: Path) -> dict[str, Any]:
    name = f"configuration file {printable(str(file))}"
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        mend = f"name another with --config or {FILE_VARIABLE}"
        raise ConfigError(f"{name} cannot be read ({reason}); {mend}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is not UTF-8 text; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        # The parser's words name the place, not the line's text, which may hold a secret.
        raise ConfigError(f"{name} is not valid TOML: {printable(str(error))}; mend it there") from None


def _check_sections(tree: Mapping[str, Any], file: Path) -> None:
    for name in sections():
        if not isinstance(tree.get(name, {}), dict):
            inside = ", ".join(leaf.partition(".")[2] for leaf in leaves() if leaf.startswith(f"{name}."))
            raise ConfigError(
                f"{name} (from {file}) is a section, not a value; write [{name}] and in it {inside}"
            )


class _Environment(EnvSettingsSource):
    """pydantic-settings' reader, with lists also as plain words between commas."""

    @override
    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """A list from `a, b` or from `["a", "b"]`."""
        text = str(value).strip()
        if not text.startswith("["):
            return [part.strip() for part in text.split(",") if part.strip()]
        try:
            return json.loads(text)
        except ValueError:
            return text  # refused by the model, with the setting's name


def _read_environment() -> dict[str, Any]:
    known = {leaf.env for leaf in leaves().values()} | OTHER_VARIABLES
    for variable in sorted(map(str.upper, os.environ)):
        if not variable.startswith(ENV_PREFIX) or variable in known or _SERVICE_LINKS.match(variable):
            continue
        raise ConfigError(f"unknown environment variable {printable(variable)}; {_nearest(variable, known)}")
    return dict(_Environment(Settings)())


def _nested(name: str, value: Any) -> dict[str, Any]:
    *outer, last = name.split(".")
    tree: dict[str, Any] = {last: value}
    for part in reversed(outer):
        tree = {part: tree}
    return tree


def _lay_over(
    values: dict[str, Any],
    origins: dict[str, str],
    more: Mapping[str, Any],
    origin: str | None,
    prefix: str = "",
) -> None:
    """Put `more` over `values`; without an origin each value is from its environment variable."""
    for key, value in more.items():
        name = prefix + key
        if isinstance(value, dict) and isinstance(values.setdefault(key, {}), dict):
            _lay_over(values[key], origins, value, origin, f"{name}.")
            origins.setdefault(name, origin or "the environment")
        else:
            values[key] = value
            origins[name] = origin or leaves()[name].env


def _explain(errors: list[ErrorDetails], origins: Mapping[str, str]) -> str:
    first = _explain_one(errors[0], origins)
    return first if len(errors) == 1 else f"{first} (and {len(errors) - 1} more)"


def _explain_one(error: ErrorDetails, origins: Mapping[str, str]) -> str:
    context = error.get("ctx", {})
    name = ".".join(str(part) for part in (*error["loc"], *filter(None, [context.get("field")])))
    if error["type"] == "extra_forbidden":
        nearest = _nearest(name, {*leaves(), *sections()})
        return f"unknown setting {_clip(name)}{_origin(name, origins)}; {nearest}"
    # A fault inside of a list is named after the list; the longest known beginning is the setting.
    while name not in leaves():
        name = name.rpartition(".")[0]
    leaf = leaves()[name]
    if error["type"] in _OWN_WORDS:
        fault, mend = error["msg"], str(context["mend"])
    else:
        fault, mend = _fault(error), f"use {leaf.accepts}"
    shown = "" if leaf.secret else _shown(error["input"])
    return f"{name}{shown}{_origin(name, origins)} {fault}; {mend}"


_OWN_WORDS = frozenset({"crossed", "blank", "network", "key", "hours", "time_zone"})


def _fault(error: ErrorDetails) -> str:
    kind = error["type"]
    if kind.startswith(("greater_than", "less_than", "finite")):
        return "is out of range"
    if kind.endswith("too_short"):
        return "is too short"
    if kind.endswith("too_long"):
        return "is too long"
    if kind == "string_pattern_mismatch":
        return "is not well-formed"
    return "is not of the right kind"


def _shown(value: object) -> str:
    return f" = {_clip(json.dumps(value, ensure_ascii=True))}" if isinstance(value, str | int | float) else ""


def _clip(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _origin(name: str, origins: Mapping[str, str]) -> str:
    while name and name not in origins:
        name = name.rpartition(".")[0]
    return f" (from {origins[name]})" if name else ""


def _nearest(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    if not near:
        # A right name in the wrong place: `port` for `web.port`.
        last = re.split(r"\.|__|^VERITAG_", name)[-1]
        near = [candidate for candidate in sorted(known) if re.split(r"\.|__", candidate)[-1] == last][:1]
    return f"did you mean {near[0]}?" if near else "`veritag config` lists the known ones"
