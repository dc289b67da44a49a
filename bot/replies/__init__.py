"""Replies: the words in which the bot answers.

`compose` makes the text of one reply, `choose_language` says in which language, and
`templates/replies/LANGUAGE.toml` holds the words: a new file is a new language.
"""

from bot.replies.compose import compose
from bot.replies.language import choose_language
from bot.replies.model import Context, MediumResult, ReplyKind, ReplyText, slot
from bot.replies.wordings import languages

__all__ = [
    "Context",
    "MediumResult",
    "ReplyKind",
    "ReplyText",
    "choose_language",
    "compose",
    "languages",
    "slot",
]
