from __future__ import annotations

import pytest

from detectors.services.text import count_words, cut, showable


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("  — … !! ", 0),
        ("Don't stop, we're well-known.", 4),
        ("¿Qué pasó ayer?", 3),
        ("3 apples cost 4.50", 5),
        ("今日はとても良い天気ですね", 6),
        ("สวัสดีครับ", 5),
        ("안녕하세요 여러분", 2),
        ("I said 你好 twice", 4),
        ("😀 🎉", 0),
    ],
)
def test_words_are_counted_in_every_script(text: str, words: int) -> None:
    assert count_words(text) == words


def test_long_texts_are_cut_with_a_sign() -> None:
    assert cut("short", 5) == "short"
    assert cut("too long", 5) == "too…"


def test_what_is_shown_holds_no_links_mentions_or_hidden_characters() -> None:
    hostile = "Fake!\x00 See HTTPS://evil.example/x?y=1\nor www.evil.example, ask @somebody\u202e\u200b now"
    assert showable(hostile, 100) == "Fake! See [link] or [link] ask somebody now"
    assert len(showable("word " * 1_000, 50)) <= 50
