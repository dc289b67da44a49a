"""The words of the public pages, beside those of the replies: `templates/web/public/LANGUAGE.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints

_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
FALLBACK: Final = "en"


class PageTexts(BaseModel):
    """One language. ``objection_text`` has the placeholder `contact`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: _Text
    what_was_checked: _Text
    blurred: _Text
    meaning: _Text
    meaning_text: _Text
    limits_text: _Text
    grounds: _Text
    detectors: _Text
    in_english: _Text
    evidence: _Text
    history: _Text
    first: _Text
    objection: _Text
    objection_text: _Text
    not_translated: _Text
    taken_down: _Text
    not_found: _Text
    busy: _Text


@cache
def page_texts(language: str) -> PageTexts | None:
    """The words of the page in a language that replies are written in; None where nobody has translated them.

    Raises:
        pydantic.ValidationError, tomllib.TOMLDecodeError: the file is not complete.
    """
    file = files("templates") / "web" / "public" / f"{language}.toml"
    if not file.is_file():
        return None
    return PageTexts.model_validate(tomllib.loads(file.read_text("utf-8")))


def fallback() -> PageTexts:
    """The English words."""
    found = page_texts(FALLBACK)
    assert found is not None
    return found
