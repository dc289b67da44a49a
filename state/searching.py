"""What people type into a search box, as a full-text query that is always well formed."""

from __future__ import annotations

from typing import Final

MOST_WORDS: Final = 12


def match(words: str) -> str:
    """An FTS5 query for rows in which every word, or a word that begins so, occurs.

    Each word becomes a string in quotation marks, in which nothing is an operator. Words without a letter or
    digit are passed over; where none is left, the query matches nothing.
    """
    parts = [word.replace('"', " ") for word in words.replace("\0", " ").split()]
    useful = [part for part in parts if any(character.isalnum() for character in part)]
    return " AND ".join(f'"{part}"*' for part in useful[:MOST_WORDS]) or '""'
