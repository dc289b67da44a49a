"""What yt-dlp's errors mean. It has few classes for them, so most are known by their words."""

from __future__ import annotations

import re

from bot.errors import ResolveFailure
from bot.resolver.answers import meaning_of_status

_BY_KIND = {
    "GeoRestrictedError": ResolveFailure.REGION,
    "UnsupportedError": ResolveFailure.UNSUPPORTED,
    "UserNotLive": ResolveFailure.NO_MEDIA,
    "RegexNotFoundError": ResolveFailure.SITE_CHANGED,
    "OverflowError": ResolveFailure.TOO_LARGE,
    "MemoryError": ResolveFailure.TOO_LARGE,
}
_BY_WORDS: tuple[tuple[ResolveFailure, str], ...] = (
    (ResolveFailure.TOO_LARGE, r"file too large"),
    (ResolveFailure.AGE_GATED, r"confirm your age|age.?(restrict|gate|verif)|for some users|18 years|nsfw"),
    (ResolveFailure.RATE_LIMITED, r"rate.?limit|too many requests"),
    (ResolveFailure.REGION, r"your (country|region|location)|geo.?restrict"),
    (ResolveFailure.LIVE_STREAM, r"live event will begin|premieres in|is (currently )?live|live ?stream"),
    (ResolveFailure.PRIVATE, r"\bprivate\b|protected (account|tweet|post)|password|followers only"),
    (
        ResolveFailure.LOGIN_NEEDED,
        r"log.?in|sign.?in|cookies|authenticat|registered|credentials|subscri|not a bot",
    ),
    (ResolveFailure.GONE, r"not found|removed|deleted|no longer|not exist|unavailable|terminated|suspended"),
    (
        ResolveFailure.NO_MEDIA,
        r"no (video|media|playable)|there('s| is) no|does not (have|contain) (a )?video",
    ),
    (ResolveFailure.UNSUPPORTED, r"\bdrm\b|unsupported"),
    (
        ResolveFailure.NETWORK,
        r"timed? ?out|connection|unable to (connect|download)|tunnel|proxy|ssl|more expected",
    ),
    (ResolveFailure.SITE_CHANGED, r"unable to (extract|parse)|failed to parse|no such (key|field)"),
)
_STATUS = re.compile(r"http error (\d{3})", re.IGNORECASE)
_COMPILED = tuple((reason, re.compile(words, re.IGNORECASE)) for reason, words in _BY_WORDS)


def meaning(kind: str, message: str, *, expected: bool) -> ResolveFailure:
    """The reason behind an error of yt-dlp.

    ``kind`` is its class; one that yt-dlp did not expect means that the site is not as its code has it.
    """
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    status = _STATUS.search(message)
    if status is not None:
        return meaning_of_status(int(status[1]))
    for reason, words in _COMPILED:
        if words.search(message):
            return reason
    return ResolveFailure.NO_MEDIA if expected else ResolveFailure.SITE_CHANGED
