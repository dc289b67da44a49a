"""How long a text is, as the platforms count.

- `graphemes`: what a reader calls a character (Unicode UAX #29 extended grapheme clusters; Bluesky, inbox).
- `weighted`: X's length (twitter-text 3, `config/v3.json`), a maximum of 280.
- `characters`: plain code points.
"""

from __future__ import annotations

import unicodedata

import regex

_GRAPHEME = regex.compile(r"\X")

# One emoji: a flag, a keycap, or a picture with its variation sign, skin tone, tags and joined pictures.
_PICTURE = (
    r"(?:\p{Emoji_Presentation}\p{Emoji_Modifier}?|\p{Extended_Pictographic}[\uFE0F\p{Emoji_Modifier}]?)"
)
_EMOJI = regex.compile(
    rf"""\p{{RI}}\p{{RI}}
      | [0-9\#*]\uFE0F?\u20E3
      | {_PICTURE}[\U000E0020-\U000E007F]*(?:\u200D{_PICTURE})*""",
    regex.VERBOSE,
)

# What X shortens to a t.co link. X has a list of top-level domains and shortens a bare `name.tld` too; here
# any run of two letters passes for one.
_DOMAIN = r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+(?:xn--[a-z0-9-]+|[a-z]{2,})(?!@)(?::[0-9]+)?"
_BARE_DOMAIN = r"(?:[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z]{2,}(?!@)"
_PATH = r"/(?:[\p{Latin}\p{Cyrillic}0-9_!*';:=+,.$/%#\[\]\-~@|&–]*[\p{Latin}\p{Cyrillic}0-9_=+/#\-])?"
_QUERY = r"\?[a-z0-9!?*'@;:&=+$/%#\[\]\-_.,~|]*[a-z0-9\-_&=#/]"
_URL = regex.compile(
    rf"(?<![@#$a-z0-9])https?://{_DOMAIN}(?:{_PATH})?(?:{_QUERY})?"
    rf"|(?<![@#$/_a-z0-9]){_BARE_DOMAIN}(?:{_PATH}(?:{_QUERY})?)?",
    regex.IGNORECASE,
)
_HTTP_URL = regex.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?')\]}]", regex.IGNORECASE)

_URL_WEIGHT = 23
_EMOJI_WEIGHT = 2
_LIGHT_RANGES = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))


def graphemes(text: str) -> int:
    """Number of extended grapheme clusters."""
    return len(_GRAPHEME.findall(text))


def characters(text: str) -> int:
    """Number of code points."""
    return len(text)


def weighted(text: str) -> int:
    """X's weighted length: a URL counts 23, an emoji 2, other code points 1 or 2 by their range.

    The text is counted in Unicode's NFC form. A bare domain, which X may or may not know, counts as a URL
    or as its letters, whichever is more.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    total = 0
    position = 0
    for match in _URL.finditer(text):
        total += _weight_of_plain(text[position : match.start()]) + _weight_of_url(match.group())
        position = match.end()
    return total + _weight_of_plain(text[position:])


def http_urls(text: str) -> tuple[str, ...]:
    """The http(s) URLs in a text, in order, without the punctuation that follows them."""
    return tuple(dict.fromkeys(_HTTP_URL.findall(text)))


def _weight_of_url(url: str) -> int:
    if url.lower().startswith(("http://", "https://")):
        return _URL_WEIGHT
    return max(_URL_WEIGHT, _weight_of_plain(url))


def _weight_of_plain(text: str) -> int:
    without_emoji, emoji = _EMOJI.subn("", text)
    return emoji * _EMOJI_WEIGHT + sum(map(_weight_of_code_point, without_emoji))


def _weight_of_code_point(character: str) -> int:
    code = ord(character)
    return 1 if any(first <= code <= last for first, last in _LIGHT_RANGES) else 2
