"""The configuration as people and machines read it. Secrets never leave this module in the clear."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.config.fields import Leaf, leaves, sections, value_of
from bot.config.load import FILE_VARIABLE, Configuration
from bot.redact import MASK


def plain(value: Any) -> Any:
    """A setting's value as JSON knows it; a secret as a mask."""
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, Path):
        return str(value)
    return value


def rows(configuration: Configuration) -> list[tuple[str, Any, str]]:
    """(dotted name, value, origin) of every setting, secrets masked."""
    return [
        (name, plain(value_of(configuration.settings, name)), configuration.origin(name)) for name in leaves()
    ]


def as_json(configuration: Configuration) -> str:
    """One JSON object: the file that was read, and every setting with its value and origin."""
    settings = {name: {"value": value, "from": origin} for name, value, origin in rows(configuration)}
    file = str(configuration.file) if configuration.file else None
    return json.dumps({"file": file, "settings": settings}, indent=2)


def toml_value(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, int):
        return f"{value:_}" if abs(value) >= 10_000 else str(value)
    return json.dumps(plain(value), ensure_ascii=False)


def example_toml() -> str:
    """A file with every setting at its default."""
    parts = [_TOML_HEAD]
    parts += [_toml_entry(leaf) for name, leaf in leaves().items() if "." not in name]
    for section, about in sections().items():
        parts.append(f"\n# {about}\n[{section}]\n")
        parts += [_toml_entry(leaf) for name, leaf in leaves().items() if name.startswith(f"{section}.")]
    return "".join(parts)


def _toml_entry(leaf: Leaf) -> str:
    key = leaf.name.rpartition(".")[2]
    about = f"# {leaf.about} {leaf.accepts[0].upper()}{leaf.accepts[1:]}.\n"
    if leaf.default is None:
        return f'{about}# {key} = "..."\n'
    return f"{about}{key} = {toml_value(leaf.default)}\n"


def as_markdown() -> str:
    """The page of documentation."""
    parts = [_INTRODUCTION]
    parts.append(_markdown_table([leaf for name, leaf in leaves().items() if "." not in name]))
    for section, about in sections().items():
        inside = [leaf for name, leaf in leaves().items() if name.startswith(f"{section}.")]
        parts.append(f"\n## `[{section}]`\n\n{about}\n\n{_markdown_table(inside)}")
    return "".join(parts)


def _markdown_table(entries: list[Leaf]) -> str:
    lines = ["| setting | default | accepts | what it is for |", "|---|---|---|---|"]
    for leaf in entries:
        default = "not set" if leaf.default is None else f"`{toml_value(leaf.default)}`"
        lines.append(f"| `{leaf.name}` | {default} | {leaf.accepts} | {leaf.about} |")
    return "\n".join(lines) + "\n"


_TOML_HEAD = """\
# Every setting of Veritag at its default. Copy to veritag.toml and keep what you change.
# Made by `veritag config --toml`.

"""

_INTRODUCTION = f"""\
# Configuration

This page is made by `veritag config --markdown`; `veritag.example.toml` (`veritag config --toml`) holds
the same as a file to start from.

A value comes from the first of these that has it:

1. an option of the command (`veritag run --test-mode`),
2. an environment variable: `VERITAG_` and the setting's name in capitals, with `__` for the dot
   (`VERITAG_WEB__PORT=9000`); lists as `a,b` or `["a", "b"]`; an empty variable counts as not set,
3. the configuration file: `--config FILE`, else `${FILE_VARIABLE}`, else `veritag.toml` in the working
   folder,
4. the default.

`veritag config` shows the effective value of each and where it is from. A setting that cannot be used stops
the command with one line that names it, and exit status 2. Secrets are masked wherever they would be shown.
Relative paths are relative to the working folder.

## Top level

"""
