"""The language files: what they must hold, reading them, filling them in, taking turns."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, TypeVar

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import SandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from analysis.model import Band, Kind
from bot.errors import ConfigError
from bot.replies.model import FAILURES

_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
_Joiner = Annotated[str, StringConstraints(max_length=3)]
_Wordings = Annotated[tuple[_Text, ...], Field(min_length=3)]
_Sayings = Annotated[tuple[_Text, ...], Field(min_length=1)]
_Key = TypeVar("_Key", bound=str)
_Value = TypeVar("_Value")
_MEDIA = (*(kind.value for kind in Kind), "mixed")

# The text of a reply is plain, never HTML: escaping would only spoil it.
_ENVIRONMENT = SandboxedEnvironment(autoescape=False, undefined=StrictUndefined)


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FrameWords(_Words):
    """How the pieces of a reply are put together. What stands between them is taken blanks and all."""

    greeting: _Text
    sentence_end: _Text
    between_sentences: _Joiner
    between_items: _Joiner
    between_numbers: _Joiner


class MediaWords(_Words):
    """How one kind of medium is called, ready to follow a verb or "in"."""

    name: _Text
    plural: _Text
    this: _Text
    all: _Text
    some: _Text


class FailureWords(_Words):
    """One reason: ``brief`` for the list of a gallery, whole sentences for a reply."""

    brief: _Text
    wordings: Annotated[tuple[_Text, ...], Field(min_length=2)]


class PartWords(_Words):
    """The building blocks that follow the main sentence where there is room."""

    gallery_item: _Text
    gallery_brief: _Text
    not_checked: _Text
    estimate: _Text
    limited_evidence: _Text
    earlier: _Text
    earlier_copy: _Text
    licence_note: _Text


class DetailWords(_Words):
    """The longer answer of `details`: what each check looked at, what it found, how often that is wrong."""

    intro: _Text
    item: _Text
    several: _Text
    picture: _Text
    faces: _Text
    sound: _Text
    words: _Text
    search: _Text
    signs: _Text
    little_sign: _Text
    undecided: _Text
    not_counted: _Text
    false_alarms: _Text
    misses: _Text
    no_rates: _Text


class CardWords(_Words):
    """What stands on the picture that goes with a verdict (`bot.card`), beside the verdict itself."""

    limits: _Text
    checked: _Text
    correction: _Text
    picture: _Text


class OrderWords(_Words):
    """What people say to the bot behind its handle (`bot.orders`), each a word or a few."""

    language: _Sayings
    details: _Sayings
    stop: _Sayings
    start: _Sayings
    filler: _Sayings
    thanks: _Sayings


class Wordings(_Words):
    """One language: everything that the bot can say in it, complete."""

    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[a-z0-9]+)*$")]
    name: _Text
    frame: FrameWords
    signs: dict[Band, _Text]
    bands: dict[Band, _Text]
    results: dict[Band, _Text]
    media: dict[str, MediaWords]
    parts: PartWords
    details: DetailWords
    card: CardWords
    orders: OrderWords
    pending: _Wordings
    pointer: _Wordings
    verdict: dict[Band, _Wordings]
    correction: dict[Band, _Wordings]
    failure: dict[str, FailureWords]

    @field_validator("signs", "bands", "results", "verdict", "correction")
    @classmethod
    def _has_every_band(cls, value: dict[Band, object]) -> dict[Band, object]:
        return _complete(value, Band)

    @field_validator("media")
    @classmethod
    def _has_every_medium(cls, value: dict[str, object]) -> dict[str, object]:
        return _complete(value, _MEDIA)

    @field_validator("failure")
    @classmethod
    def _has_every_failure(cls, value: dict[str, object]) -> dict[str, object]:
        return _complete(value, FAILURES)

    def of(self, slot: str) -> tuple[str, ...]:
        """The wordings of a slot (`bot.replies.model.slot`)."""
        kind, _, key = slot.partition(".")
        if kind in {"pending", "pointer"}:
            return self.pending if kind == "pending" else self.pointer
        if kind == "failure":
            return self.failure[key].wordings
        return (self.verdict if kind == "verdict" else self.correction)[Band(key)]


@cache
def languages() -> tuple[str, ...]:
    """The languages that have a file, in alphabetical order; looked up once."""
    return tuple(sorted(file.name.removesuffix(".toml") for file in _files()))


@cache
def wordings(language: str) -> Wordings:
    """The language file of that name, read once.

    Raises:
        ConfigError: there is none, or it is not complete; names the file and the key.
    """
    return _read(_file(language))


def source(language: str) -> str:
    """The language file as it is written, comments and all.

    Raises:
        ConfigError: there is none.
    """
    return _file(language).read_text("utf-8")


def fill(text: str, **values: object) -> str:
    """A wording with its placeholders filled in.

    Raises:
        jinja2.UndefinedError: a placeholder that is not given.
    """
    return _template(text).render(**values)


def turns(count: int, turn: int, seed: str) -> list[int]:
    """All of 0 ... count-1, in the order to try them at this turn; the first is this turn's own.

    Turn by turn, each wording comes once before any comes again, every round in another order, and none
    comes twice in a row. The same seed always gives the same orders.
    """
    around, place = divmod(turn, count)
    order = _round(count, around, seed)
    return order[place:] + order[:place]


def _round(count: int, around: int, seed: str) -> list[int]:
    order = _shuffled(count, around, seed)
    # With three or more, moving the first back leaves the last alone, so the previous round's raw order
    # tells what it ended with. Two can only alternate.
    if count == 2:
        return _shuffled(count, 0, seed)
    if count > 2 and around > 0 and order[0] == _shuffled(count, around - 1, seed)[-1]:
        order[0], order[1] = order[1], order[0]
    return order


def _shuffled(count: int, around: int, seed: str) -> list[int]:
    order = list(range(count))
    random.Random(f"{seed}/{around}").shuffle(order)
    return order


def _files() -> list[Traversable]:
    folder = files("templates") / "replies"
    return [file for file in folder.iterdir() if file.name.endswith(".toml")]


def _file(language: str) -> Traversable:
    for file in _files():
        if file.name == f"{language}.toml":
            return file
    raise ConfigError(f"there are no replies in {language!r}; known: {', '.join(languages())}")


def _read(file: Traversable) -> Wordings:
    where = f"templates/replies/{file.name}"
    try:
        found = Wordings.model_validate(tomllib.loads(file.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise ConfigError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    if f"{found.language}.toml" != file.name:
        raise ConfigError(f"{where}: language is {found.language!r}; name the file {found.language}.toml")
    return found


@cache
def _template(text: str) -> Template:
    return _ENVIRONMENT.from_string(text)


def _complete(value: dict[_Key, _Value], keys: Iterable[_Key]) -> dict[_Key, _Value]:
    wanted = list(keys)
    for fault, those in (
        ("missing", [key for key in wanted if key not in value]),
        ("unknown", [key for key in value if key not in wanted]),
    ):
        if those:
            raise ValueError(f"{fault}: {', '.join(those)}")
    return value
