"""What a card says, and how it is described to those who do not see it: from a reply's row."""

from __future__ import annotations

import unicodedata

from analysis.model import Band
from bot.card.draw import Card
from bot.replies.compose import media_phrase
from bot.replies.model import POINTER, Context
from bot.replies.wordings import Wordings, fill, wordings
from state.model import ReplyRow
from state.outbox import OPERATOR


def card_of(reply: ReplyRow, context: Context) -> Card:
    """The card of a verdict or correction, in the reply's language.

    Its body is the reply's main sentence, unless an operator wrote the reply or the media are judged
    otherwise by now than when it was written.
    """
    words, band = wordings(reply.language), _band(reply)
    return Card(
        band=band,
        headline=begun(words.results[band]),
        body=_sentence(words, reply, context) if context.band is band else "",
        limits=words.card.limits,
        checked=fill(words.card.checked, date=_date(reply)),
        label=words.card.correction if reply.kind == "correction" else "",
        right_to_left=is_right_to_left(words.name),
    )


def plain_card_of(reply: ReplyRow) -> Card:
    """The same where no font here can write the reply's language: colour, shape, and the band in English."""
    band = _band(reply)
    return Card(band, begun(wordings("en").bands[band]), "", "", _date(reply))


def description_of(reply: ReplyRow, card: Card) -> str:
    """The alternative text: the whole verdict, in the reply's language."""
    words = wordings(reply.language)
    head = fill(words.card.picture, result=words.results[card.band])
    parts = (card.label and card.label + words.frame.sentence_end, head, card.body, card.limits)
    checked = card.checked + words.frame.sentence_end
    return words.frame.between_sentences.join(filter(None, (*parts, checked)))


def is_right_to_left(text: str) -> bool:
    """Whether a text's first sign with a direction is written from right to left."""
    strong = (unicodedata.bidirectional(sign) for sign in text)
    return next((kind != "L" for kind in strong if kind in {"L", "R", "AL"}), False)


def _band(reply: ReplyRow) -> Band:
    assert reply.band is not None
    return Band(reply.band)


def _sentence(words: Wordings, reply: ReplyRow, context: Context) -> str:
    if reply.wording == OPERATOR:
        return ""
    _, place, number = reply.wording.split("/")
    candidates = words.of(f"verdict.{reply.band}" if place == POINTER else place)
    # A language file may have become shorter since.
    return fill(candidates[int(number) % len(candidates)], media=media_phrase(words, context))


def _date(reply: ReplyRow) -> str:
    return reply.created_at.date().isoformat()


def begun(phrase: str) -> str:
    """A phrase as it begins a line."""
    return phrase[0].upper() + phrase[1:]
