"""From what was found to the words of a reply."""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.model import Band
from bot.errors import ConfigError
from bot.platforms.base import TextRules
from bot.replies.details import rate_told, told
from bot.replies.model import DEFAULT_FAILURE, FAILURES, Context, MediumResult, ReplyKind, ReplyText, slot
from bot.replies.wordings import FrameWords, MediaWords, Wordings, fill, turns, wordings

# A handle as any of the platforms writes it; anything else is left out of the text.
_HANDLE = re.compile(r"[\w.-]+(@[\w.-]+)?")

_ANSWERS = {ReplyKind.VERDICT, ReplyKind.CORRECTION}

# The bands that detectors stand behind; `trusted` rests on signed origin, and `unknown` on nothing.
_DETECTED = {Band.LOW, Band.UNCERTAIN, Band.HIGH}


def compose(
    kind: ReplyKind,
    context: Context,
    *,
    language: str,
    rules: TextRules,
    turn: int,
    handle: str | None = None,
) -> ReplyText:
    """The text of one reply, within the platform's limits.

    ``language`` has a file (`choose_language`). ``turn`` counts the replies of this `slot` and language on
    this platform, from 0: it chooses the wording, never the same one twice in a row. ``handle`` is the
    asker's, without @, where the platform's custom is to begin a reply with it.

    Optional parts stand around the main sentence. Where the text is too long they go, least important
    first: licence note, mention of an earlier check, estimate, measured errors, details, link, gallery (first
    to its short form), handle, and last the note that the evidence is limited.

    Raises:
        ValueError: a verdict or correction without a judged medium.
        ConfigError: the language has no file, or none of its wordings fits this platform.
    """
    words = wordings(language)
    place = slot(kind, context)
    candidates = words.of(place)
    band = context.band if kind in _ANSWERS else None
    sign = f"{words.signs[band]} " if band else ""
    media = media_phrase(words, context) if band else ""
    result = words.results[band] if band else ""
    for chosen in turns(len(candidates), turn, f"{language}/{place}"):
        main = sign + fill(candidates[chosen], media=media, result=result)
        for text in _ever_shorter(main, handle, words, kind, context):
            if rules.fits(text):
                return ReplyText(text, language, f"{language}/{place}/{chosen}")
    raise ConfigError(
        f"templates/replies/{language}.toml: no wording of {place} fits into {rules.max_length}; shorten one"
    )


def _ever_shorter(
    main: str, handle: str | None, words: Wordings, kind: ReplyKind, context: Context
) -> Iterator[str]:
    frame = words.frame
    greeting = fill(frame.greeting, handle=handle) + " " if handle and _HANDLE.fullmatch(handle) else ""
    parts = _parts(words, kind, context)
    yield _joined(frame, greeting, main, parts)
    for dropped in ("licence_note", "earlier", "estimate", "rate", "details", "link"):
        parts[dropped] = ""
        yield _joined(frame, greeting, main, parts)
    parts["gallery"] = _gallery_in_brief(words, context) if parts["gallery"] else ""
    yield _joined(frame, greeting, main, parts)
    parts["gallery"] = ""
    yield _joined(frame, greeting, main, parts)
    yield _joined(frame, "", main, parts)
    yield main


def _joined(frame: FrameWords, greeting: str, main: str, parts: dict[str, str]) -> str:
    details = frame.between_sentences.join(text for name, text in parts.items() if text and name != "link")
    # A line of its own: there a link runs from left to right, and platforms find it in every script.
    return "\n".join(filter(None, (greeting + main, details, parts["link"])))


def _parts(words: Wordings, kind: ReplyKind, context: Context) -> dict[str, str]:
    """The optional parts in the order of the text; "" where one does not apply."""
    texts = words.parts
    if context.pointer:
        return {"gallery": "", "link": context.link or ""}
    detected = kind in _ANSWERS and context.band in _DETECTED
    return {
        "gallery": "" if kind is ReplyKind.PENDING else _gallery(words, context),
        "details": told(words, context.details) if context.details else "",
        "rate": rate_told(words, context.details) if context.details else "",
        "estimate": _estimate(words, context) if detected else "",
        "limited_evidence": texts.limited_evidence if detected and context.limited_evidence else "",
        "earlier": _earlier(words, context) if kind is ReplyKind.VERDICT else "",
        "licence_note": fill(texts.licence_note, licence=context.licence)
        if detected and context.licence
        else "",
        "link": context.link or "",
    }


def _earlier(words: Wordings, context: Context) -> str:
    if not context.earlier:
        return ""
    return words.parts.earlier_copy if context.copy else words.parts.earlier


def _estimate(words: Wordings, context: Context) -> str:
    if context.probability is None or len(context.media) != 1:
        return ""
    percent = min(99, max(1, round(100 * context.probability)))
    plural = words.media[context.media[0].kind.value].plural
    return fill(words.parts.estimate, percent=percent, plural=plural)


def _gallery(words: Wordings, context: Context) -> str:
    """Each medium by number and with its result; "" where all have the same one."""
    if len({(medium.band, medium.failure) for medium in context.media}) < 2:
        return ""
    items = [
        fill(
            words.parts.gallery_item,
            name=words.media[medium.kind.value].name,
            number=number,
            result=_result(words, medium),
        )
        for number, medium in enumerate(context.media, start=1)
    ]
    listed = words.frame.between_items.join(items)
    return f"{listed[0].upper()}{listed[1:]}{words.frame.sentence_end}"


def _gallery_in_brief(words: Wordings, context: Context) -> str:
    """Only the numbers of the media that the main sentence is about."""
    if context.band is None:
        return ""
    numbers = [str(number) for number, medium in enumerate(context.media, 1) if medium.band is context.band]
    return fill(words.parts.gallery_brief, numbers=words.frame.between_numbers.join(numbers))


def _result(words: Wordings, medium: MediumResult) -> str:
    if medium.band is not None:
        return words.bands[medium.band]
    code = medium.failure if medium.failure in FAILURES else DEFAULT_FAILURE
    return fill(words.parts.not_checked, cause=words.failure[code].brief)


def media_phrase(words: Wordings, context: Context) -> str:
    """What the main sentence is about: "this picture", "these 3 pictures", "1 of these 3 files"."""
    total = len(context.media)
    count = sum(medium.band is context.band for medium in context.media)
    kinds = {medium.kind.value for medium in context.media}
    called: MediaWords = words.media[kinds.pop() if len(kinds) == 1 else "mixed"]
    if total == 1:
        return called.this
    return fill(called.all if count == total else called.some, count=count, total=total)
