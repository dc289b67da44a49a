"""Reviewed media, out of the bot: as a table, or as a folder that `veritag evaluate` and `train` read.

No handle, no text and no address of a post leaves with them. Only labels of which one can learn count as
real or fake: `real`, and `fake` or `manipulated`; a table has the others too.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from analysis.ensemble.combine import ReviewLabel
from bot.resolver.media_store import MediaStore
from state.exports import ReviewedMedium

CLASSES = {ReviewLabel.REAL: "real", ReviewLabel.FAKE: "fake", ReviewLabel.MANIPULATED: "fake"}
COLUMNS = (
    *("sha256", "mime", "size", "present", "kind", "label", "note", "reviewer", "reviewed_at", "platform"),
    *("posted_at", "posts", "band", "probability", "policy"),
)
MANIFEST = "manifest.csv"
_MANIFEST_COLUMNS = ("path", "label", "source", "sha256", "review", "reviewed_at")
_SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "audio/flac": ".flac",
}
_STEP_BYTES = 1 << 20
# A zip of one picture must not differ from the next by the time it was made.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def as_jsonl(media: Iterable[ReviewedMedium]) -> Iterator[str]:
    """One JSON object a line."""
    for medium in media:
        yield json.dumps(_plain(medium), ensure_ascii=False) + "\n"


def as_csv(media: Iterable[ReviewedMedium]) -> Iterator[str]:
    """A table with a header; the scores are one JSON object in the last column."""
    yield _csv_line((*COLUMNS, "scores"))
    for medium in media:
        plain = _plain(medium)
        yield _csv_line((*(plain[column] for column in COLUMNS), json.dumps(plain["scores"])))


def as_zip(media: Iterable[ReviewedMedium], files: MediaStore) -> Iterator[bytes]:
    """The folder of `into_folder`, as a zip that is made while it is sent; nothing is compressed again."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        lines = [_csv_line(_MANIFEST_COLUMNS)]
        for medium, name in _learnable(media, files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            with (
                files.path(medium.sha256).open("rb") as source,
                archive.open(entry, "w", force_zip64=True) as out,
            ):
                while step := source.read(_STEP_BYTES):
                    out.write(step)
                    yield from sink.taken()
            lines.append(_manifest_line(medium, name))
            yield from sink.taken()
        archive.writestr(zipfile.ZipInfo(MANIFEST, _EPOCH), "".join(lines))
    yield from sink.taken()


def into_folder(media: Iterable[ReviewedMedium], files: MediaStore, folder: Path) -> int:
    """Copy what can be learned from into PLATFORM/real and PLATFORM/fake, with a manifest beside.

    Returns:
        How many media there are in it.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = [_csv_line(_MANIFEST_COLUMNS)]
    for medium, name in _learnable(media, files):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files.path(medium.sha256), target)
        lines.append(_manifest_line(medium, name))
    (folder / MANIFEST).write_text("".join(lines), "utf-8")
    return len(lines) - 1


def _learnable(media: Iterable[ReviewedMedium], files: MediaStore) -> Iterator[tuple[ReviewedMedium, str]]:
    """The media of which one can learn whose file is here, each with its name in the folder."""
    for medium in media:
        class_ = CLASSES.get(ReviewLabel(medium.label))
        if class_ is not None and files.path(medium.sha256).is_file():
            source = medium.platform or "unknown"
            yield medium, f"{source}/{class_}/{medium.sha256[:32]}{_SUFFIXES.get(medium.mime, '')}"


def _manifest_line(medium: ReviewedMedium, name: str) -> str:
    class_ = name.split("/")[1]
    reviewed_at = medium.reviewed_at.isoformat(timespec="seconds")
    return _csv_line((name, class_, medium.platform or "", medium.sha256, medium.label, reviewed_at))


def _plain(medium: ReviewedMedium) -> dict[str, object]:
    fields = asdict(medium)
    for name in ("reviewed_at", "posted_at"):
        moment = fields[name]
        fields[name] = moment.isoformat(timespec="seconds") if moment else None
    return fields


def _csv_line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([_cell(cell) for cell in cells])
    return line.getvalue()


def _cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula: a note is a person's free text."""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{value}"
    return value


class _Sink(io.RawIOBase):
    """A file that is written and taken away piece by piece; it cannot seek, as an answer cannot."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._pieces.append(piece)
        return len(piece)

    def taken(self) -> Iterator[bytes]:
        pieces, self._pieces = self._pieces, []
        yield from pieces
