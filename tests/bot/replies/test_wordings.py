"""The language files: complete, alike in structure, and true to the rules of the house."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta
import pytest
import regex

from analysis.errors import Refusal
from analysis.model import Band
from bot.errors import ConfigError, ResolveFailure
from bot.replies import languages
from bot.replies.model import FAILURES
from bot.replies.wordings import _read, fill, turns, wordings

LANGUAGES = languages()
PLACEHOLDERS = {
    "pending": set(),
    "pointer": {"media", "result"},
    "verdict": {"media"},
    "correction": {"media"},
    "failure": set(),
    "media.all": {"total"},
    "media.some": {"count", "total"},
    "parts.gallery_item": {"name", "number", "result"},
    "parts.gallery_brief": {"numbers"},
    "parts.not_checked": {"cause"},
    "parts.estimate": {"percent", "plural"},
    "parts.licence_note": {"licence"},
    "card.checked": {"date"},
    "card.picture": {"result"},
    "frame.greeting": {"handle"},
    "details.intro": {"items"},
    "details.item": {"check", "finding"},
    "details.several": {"check", "count", "finding"},
    "details.false_alarms": {"errors", "total", "plural"},
    "details.misses": {"errors", "total", "plural"},
}
# What the bot never says: it judges media, not people, and never more than it knows.
NEVER = {
    "ar": r"مزيف\w*|مزور\w*|كاذب\w*|كذب\w*|احتيال|خداع|شائعة|بالتأكيد|قطعًا|بلا شك|دون شك",
    "de": r"\w*fälsch\w*|fakes?|lüg\w*|betr[uü]g\w*|schwindel\w*|garantier\w*|zweifellos|du|dich|dir|dein\w*",
    "en": r"fakes?|liars?|l(ie|ied|ying)|scam\w*|hoax\w*|fraud\w*|certain(ly)?|definite\w*|guarantee\w*",
    "es": r"fals[oa]s?|mentir\w*|bulos?|fraud\w*|engañ\w*|estaf\w*|seguro que|sin duda|usted(es)?|tú|tu|te",
    "fr": r"fau(x|sses?)|menteu\w*|mensong\w*|canular\w*|fraud\w*|sans aucun doute|tu|toi|vous|vos|votre",
    "hi": r"नकली|झूठ\w*|फ़?र्ज़ी|फर्जी|धोखा\w*|अफ़वाह\w*|निश्चित|यकीनन|बेशक|तू|तुम\w*|आप\w*",
    "id": r"palsu|bohong|hoaks|penipu\w*|tipu\w*|(?<!belum )pasti|tentu|kamu|anda|kau",
    "ja": r"\w*(偽|嘘|うそ|デマ|詐欺|捏造|だまし|間違いなく|絶対|確実に|あなた)\w*",
    "pt": r"fals[oa]s?|mentir\w*|boatos?|fraud\w*|engan\w*|golpe\w*|com certeza|sem dúvida|você\w*|tu",
}


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a language file, with its dotted path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from texts(each, f"{path}.{number}")
    else:
        for key, each in value.items():
            yield from texts(each, f"{path}.{key}" if path else key)


def content(language: str) -> dict[str, Any]:
    return tomllib.loads((files("templates") / "replies" / f"{language}.toml").read_text("utf-8"))


def placeholders(text: str) -> set[str]:
    return set(jinja2.meta.find_undeclared_variables(jinja2.Environment(autoescape=True).parse(text)))


def expected_placeholders(path: str) -> set[str]:
    parts = path.split(".")
    if parts[0] == "media":
        return PLACEHOLDERS.get(f"media.{parts[-1]}", set())
    return PLACEHOLDERS.get(path, PLACEHOLDERS.get(parts[0], set()))


def test_every_reason_code_has_a_place() -> None:
    assert set(FAILURES) >= {
        *Refusal,
        *ResolveFailure,
        "post_gone",
        "post_hidden",
        "engine_failed",
        "default",
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_complete(language: str) -> None:
    assert wordings(language).language == language


def sentences(language: str) -> Iterator[tuple[str, str]]:
    """What the bot says in whole sentences; the words of orders are what people say."""
    for path, text in texts(content(language)):
        if re.search(r"\.\d+$", path) and not path.startswith("orders."):
            yield path, text


def without_counts(language: str) -> set[str]:
    return {re.sub(r"\.\d+$", "", path) for path, _ in texts(content(language))}


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_languages_have_the_same_keys(language: str) -> None:
    assert without_counts(language) == without_counts("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_those_of_the_place(language: str) -> None:
    for path, text in texts(content(language)):
        assert placeholders(text) == expected_placeholders(path), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_stands_twice(language: str) -> None:
    said = Counter(text.casefold() for _, text in sentences(language))
    assert [text for text, count in said.items() if count > 1] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("band", Band)
def test_every_verdict_holds_the_words_of_its_band(language: str, band: Band) -> None:
    words = wordings(language)
    for text in (*words.verdict[band], *words.correction[band]):
        assert words.bands[band].casefold() in text.casefold()
        assert not any(
            words.bands[other].casefold() in text.casefold() for other in Band if other is not band
        )
    assert words.bands[band].casefold() in words.results[band].casefold()


@pytest.mark.parametrize("language", LANGUAGES)
def test_signs_tell_the_bands_apart(language: str) -> None:
    assert len(set(wordings(language).signs.values())) == len(Band)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_accusation_and_no_certainty(language: str) -> None:
    # The module `regex` knows that the vowel signs of Hindi are part of a word; `re` does not.
    never = regex.compile(rf"\b({NEVER[language]})\b", regex.IGNORECASE)
    said = [text for path, text in texts(content(language)) if not path.startswith("orders.")]
    assert [text for text in said if never.search(text.replace("uncertain", ""))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_plain_text_on_one_line(language: str) -> None:
    for path, text in texts(content(language)):
        if path != "frame.greeting":
            assert not re.search(r"https?:|[#@<>*_`\n]|  ", text), path
    for path, text in sentences(language):
        assert text.endswith(wordings(language).frame.sentence_end), path


# Reading


def edited(tmp_path: Path, old: str, new: str) -> Path:
    text = (files("templates") / "replies" / "en.toml").read_text("utf-8")
    assert old in text
    (tmp_path / "en.toml").write_text(text.replace(old, new, 1), "utf-8")
    return tmp_path / "en.toml"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[failure.corrupt]", "[failure.korrupt]", "failure: .*missing: corrupt"),
        ('high = "🔴"\n', "", "signs: .*missing: high"),
        ("[media.audio]", "[media.smell]", "media: .*missing: audio"),
        ('name = "English"', "", "name: Field required"),
        ('name = "English"', 'nom = "English"\nname = "English"', "nom: Extra inputs"),
        ('language = "en"', 'language = "fr"', "name the file fr.toml"),
        ("pending = [", "pending = [1, ", "pending.0: "),
        ("pending = [", "pending = ", "Invalid value"),
        (
            "[failure.default]",
            '[failure.extra]\nbrief = "x"\nwordings = ["a", "b"]\n[failure.default]',
            "unknown: extra",
        ),
    ],
)
def test_a_faulty_file_is_named_with_its_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^templates/replies/en\.toml: .*{message}"):
        _read(edited(tmp_path, old, new))


@pytest.mark.parametrize("language", ["tlh", "", "../en", "en.toml"])
def test_a_language_without_a_file_names_the_known(language: str) -> None:
    with pytest.raises(ConfigError, match="known: ar, de, en"):
        wordings(language)


def test_templates_cannot_reach_out() -> None:
    with pytest.raises(jinja2.exceptions.SecurityError):
        fill("{{ x.__class__.__mro__ }}", x="")
    with pytest.raises(jinja2.UndefinedError):
        fill("{{ missing }}")
    assert fill("{{ x }}", x="<{{ y }}>") == "<{{ y }}>"


# Taking turns


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("seed", ["en/verdict.high", "es/pending", "x"])
def test_every_wording_comes_once_a_round_and_never_twice_in_a_row(count: int, seed: str) -> None:
    chosen = [turns(count, turn, seed)[0] for turn in range(count * 50)]
    for start in range(0, len(chosen), count):
        assert sorted(chosen[start : start + count]) == list(range(count))
    if count > 1:
        assert all(one != next_one for one, next_one in pairwise(chosen))
    if count > 2:
        assert len({tuple(chosen[start : start + count]) for start in range(0, len(chosen), count)}) > 1


def test_turns_are_the_same_on_every_machine() -> None:
    assert [turns(3, turn, "en/verdict.high")[0] for turn in range(9)] == [2, 1, 0, 2, 0, 1, 0, 1, 2]
