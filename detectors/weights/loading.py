"""From stored files into networks: every tensor must be there, none may be left over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.errors import LicenceNotAccepted, WeightsMismatch, WeightsMissing
from detectors.record import WeightsRecord
from detectors.weights.checkpoint import named, read_file
from detectors.weights.licences import is_accepted
from detectors.weights.store import location, pins, verify

if TYPE_CHECKING:
    from torch import Tensor, nn

_SHOWN = 3


def find(record: WeightsRecord, weights_dir: Path | None = None) -> Path:
    """Return a record's main file, verified and licensed for use.

    Raises:
        LicenceNotAccepted: the operator has to accept the weights' licence first.
        WeightsMissing: there is no such file.
        WeightsMismatch: see `verify`.
    """
    if not is_accepted(record, weights_dir):
        raise LicenceNotAccepted(record.name, record.licence.weights)
    path = location(record, weights_dir)
    if not path.is_file():
        raise WeightsMissing(record.name, record.file.package)
    verify(record, path)
    return path


def read(
    record: WeightsRecord, weights_dir: Path | None = None, part: str | None = None
) -> dict[str, Tensor]:
    """Return the tensors of a record's main file or of one of its parts, without those that it names dead.

    Raises:
        WeightsError: as `find`, and `WeightsMismatch` for a broken file.
    """
    wanted = record.part(part)
    path = find(wanted, weights_dir)
    state = read_file(path, wanted.file.wrapper)
    converted = pins(path).published is not None
    return state if converted else named(state, wanted.file, path.name)


def load_into(
    module: nn.Module,
    record: WeightsRecord,
    weights_dir: Path | None = None,
    *,
    part: str | None = None,
) -> None:
    """Fill a module with the tensors of a record's main file or of one of its parts.

    Raises:
        WeightsError: as `read`, and `WeightsMismatch` for tensors that do not fit.
    """
    fill(module, read(record, weights_dir, part), location(record.part(part), weights_dir).name)


def fill(module: nn.Module, state: Mapping[str, Tensor], origin: str) -> None:
    """Copy a state dict into a module strictly; one built on the meta device takes the tensors themselves, so
    that a large network exists once in memory.

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
    on_meta = any(tensor.is_meta for tensor in own.values())
    typed = {name: state[name].to(tensor.dtype) for name, tensor in own.items()} if on_meta else dict(state)
    module.load_state_dict(typed, strict=True, assign=on_meta)


def _listed(what: str, entries: Iterable[str]) -> list[str]:
    found = sorted(entries)
    if not found:
        return []
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return [f"{what}: {', '.join(found[:_SHOWN])}{more}"]
