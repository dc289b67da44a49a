"""Figures are made once for each version of what they are made of."""

from __future__ import annotations

from bot.remembering import MOST, Remembered


def test_a_value_is_made_once_for_a_version_and_key() -> None:
    version, made = [1], []

    def make(name: str) -> str:
        made.append(name)
        return f"{name}{version[0]}"

    figures = Remembered(lambda: version[0])
    assert [figures.of("a", lambda: make("a")) for _ in range(3)] == ["a1"] * 3
    assert figures.of("b", lambda: make("b")) == "b1"
    version[0] = 2
    assert figures.of("a", lambda: make("a")) == "a2"
    assert made == ["a", "b", "a"]


def test_no_more_is_kept_than_some() -> None:
    figures = Remembered(lambda: 0)
    for number in range(MOST + 1):
        figures.of(number, lambda number=number: number)  # type: ignore[misc]
    assert figures.of(MOST, lambda: -1) == MOST
    assert figures.of(0, lambda: -1) == -1
