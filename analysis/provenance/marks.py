"""Marks that image and video generators leave in metadata. Runs in the decoding child only.

Anyone can write them, and every social network strips them: a mark is a hint, and none is no hint at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

from av.container import InputContainer
from PIL import ExifTags, Image

from analysis.decoding.pictures import UNREADABLE
from analysis.provenance.model import GeneratorMark

_MOST = 6
_LONGEST_TEXT = 1 << 20
_IPTC = re.compile(
    r"digitalsourcetype/(trainedAlgorithmicMedia|compositeWithTrainedAlgorithmicMedia)", re.IGNORECASE
)
# Names as generators write them of themselves. Words of everyday language need the company of another.
_NAMES: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "Midjourney": r"\bmidjourney\b|--v \d.*\bjob id: [0-9a-f-]{36}",
        "DALL-E": r"\bdall[-·\s]?e\b",
        "ChatGPT": r"\bchatgpt\b|\bgpt-4o\b|\bopenai\b",
        "Stable Diffusion": r"\bstable[ _-]?diffusion\b|\bnegative prompt:",
        "ComfyUI": r"\bcomfyui\b",
        "InvokeAI": r"\binvokeai\b",
        "NovelAI": r"\bnovelai\b",
        "Adobe Firefly": r"\badobe firefly\b|\bfirefly\b.*\badobe\b",
        "FLUX": r"\bflux\.?1?\b.*\bblack forest labs\b|\bblack forest labs\b",
        "Google AI": r"\bmade with google ai\b|\bimagen \d\b|\bgemini\b.*\bgoogle\b|\bgoogle gemini\b",
        "Ideogram": r"\bideogram(\.ai| ai)\b",
        "Leonardo": r"\bleonardo\.ai\b",
        "Runway": r"\brunway(ml)?\b.*\bgen-?\d\b|\brunwayml\b",
        "Sora": r"\bsora\b.*\bopenai\b|\bopenai sora\b",
        "Meta AI": r"\bimagined with ai\b|\bmeta ai\b",
        "Bing Image Creator": r"\bbing image creator\b",
    }.items()
}
# Names of text fields that only one generator writes.
_FIELDS: Mapping[str, tuple[str, re.Pattern[str]]] = {
    "workflow": ("ComfyUI", re.compile(r'"nodes"|"class_type"')),
    "prompt": ("ComfyUI", re.compile(r'"class_type"')),
    "parameters": ("Stable Diffusion", re.compile(r"\bsteps: \d+", re.IGNORECASE)),
    "invokeai_metadata": ("InvokeAI", re.compile(r".")),
    "sd-metadata": ("InvokeAI", re.compile(r".")),
    "dream": ("InvokeAI", re.compile(r".")),
    "aigc": ("a generator that labels its output as AI content", re.compile(r".")),
}
_EXIF = {
    ExifTags.Base.Software: "EXIF Software",
    ExifTags.Base.ImageDescription: "EXIF ImageDescription",
    ExifTags.Base.Artist: "EXIF Artist",
    ExifTags.Base.Make: "EXIF Make",
    ExifTags.Base.Model: "EXIF Model",
    ExifTags.Base.UserComment: "EXIF UserComment",
}


def picture_marks(image: Image.Image) -> tuple[GeneratorMark, ...]:
    """Marks in the metadata of an open picture; text behind its pixels counts once it is loaded."""
    return _first(_marks(_picture_texts(image)))


def container_marks(container: InputContainer) -> tuple[GeneratorMark, ...]:
    """Marks in the tags of a video's or sound's container."""
    tags = [*container.metadata.items()]
    tags += [pair for stream in container.streams for pair in stream.metadata.items()]
    return _first(_marks((f"tag {name[:40]}", str(value)) for name, value in tags))


def xmp_marks(file: BinaryIO, size: int = _LONGEST_TEXT) -> tuple[GeneratorMark, ...]:
    """Marks in an XMP packet at the beginning of a file whose container hides it from its decoders."""
    file.seek(0)
    head = file.read(size)
    begin, end = head.find(b"<x:xmpmeta"), head.find(b"</x:xmpmeta>")
    if begin < 0 or end < begin:
        return ()
    return _first(_marks([("XMP", head[begin:end].decode("utf-8", "replace"))]))


def _picture_texts(image: Image.Image) -> Iterator[tuple[str, str]]:
    for key, value in image.info.items():
        name = str(key)
        if name.lower() in {"xml:com.adobe.xmp", "xmp"}:
            yield "XMP", _text(value)
        elif name.lower() == "comment":
            yield "comment", _text(value)
        elif isinstance(value, str):
            yield f"text field {name[:40]}", value
    try:
        exif = image.getexif()
        tags = {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
    except UNREADABLE:
        return
    for tag, where in _EXIF.items():
        if tag in tags:
            yield where, _text(tags[tag])


def _text(value: object) -> str:
    if isinstance(value, bytes):
        plain = value[8:] if value[:8] in {b"ASCII\0\0\0", b"UNICODE\0"} else value
        return plain.replace(b"\0", b"").decode("utf-8", "replace")
    return str(value)


def _marks(texts: Iterable[tuple[str, str]]) -> Iterator[GeneratorMark]:
    for where, text in texts:
        short = text[:_LONGEST_TEXT]
        if where == "XMP" and _IPTC.search(short):
            yield GeneratorMark("generative AI (IPTC digital source type)", where)
        field = where.rsplit(" ", 1)[-1].lower()
        if field in _FIELDS and _FIELDS[field][1].search(short):
            yield GeneratorMark(_FIELDS[field][0], where)
            continue  # what a prompt says is about the picture, not about its maker
        for name, pattern in _NAMES.items():
            if pattern.search(short):
                yield GeneratorMark(name, where)


def _first(marks: Iterable[GeneratorMark]) -> tuple[GeneratorMark, ...]:
    return tuple(dict.fromkeys(marks))[:_MOST]
