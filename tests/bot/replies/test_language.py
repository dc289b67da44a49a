"""In which language the bot answers."""

from __future__ import annotations

import pytest

from bot.errors import ConfigError
from bot.replies import choose_language, languages


def test_the_nine_languages_are_there() -> None:
    assert set(languages()) >= {"ar", "de", "en", "es", "fr", "hi", "id", "ja", "pt"}


@pytest.mark.parametrize(
    ("mention", "post", "default", "chosen"),
    [
        ("es", "en", "en", "es"),
        (None, "es", "en", "es"),
        (None, None, "es", "es"),
        ("", "es", "en", "es"),
        ("und", "es", "en", "es"),
        ("qme", "es", "en", "es"),
        ("zxx", None, "en", "en"),
        ("es-419", None, "en", "es"),
        ("ES_mx", None, "en", "es"),
        ("es-Latn-MX", None, "en", "es"),
        ("pt-BR", None, "en", "pt"),
        ("zh-Hans", "ja", "en", "en"),
        ("tlh", "es", "en", "en"),
        ("tlh", None, "es-AR", "es"),
        (" es ", None, "en", "es"),
        ("../es", None, "en", "en"),
        ("e", None, "es", "es"),
    ],
)
def test_the_mention_speaks_first(mention: str | None, post: str | None, default: str, chosen: str) -> None:
    assert choose_language(mention, post, default) == chosen


def test_a_default_without_a_file_names_the_known() -> None:
    with pytest.raises(ConfigError, match=r"reply\.language: .*'tlh'; known: .*en, es"):
        choose_language(None, None, "tlh")
