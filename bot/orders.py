"""What people say to the bot behind its handle: a language, `details`, `stop`, `start`, or thanks.

The words are in the language files, all languages at once: whoever says "auf deutsch" need not have asked in
German. An order stands in a clause of its own ("is this real? auf deutsch, bitte"), or, where it is a phrase
of several words, right behind a handle ("@veritag en español es real esto"). Whatever else is said means
nothing here: "he speaks in English" is no order. `stop` and `start` count only where nothing else is said.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import regex

from bot.replies.wordings import languages, wordings

# A handle as any of the platforms writes it, with its server or domain.
_HANDLE = regex.compile(r"@[\w.-]*\w(@[\w.-]*\w)?")
_HANDLE_WAS = "\0"
_CLAUSE_END = regex.compile(r"[\0\n.,;:!?¡¿،؛؟。、！？：；।…()\"“”„«»「」—–]+")
# Scripts that write words without blanks between them.
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]")
_TAG_WITH_REGION = regex.compile(r"[a-z]{2,3}-(?:[a-z]{4}-)?(?:[a-z]{2}|\d{3})")

STOP, START, DETAILS, FILLER, THANKS = "stop", "start", "details", "filler", "thanks"


@dataclass(frozen=True, slots=True)
class Orders:
    """What was said. ``opt`` is `STOP`, `START` or None; ``thanks``: nothing was said but thanks."""

    language: str | None = None
    details: bool = False
    opt: str | None = None
    thanks: bool = False

    @property
    def any(self) -> bool:
        """Whether the bot was told to do something."""
        return bool(self.language or self.details or self.opt)


def read_orders(text: str) -> Orders:
    """The orders in the text of a mention; handles in it, the bot's or others', are passed over."""
    clauses = list(_clauses(text))
    whole = [_meanings(clause) for clause, _ in clauses]
    if whole and all(meaning is not None for meaning in whole):
        meanings = [each for meaning in whole for each in meaning or ()]
        told = [each for each in meanings if each != FILLER]
        if told and set(told) in ({STOP}, {START}):
            return Orders(opt=told[0])
        if told and set(told) == {THANKS}:
            return Orders(thanks=True)
    found: list[str] = []
    for (clause, follows_handle), meaning in zip(clauses, whole, strict=True):
        if meaning is not None:
            found += meaning
        elif follows_handle:
            found += _leading(clause)
    language = next((each.removeprefix("language:") for each in found if each.startswith("language:")), None)
    return Orders(language, DETAILS in found)


def says(text: str, handle: str) -> bool:
    """Whether a text speaks of somebody by name without an @: by their handle up to any dot or @."""
    name = _plain(regex.split(r"[.@]", handle)[0])
    return bool(name) and any(name in clause.split() for clause, _ in _clauses(text))


def _clauses(text: str) -> Iterator[tuple[str, bool]]:
    """The clauses of a text, plain, each with whether it follows a handle directly."""
    spoken = _HANDLE.sub(_HANDLE_WAS, text)
    start, follows = 0, False
    for end in (*_CLAUSE_END.finditer(spoken), None):
        clause = _plain(spoken[start : end.start() if end else None])
        if clause:
            yield clause, follows
        if end:
            start, follows = end.end(), _HANDLE_WAS in end.group()


def _meanings(clause: str) -> list[str] | None:
    """What a clause means, phrase by phrase; None where any part of it is no phrase that is known."""
    found, place = [], 0
    while place < len(clause):
        match = _phrases().match(clause, place)
        tag = _TAG_WITH_REGION.match(clause, place)
        if tag and tag.end() > (match.end() if match else 0) and _ends(clause, tag.end()):
            base = tag.group().split("-")[0]
            if base not in languages() and tag.group() not in languages():
                return None
            found.append(f"language:{tag.group()}")
            place = tag.end()
        elif match and match.end() > place:
            found.append(_meaning_of()[match.group()])
            place = match.end()
        else:
            return None
        while place < len(clause) and clause[place] == " ":
            place += 1
    return found


def _leading(clause: str) -> list[str]:
    """The order that a clause begins with, if that is a phrase of several words."""
    match = _phrases().match(clause)
    meaning = _meaning_of()[match.group()] if match else FILLER
    if match is None or " " not in match.group() or meaning in {STOP, START, FILLER, THANKS}:
        return []
    return [meaning]


def _ends(clause: str, place: int) -> bool:
    return place == len(clause) or clause[place] == " "


@cache
def _meaning_of() -> dict[str, str]:
    """Every phrase of every language with what it means. An order's word is one in whatever language."""
    found: dict[str, str] = {}
    for language in languages():
        words = wordings(language).orders
        for meaning, phrases in (
            (f"language:{language}", words.language),
            (DETAILS, words.details),
            (STOP, words.stop),
            (START, words.start),
            (FILLER, words.filler),
            (THANKS, words.thanks),
        ):
            for phrase in phrases:
                found.setdefault(_plain(phrase), meaning)
    return found


@cache
def _phrases() -> regex.Pattern[str]:
    """Matches the longest phrase that stands at a place and ends where a word does."""
    longest_first = sorted(_meaning_of(), key=len, reverse=True)
    marked = (
        regex.escape(phrase) + ("" if _UNSPACED.search(phrase) else r"(?!\w)") for phrase in longest_first
    )
    return regex.compile("|".join(marked))


def _plain(text: str) -> str:
    """Letters as they are compared: small, without accents, one blank between words, no emoji around."""
    folded = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    letters = "".join(c for c in folded if unicodedata.category(c)[0] in "LNZ" or c in "-'" or _vowel_sign(c))
    return " ".join(letters.split())


def _vowel_sign(character: str) -> bool:
    """Whether this is a mark that spells, as in Devanagari; accents of other scripts are left out."""
    return unicodedata.category(character) == "Mc" or "\u0900" <= character <= "\u0dff"
