"""From published files to stored ones: checked, converted, tried on the network, then put in place at once.

published file ──SHA-256──▶ safe load ──live tensors──▶ staging/ ──fits the network?──▶ rename
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from detectors.errors import WeightsMismatch
from detectors.record import WeightsRecord
from detectors.weights.checkpoint import is_safetensors, named, read_file
from detectors.weights.licences import accept_licence
from detectors.weights.saving import save, settle
from detectors.weights.store import (
    TENSOR_SUFFIXES,
    check_published,
    digest,
    folder,
    is_there,
    kept_name,
    location,
    pin_file,
    require_room,
)

_STAGING = ".staging-"


def install(
    record: WeightsRecord, published: Mapping[str | None, Path], weights_dir: Path | None = None
) -> dict[str | None, str]:
    """Make published files those of a record, all of them or none; what is replaced is gone.

    The published files stay where they are.

    Args:
        published: files by the name of the record's part (None: its main file). Those that are not named
            stay as they are. Once all of them are there the detector is built to see that they fit.

    Returns:
        The SHA-256 of each published file.

    Raises:
        WeightsMismatch: a file is not the record's, broken, holds code, or does not fit the network.
        WeightsError: a file cannot be written, such as `NoRoom`.
    """
    home = folder(weights_dir)
    home.mkdir(parents=True, exist_ok=True)
    hashes: dict[str | None, str] = {}
    with _staging(home) as staging:
        for part, path in published.items():
            wanted = record.part(part)
            require_room(home, path.stat().st_size, path.name)
            hashes[part] = check_published(wanted, path, weights_dir)
            _stage(wanted, path, hashes[part], staging)
        new = sorted(path.name for path in staging.iterdir())
        _try(record, staging, home)
        # A pin before its file: between the two a crash leaves a file that is not what was pinned, which is
        # noticed, and not one that nothing is known of.
        for file in sorted(new, key=lambda file: not file.endswith(".sha256")):
            (staging / file).replace(home / file)
    return hashes


@contextmanager
def _staging(home: Path) -> Iterator[Path]:
    """Give a folder on the same disk to one installation at a time; clear away what a killed one left."""
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in home.glob(f"{_STAGING}*"):
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=_STAGING, dir=home) as name:
            yield Path(name)


def _stage(record: WeightsRecord, published: Path, sha256: str, staging: Path) -> None:
    """Write what is to be kept of a published file, and its pins, into the staging folder."""
    kept = staging / kept_name(record)
    if Path(record.file.name).suffix in TENSOR_SUFFIXES:
        state = read_file(published, record.file.wrapper)
        live = named(state, record.file, published.name)
        if not is_safetensors(published) or live.keys() != state.keys():
            save(live, kept)
            _pin(kept, digest(kept), sha256)
            return
    shutil.copyfile(published, kept)
    _pin(kept, sha256)


def _pin(kept: Path, *hashes: str) -> None:
    file = pin_file(kept)
    file.write_text("".join(f"{sha256}\n" for sha256 in hashes), "ascii")
    settle(file)


def _try(record: WeightsRecord, staging: Path, home: Path) -> None:
    """Build the detector from the staged files and those that are there, if that makes all of them."""
    from detectors.registry import create

    trial = staging / "trial"
    trial.mkdir()
    for part in record.files():
        staged = staging / kept_name(part)
        origin = staged if staged.is_file() else location(part, home)
        for file in (origin, pin_file(origin)):
            if file.is_file():
                (trial / file.name).symlink_to(file.resolve())
    if not is_there(record, trial):
        return
    # To see whether tensors fit is no use of them: the operator is asked before the first real one.
    accept_licence(record, trial)
    try:
        create(record.name, weights_dir=trial)
    except WeightsMismatch as error:
        raise WeightsMismatch(f"{record.name} cannot use what was given: {error}") from error
