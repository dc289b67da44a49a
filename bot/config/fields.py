"""The settings as a flat list: what documentation, error messages and `veritag config` know of each."""

from __future__ import annotations

import types
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bot.config.base import Unit
from bot.config.model import ENV_DELIMITER, ENV_PREFIX, Settings


@dataclass(frozen=True, slots=True)
class Leaf:
    """One setting. ``name`` is dotted (`web.port`); ``accepts`` says in words what may stand there."""

    name: str
    about: str
    accepts: str
    default: Any
    secret: bool
    is_list: bool

    @property
    def env(self) -> str:
        """The environment variable that sets it."""
        return ENV_PREFIX + self.name.replace(".", ENV_DELIMITER).upper()


@cache
def leaves() -> dict[str, Leaf]:
    """Every setting by its dotted name, in the order in which they are declared."""
    found: dict[str, Leaf] = {}
    for name, field in Settings.model_fields.items():
        section = _section(field)
        inside = {f"{name}.{key}": inner for key, inner in section.model_fields.items()} if section else {}
        for leaf, leaf_field in (inside or {name: field}).items():
            found[leaf] = _leaf(leaf, leaf_field)
    return found


@cache
def sections() -> dict[str, str]:
    """Every section by its name, with what it is about."""
    return {
        name: (section.__doc__ or "").strip()
        for name, field in Settings.model_fields.items()
        if (section := _section(field)) is not None
    }


def value_of(settings: Settings, name: str) -> Any:
    """The value of the setting of that dotted name."""
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind: Any = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _leaf(name: str, field: FieldInfo) -> Leaf:
    kinds = set(_kinds(field.annotation))
    return Leaf(
        name=name,
        about=field.description or "",
        accepts=_accepts(field),
        default=field.get_default(call_default_factory=True),
        secret=SecretStr in kinds,
        is_list=list in kinds,
    )


def _kinds(annotation: Any) -> list[Any]:
    """The plain types behind an annotation, without `Annotated`, `None` and type arguments."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return [kind for part in get_args(annotation) for kind in _kinds(part)]
    if origin is Literal:
        return [str]
    if hasattr(annotation, "__metadata__"):
        return _kinds(annotation.__origin__)
    return [origin or annotation]


def _accepts(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in get_args(field.annotation))
    kinds = _kinds(field.annotation)
    if list in kinds:
        return _accepts_list(field)
    noun = next(words for kind, words in _NOUNS.items() if kind in kinds)
    if field.examples:
        return f'{noun} such as "{field.examples[0]}"'
    units = [item.text for item in field.metadata if isinstance(item, Unit)]
    return " ".join(filter(None, [noun, f"of {units[0]}" if units else "", _range(field)]))


def _accepts_list(field: FieldInfo) -> str:
    item = FieldInfo.from_annotation(get_args(field.annotation)[0])
    of_what = "whole numbers" if item.annotation is int else "texts"
    least = any(isinstance(item, annotated_types.MinLen) for item in field.metadata)
    return " ".join(filter(None, ["a list of", of_what, _range(item), "with at least one" if least else ""]))


_NOUNS: dict[type, str] = {
    bool: "true or false",
    SecretStr: "a secret text",
    Path: "a path",
    int: "a whole number",
    float: "a number",
    str: "a text",
}


def _range(field: FieldInfo) -> str:
    parts = []
    for item in field.metadata:
        match item:
            case annotated_types.Ge(ge=bound):
                parts.append(f"from {_plain(bound)}")
            case annotated_types.Gt(gt=bound):
                parts.append(f"above {_plain(bound)}")
            case annotated_types.Le(le=bound):
                parts.append(f"to {_plain(bound)}")
            case annotated_types.Lt(lt=bound):
                parts.append(f"below {_plain(bound)}")
            case annotated_types.MinLen(min_length=least) if least > 1:
                parts.append(f"of at least {least} characters")
    return " ".join(parts)


def _plain(number: Any) -> str:
    return f"{number:,}".replace(",", " ") if isinstance(number, int) else str(number)
