"""Lengths as the platforms count them. X's examples follow twitter-text's published conformance suite."""

from __future__ import annotations

import pytest

from bot.platforms.text import characters, graphemes, http_urls, weighted

WEIGHTED = {
    "": 0,
    "Hi http://test.co": 26,
    "http://test.co": 23,
    "https://www.twitter.com/aloha " * 10: 240,
    "285 chars-" + "xxxxxxxxxx-" * 25: 285,
    "285 chars- http://www.twitter.com/jack " + "xxxxxxxxxx-" * 24: 299,
    "故人西辞黄鹤楼，": 16,
    "the故人西辞黄鹤楼": 17,
    "😷" * 160: 320,
    "A\u0301B": 2,
    "Aשּׁ": 4,
    "H🐱☺👨‍👩‍👧‍👦": 7,
    "🙋🏽👨‍🎤": 4,
    "🇪🇸1️⃣🏴󠁧󠁢󠁥󠁮󠁧󠁿": 6,
    "– ‘a’ “b” …": 12,
    "‐ ‗ ′ ″ ‶": 9,
    "example.com": 23,
    "日本example.com": 27,
    "(https://a.example/b).": 26,
    "https://a.example/b?q=1&r=2#x, y": 26,
    "http://localhost/x": 18,
    "3.14 e.g. @ann.smith": 20,
    "one\r\ntwo": 7,
}


@pytest.mark.parametrize(("text", "length"), WEIGHTED.items())
def test_weighted_counts_as_x_does(text: str, length: int) -> None:
    assert weighted(text) == length


def test_a_bare_domain_never_counts_less_than_its_letters() -> None:
    assert weighted("a" * 40 + ".example") == 48


GRAPHEMES = {
    "": 0,
    "abc": 3,
    "e\u0301": 1,
    "👨‍👩‍👧‍👦🇪🇸👩🏿‍🚒": 3,
    "각": 1,
    "\r\n": 1,
    "नमस्ते": 3,
}


@pytest.mark.parametrize(("text", "length"), GRAPHEMES.items())
def test_graphemes_are_what_readers_see(text: str, length: int) -> None:
    assert graphemes(text) == length


def test_characters_are_code_points() -> None:
    assert characters("e\u0301😷") == 3


def test_urls_are_found_without_the_punctuation_behind() -> None:
    assert http_urls("A (http://a.example/b) HTTPS://B.example?x=1. ftp://no mailto:x http:// ") == (
        "http://a.example/b",
        "HTTPS://B.example?x=1",
    )
