"""The weights store: finds a record's file, proves that it is the right one, loads it strictly.

Bundled files lie in ``detectors/bundled``. All others lie in one folder: the one passed in, else
``VERITAG_WEIGHTS_DIR``, else ``veritag/weights`` in the user's cache. Nothing here uses the network.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.errors import LicenceNotAccepted, WeightsMismatch, WeightsMissing
from detectors.record import WeightsRecord

if TYPE_CHECKING:
    from torch import Tensor, nn

BUNDLED = Path(__file__).parent / "bundled"
ACCEPTED = "accepted"
_SHOWN = 3


def folder(weights_dir: Path | None = None) -> Path:
    """Return the folder of weights that do not ship with this package; it need not exist."""
    if weights_dir is not None:
        return weights_dir
    if named := os.environ.get("VERITAG_WEIGHTS_DIR"):
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "veritag" / "weights"


def location(record: WeightsRecord, weights_dir: Path | None = None) -> Path:
    """Return where a record's file belongs, whether or not it is there."""
    return (BUNDLED if record.file.bundled else folder(weights_dir)) / record.file.name


def find(record: WeightsRecord, weights_dir: Path | None = None) -> Path:
    """Return a record's file, verified and licensed for use.

    Raises:
        LicenceNotAccepted: the operator has to accept the weights' licence first.
        WeightsMissing: there is no such file.
        WeightsMismatch: its SHA-256 is not the record's (or, where the record has none, not the one it had
            when it was first used).
    """
    if record.licence.needs_acceptance and not is_accepted(record, weights_dir):
        raise LicenceNotAccepted(record.name, record.licence.weights)
    path = location(record, weights_dir)
    if not path.is_file():
        raise WeightsMissing(record.name)
    verify(record, path)
    return path


def verify(record: WeightsRecord, path: Path) -> str:
    """Return a file's SHA-256 (lower-case hex) after comparing it with the record's or its pin.

    Where the record states none, the first call writes a pin beside the file, ``<file>.sha256``.

    Raises:
        WeightsMismatch: they differ.
    """
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    pin = path.with_name(f"{path.name}.sha256")
    expected = record.file.sha256
    if expected is None and pin.is_file():
        expected = pin.read_text("ascii").strip()
    if expected is None:
        pin.write_text(f"{actual}\n", "ascii")
    elif actual != expected.lower():
        raise WeightsMismatch(
            f"{path.name} is not the file of {record.name}: SHA-256 {actual[:12]}..., "
            f"expected {expected[:12]}...; remove it and run `veritag weights fetch {record.name}`"
        )
    return actual


def is_accepted(record: WeightsRecord, weights_dir: Path | None = None) -> bool:
    """Say whether the operator has accepted this licence of these weights; a changed licence asks again."""
    file = folder(weights_dir) / ACCEPTED
    return file.is_file() and _acceptance(record) in file.read_text("utf-8").splitlines()


def accept_licence(record: WeightsRecord, weights_dir: Path | None = None) -> None:
    """Note the operator's word in the weights folder. Saying it twice changes nothing."""
    if is_accepted(record, weights_dir):
        return
    directory = folder(weights_dir)
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ACCEPTED).open("a", encoding="utf-8") as file:
        file.write(f"{_acceptance(record)}\n")


def _acceptance(record: WeightsRecord) -> str:
    return f"{record.name}\t{' '.join(record.licence.weights.split())}"


def load_into(module: nn.Module, record: WeightsRecord, weights_dir: Path | None = None) -> None:
    """Fill a module with a record's tensors; every tensor must be there, none may be left over.

    Raises:
        WeightsError: as `read`, and `WeightsMismatch` for tensors that do not fit.
    """
    fill(module, read(record, weights_dir), record.file.name)


def read(
    record: WeightsRecord, weights_dir: Path | None = None, part: str | None = None
) -> dict[str, Tensor]:
    """Return the tensors of a record's file, or of one of its parts.

    Raises:
        WeightsError: as `find`, and `WeightsMismatch` for a broken file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if part is not None:
        record = record.model_copy(update={"file": record.parts[part]})
    path = find(record, weights_dir)
    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsMismatch(f"{path.name} is not a whole safetensors file: {error}") from error


def fill(module: nn.Module, state: Mapping[str, Tensor], origin: str) -> None:
    """Copy a state dict into a module strictly; a module without storage takes the tensors themselves.

    Args:
        origin: the file's name, for the message.

    Raises:
        WeightsMismatch: names the missing and unexpected tensors and the wrong shapes in one line.
    """
    own = module.state_dict()
    problems = [
        *_listed("missing", own.keys() - state.keys()),
        *_listed("unexpected", state.keys() - own.keys()),
        *_listed(
            "wrong shape",
            (
                f"{name} {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
                for name in own.keys() & state.keys()
                if state[name].shape != own[name].shape
            ),
        ),
    ]
    if problems:
        raise WeightsMismatch(f"{origin} does not fit {type(module).__name__}: {'; '.join(problems)}")
    module.load_state_dict(dict(state), strict=True, assign=any(tensor.is_meta for tensor in own.values()))


def _listed(what: str, entries: Iterable[str]) -> list[str]:
    found = sorted(entries)
    if not found:
        return []
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return [f"{what}: {', '.join(found[:_SHOWN])}{more}"]
