"""What people say behind the bot's handle, in every language at once."""

from __future__ import annotations

import pytest

from bot.orders import START, STOP, Orders, read_orders, says
from bot.replies import languages
from bot.replies.wordings import wordings

NOTHING = Orders()


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("@veritag stop", Orders(opt=STOP)),
        ("@Veritag@example.org Stop.", Orders(opt=STOP)),
        ("@veritag please, STOP!!!", Orders(opt=STOP)),
        ("@veritag para", Orders(opt=STOP)),
        ("@veritag start", Orders(opt=START)),
        ("start @veritag", Orders(opt=START)),
        ("@veritag stop and start", NOTHING),
        ("@veritag", NOTHING),
        ("", NOTHING),
        ("@veritag is this real? stop the lies", NOTHING),
        ("@veritag please stop and look at this", NOTHING),
        ("@veritag is this real? stop", NOTHING),
        ("stopped", NOTHING),
        ("@veritag para qué sirve esto", NOTHING),
    ],
)
def test_stop_and_start_count_only_by_themselves(text: str, orders: Orders) -> None:
    assert read_orders(text) == orders


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("@veritag en español", "es"),
        ("@veritag ESPAÑOL", "es"),
        ("@veritag espanol", "es"),
        ("@veritag in spanish, please", "es"),
        ("@veritag answer in spanish please", "es"),
        ("@veritag is this real? auf spanisch", "es"),
        ("@veritag en español es real esto", "es"),
        ("@ann @veritag@example.org en español", "es"),
        ("@veritag es", "es"),
        ("@veritag es-MX", "es-mx"),
        ("@veritag es-419", "es-419"),
        ("@veritag in english", "en"),
        ("@veritag, in english; in spanish", "en"),
        ("@veritag es real esto", None),
        ("@veritag is this video in spanish?", None),
        ("@veritag he speaks in english", None),
        ("@veritag tlh-AA", None),
        ("@veritag in klingon", None),
        ("@in-english is this real", None),
    ],
)
def test_a_language_is_asked_for_by_name_or_tag(text: str, language: str | None) -> None:
    assert read_orders(text) == Orders(language=language)


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("@veritag details", Orders(details=True)),
        ("@veritag Details please!", Orders(details=True)),
        ("@veritag is this real? more details, en español", Orders("es", details=True)),
        ("@veritag más detalles", Orders(details=True)),
        ("@veritag the devil is in the details of this", NOTHING),
        ("@veritag thanks! details", Orders(details=True)),
        ("@veritag thank you so much 🙏❤️", Orders(thanks=True)),
        ("@veritag ¡Muchas gracias!", Orders(thanks=True)),
        ("@veritag thanks, but is this real?", NOTHING),
        ("@veritag please", NOTHING),
    ],
)
def test_details_and_thanks(text: str, orders: Orders) -> None:
    assert read_orders(text) == orders


@pytest.mark.parametrize("language", languages())
def test_the_words_of_every_language_are_understood(language: str) -> None:
    words = wordings(language).orders
    asked = f"@veritag {{}} {words.filler[0]}"
    assert all(read_orders(f"@veritag {phrase}").language == language for phrase in words.language)
    assert all(read_orders(asked.format(phrase)).details for phrase in words.details)
    assert all(read_orders(asked.format(phrase)).opt == STOP for phrase in words.stop)
    assert all(read_orders(asked.format(phrase)).opt == START for phrase in words.start)
    assert all(read_orders(f"@veritag {phrase}").thanks for phrase in words.thanks)


def test_no_word_orders_two_things() -> None:
    """Fillers and thanks do no harm twice; an order must mean the same whoever says it."""
    meanings: dict[str, set[str]] = {}
    for language in languages():
        words = wordings(language).orders
        lists = {language: words.language, "details": words.details, "stop": words.stop, "start": words.start}
        for meaning, phrases in lists.items():
            for phrase in phrases:
                meanings.setdefault(phrase.casefold(), set()).add(meaning)
    assert {phrase: found for phrase, found in meanings.items() if len(found) > 1} == {}


@pytest.mark.parametrize("text", ["@" * 5000, "@veritag " + "please " * 5000 + "x", "\u0301" * 5000, "\0@\0"])
def test_odd_texts_are_read_at_once_and_mean_nothing(text: str) -> None:
    assert read_orders(text) == NOTHING


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("veritag, is this real?", True),
        ("hey Veritag", True),
        ("@veritag.bsky.social look", False),
        ("veritagged", False),
        ("", False),
    ],
)
def test_the_bot_is_spoken_of_by_name(text: str, named: bool) -> None:
    assert says(text, "veritag.bsky.social") is named
