"""Where lines end."""

from __future__ import annotations

import pytest

from bot.card.layout import wrap


def test_lines_end_at_blanks() -> None:
    assert wrap("one two three four", 9, len) == ["one two", "three", "four"]


def test_a_word_that_is_wider_than_a_line_has_its_own() -> None:
    assert wrap("an incomprehensible word", 8, len) == ["an", "incomprehensible", "word"]


@pytest.mark.parametrize("width", [3, 4, 5, 6])
def test_japanese_lines_begin_with_no_full_stop_and_end_with_no_bracket(width: int) -> None:
    text = "自動の確認です。「強い兆候」です。"
    lines = wrap(text, width, len)
    assert "".join(lines) == text
    assert not any(line[0] in "。」" or line[-1] == "「" for line in lines)


def test_latin_words_in_japanese_stay_whole() -> None:
    assert wrap("これはAIまたは改変です", 5, len) == ["これはAI", "または改変", "です"]


def test_nothing_takes_no_line() -> None:
    assert wrap("", 10, len) == []
