"""Text that strangers or language models wrote: counted, cut, and made fit to be shown."""

from __future__ import annotations

import regex

# Scripts that put no spaces between words; two of their characters are about a word.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_UNSPACED_LETTER = regex.compile(rf"[{_UNSPACED}]")
_WORD = regex.compile(rf"[\p{{L}}\p{{N}}--{_UNSPACED}][\p{{L}}\p{{M}}\p{{N}}'’-]*", regex.V1)
_UNSHOWABLE = regex.compile(r"[\p{Cc}\p{Cf}\p{Co}\p{Cs}]+")
_ADDRESS = regex.compile(r"(?:\b[a-z][a-z0-9+.-]*://|\bwww\.)\S+", regex.IGNORECASE)
_HANDLE = regex.compile(r"(?<!\w)@(?=\w)")


def count_words(text: str) -> int:
    """Count words, also in scripts that put no spaces between them."""
    unspaced = len(_UNSPACED_LETTER.findall(text))
    return len(_WORD.findall(_UNSPACED_LETTER.sub(" ", text))) + unspaced // 2


def cut(text: str, most: int) -> str:
    """Cut a text to ``most`` characters, with an ellipsis where something is lost."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def showable(text: str, most: int) -> str:
    """Make a model's words fit to be shown: one line, no hidden characters, links or mentions, cut."""
    text = _UNSHOWABLE.sub(" ", text)
    text = _HANDLE.sub("", _ADDRESS.sub("[link]", text))
    return cut(" ".join(text.split()), most)
