"""The page docs/replies.md: the main sentences of every language, for whoever proof-reads them."""

from __future__ import annotations

from bot.replies import languages
from bot.replies.proof import back_translations, example, main_sentences
from bot.replies.wordings import Wordings, wordings

_HEAD = """# What the bot says

This page is made by `veritag replies --markdown`.

The sentences of a reply, language by language, as they are for one picture; those of failures stand in
`templates/replies/LANGUAGE.toml`, in the order of the English ones. *Says* is what a sentence says, in
English, as close to its words as can be read: compare it with the English sentence of the same place, which
need not be the same word for word. There, PLURAL is the pictures, videos or recordings of a test, N and M are
numbers, R is a result and X a licence.

**The languages other than English are not yet proof-read by native speakers.** Whoever finds a sentence that
is wrong, stiff or rude: mend it in the file, with the comment above it, and make this page again. The rules
are in [adding a reply language](adding-a-reply-language.md).
"""


def page() -> str:
    """The whole page, in Markdown; English first."""
    rest = [language for language in languages() if language != "en"]
    return _HEAD + "".join(_section(wordings(language)) for language in ("en", *rest))


def _section(words: Wordings) -> str:
    head = f"\n## {words.name} (`{words.language}`)\n\n"
    if words.language == "en":
        return head + "| place | sentence |\n|---|---|\n" + "".join(_rows(words, {}))
    notes = back_translations(words.language)
    return head + "| place | sentence | says |\n|---|---|---|\n" + "".join(_rows(words, notes))


def _rows(words: Wordings, notes: dict[str, str]) -> list[str]:
    rows = []
    for place, text in main_sentences(words.language):
        # The direction belongs to the sentence: the table around it runs from left to right.
        sentence = f'<span lang="{words.language}" dir="auto">{example(text, words)}</span>'
        cells = [f"`{place}`", sentence, *([notes[text]] if text in notes else [])]
        rows.append("| " + " | ".join(cells) + " |\n")
    return rows
