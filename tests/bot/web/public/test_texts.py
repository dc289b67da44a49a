"""The words of the public pages."""

from __future__ import annotations

import pytest

from bot.replies import languages
from bot.replies.wordings import fill, wordings
from bot.web.public.texts import fallback, page_texts


@pytest.mark.parametrize("language", languages())
def test_every_language_of_the_replies_has_its_page(language: str) -> None:
    texts = page_texts(language)
    assert texts is not None
    assert fill(texts.objection_text, contact="HERE").count("HERE") == 1
    for name, text in texts:
        assert name == "objection_text" or "{" not in text, name


@pytest.mark.parametrize("language", languages())
def test_the_five_steps_are_called_as_in_replies(language: str) -> None:
    texts = page_texts(language)
    assert texts is not None
    for phrase in wordings(language).bands.values():
        assert phrase in texts.meaning_text


def test_an_untranslated_language_has_none_and_english_stands_in() -> None:
    assert page_texts("tlh") is None
    assert "not been translated" in fallback().not_translated
