"""From published files to stored ones: checked, converted, tried on the network, then put in place at once.

published file ──SHA-256──▶ safe load ──live tensors──▶ staging/ ──fits the network?──▶ rename
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.errors import WeightsError, WeightsMismatch
from detectors.record import WeightsRecord
from detectors.weights.checkpoint import is_safetensors, named, read_file
from detectors.weights.licences import accept_licence
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

if TYPE_CHECKING:
    from torch import Tensor

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
            _save(live, kept)
            _pin(kept, digest(kept), sha256)
            return
    shutil.copyfile(published, kept)
    _pin(kept, sha256)


def _save(state: Mapping[str, Tensor], path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    seen: set[int] = set()
    separate = {}
    for name, tensor in state.items():
        own = tensor.detach().contiguous()
        # safetensors wants every tensor to be its memory's only owner.
        storage = own.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != own.nbytes:
            own = own.clone()
        seen.add(storage.data_ptr())
        separate[name] = own
    try:
        save_file(separate, path, metadata={"format": "pt"})
    except SafetensorError as error:
        raise WeightsError(
            f"{path.name} cannot be written ({error}); make room, or set VERITAG_WEIGHTS_DIR"
        ) from error
    path.chmod(0o644)  # it writes for its user alone, but the service may run as another
    _settle(path)


def _pin(kept: Path, *hashes: str) -> None:
    file = pin_file(kept)
    file.write_text("".join(f"{sha256}\n" for sha256 in hashes), "ascii")
    _settle(file)


def _settle(path: Path) -> None:
    """Have the disk hold a file before its name says that it is there."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


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
