"""Each sentence says beside it, in English, what it says."""

from __future__ import annotations

import pytest

from bot.errors import ConfigError
from bot.replies import languages
from bot.replies.proof import back_translations, example, main_sentences
from bot.replies.wordings import wordings


@pytest.mark.parametrize("language", [each for each in languages() if each != "en"])
def test_every_main_sentence_says_in_english_what_it_says(language: str) -> None:
    notes = back_translations(language)
    assert [text for _, text in main_sentences(language) if text not in notes] == []


def test_the_comment_right_above_a_sentence_is_its_meaning() -> None:
    notes = back_translations("de")
    assert notes[wordings("de").pending[0]].startswith("Thanks for the question. This check takes longer")
    assert notes[wordings("de").parts.limited_evidence].startswith("Only simple checks")


def test_a_text_with_escapes_is_found_as_it_is_read() -> None:
    assert wordings("ar").parts.licence_note in back_translations("ar")


def test_english_needs_no_comments() -> None:
    assert back_translations("en") == {}


def test_an_example_has_nothing_left_to_fill_in() -> None:
    for language in languages():
        for _, text in main_sentences(language):
            assert "{" not in example(text, wordings(language))


def test_a_language_without_a_file_names_the_known() -> None:
    with pytest.raises(ConfigError, match="known: ar, de, en"):
        back_translations("tlh")
