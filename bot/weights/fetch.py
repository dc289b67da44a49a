"""All published files of one detector, from wherever its record says, into the weights folder."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bot.errors import FetchFailed
from bot.weights.download import Progress, download
from bot.weights.hub import as_hub_file, download_from_hub
from detectors import record as record_of
from detectors import weights
from detectors.errors import WeightsMismatch, WeightsMissing
from detectors.record import WeightsRecord

DOWNLOADS = "downloads"
OnFile = Callable[[str], Progress]
"""Told the name of each file that is to be brought; returns what is told how far it is."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A published file that was brought and installed; ``stated``: its SHA-256 was known before."""

    source: str
    path: Path
    sha256: str
    stated: bool


def fetch(name: str, on_file: OnFile, weights_dir: Path | None = None) -> tuple[Fetched, ...]:
    """Bring the files of a detector that are not there, or not as they should be.

    Returns:
        What was brought, the main file first; empty where nothing was missing.

    Raises:
        UnknownDetector: no detector of that name is registered.
        FetchFailed: a file cannot be had, or another process is at it; what came stays for another call.
        WeightsError: a file that came is not the record's, or does not fit; it is removed. Or a file comes
            with a Python package, which is not installed or holds another one.
    """
    record = record_of(name)
    if package := weights.missing_package(record):
        raise WeightsMissing(name, package)
    parts = [part for part in (None, *record.parts) if not _is_good(record.part(part), weights_dir)]
    public = [part for part in parts if record.part(part).file.source]
    done: tuple[Fetched, ...] = ()
    if public:
        with _alone(weights.folder(weights_dir) / DOWNLOADS) as downloads:
            done = _fetch(record, public, downloads, on_file, weights_dir)
    for part in parts:
        if record.part(part).file.package:
            weights.verify(record.part(part), weights.location(record.part(part)))  # says what is wrong
        elif part not in public:
            raise FetchFailed(_how_by_hand(record, part))
    return done


def _fetch(
    record: WeightsRecord,
    parts: list[str | None],
    downloads: Path,
    on_file: OnFile,
    weights_dir: Path | None,
) -> tuple[Fetched, ...]:
    # A folder for each source: what is left of one file is never continued with another.
    places = {part: downloads / _key(record.part(part)) for part in parts}
    brought = {part: _bring(record.part(part), places[part], on_file) for part in parts}
    try:
        hashes = weights.install(record, {part: path for part, (path, _) in brought.items()}, weights_dir)
    except WeightsMismatch:
        _remove(places.values())
        raise
    _remove(places.values())
    return tuple(
        Fetched(
            source=brought[part][1],
            path=weights.location(record.part(part), weights_dir),
            sha256=hashes[part],
            stated=record.part(part).file.sha256 is not None,
        )
        for part in parts
    )


def _bring(record: WeightsRecord, place: Path, on_file: OnFile) -> tuple[Path, str]:
    """Bring one file; return where it is and where it is from."""
    if hub := as_hub_file(record.file):
        path, pinned = download_from_hub(hub, place, on_file(Path(hub.file).name))
        return path, str(pinned)
    url = record.file.url
    assert url is not None
    target = place / (Path(unquote(urlsplit(url).path)).name or "published")
    if not target.is_file():
        proven = record.file.sha256 is not None
        download(url, target, on_file(target.name), proven=proven)
    return target, url


def _is_good(record: WeightsRecord, weights_dir: Path | None) -> bool:
    path = weights.location(record, weights_dir)
    if not path.is_file():
        return False
    try:
        weights.verify(record, path)
    except WeightsMismatch:
        return False
    return True


def _how_by_hand(record: WeightsRecord, part: str | None) -> str:
    file = record.part(part).file
    option = f" --part {part}" if part else ""
    whence = f"get it from {file.page}" if file.page else "if its publisher gives it to you"
    return (
        f"{file.name} of {record.name} cannot be fetched by a program; {whence}, "
        f"run `veritag weights import {record.name} FILE{option}`"
    )


def _key(record: WeightsRecord) -> str:
    return hashlib.sha256(f"{record.file.source}".encode()).hexdigest()[:16]


def _remove(places: Iterable[Path]) -> None:
    for place in places:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _alone(downloads: Path) -> Iterator[Path]:
    downloads.mkdir(parents=True, exist_ok=True)
    with (downloads / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FetchFailed(
                f"another process is fetching into {downloads.parent}; wait until it is done"
            ) from None
        yield downloads
