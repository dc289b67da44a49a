"""Tensors out of files as they are published: safetensors, or PyTorch checkpoints, whose code is not run."""

from __future__ import annotations

import json
import pickle
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detectors.errors import WeightsMismatch
from detectors.record import WeightsFile, is_dead

if TYPE_CHECKING:
    from torch import Tensor

WRAPPERS = ("state_dict", "model_state_dict", "model")
PARALLEL = "module."  # what `DataParallel` puts before every name
_SHOWN = 3
_NOT_ALLOWED = re.compile(r"(?:GLOBAL|class|Unsupported class) ['\"]?([\w.]+\.[\w.]+)")
# What the restricted unpickler raises over rubbish: it has no error of its own for most of it.
_BROKEN = (
    *(pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError, OSError),
    *(LookupError, TypeError, AttributeError, AssertionError, MemoryError),
)


def read_file(path: Path, wrapper: str | None = None) -> dict[str, Tensor]:
    """Return the table of tensors in a file. A checkpoint's stay in the file and are read as they are needed.

    Args:
        wrapper: see `WeightsFile`.

    Raises:
        WeightsMismatch: the file is broken, holds code, or holds no tensors where they should be.
    """
    if is_safetensors(path):
        return _read_safetensors(path)
    return _unwrap(_unpickle(path), path.name, wrapper)


def named(state: Mapping[str, Tensor], described: WeightsFile, origin: str) -> dict[str, Tensor]:
    """Return a published table's live tensors by the names that the network gives them.

    Args:
        described: what the record says of prefix and dead tensors.
        origin: the file's name, for the message.

    Raises:
        WeightsMismatch: no name begins with the prefix.
    """
    prefix = described.prefix
    if prefix is None:
        prefix = PARALLEL if all(name.startswith(PARALLEL) for name in state) else ""
    taken = {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}
    if not taken:
        raise WeightsMismatch(f"{origin} has no tensor whose name begins with {prefix!r}")
    return {name: tensor for name, tensor in taken.items() if not is_dead(name, described.dead)}


def is_safetensors(path: Path) -> bool:
    """Say whether a file is meant to be a safetensors file: by its name or, under any other, its start."""
    with path.open("rb") as file:
        return path.suffix == ".safetensors" or file.read(9)[8:] == b"{"


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsMismatch(
            f"{path.name} is not a whole safetensors file: {_cut_off(path) or str(error)}"
        ) from error


def _cut_off(path: Path) -> str:
    """Name the tensors that a file's header promises beyond its end; empty if that is not what is wrong."""
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        size = path.stat().st_size
        if not 0 < length <= size:
            return ""
        try:
            header = json.loads(file.read(length))
            ends = {name: 8 + length + e["data_offsets"][1] for name, e in header.items() if name[:2] != "__"}
        except (ValueError, TypeError, LookupError, AttributeError):
            return ""
    lost = [name for name, end in ends.items() if end > size]
    if not lost:
        return ""
    more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    return f"it was cut off at {size} bytes; missing: {', '.join(sorted(lost)[:_SHOWN])}{more}"


def _unpickle(path: Path) -> object:
    import argparse

    import numpy as np
    import torch
    from torch.serialization import safe_globals

    # Training scripts leave their arguments and a loss or two beside the tensors; none of these is code.
    scalar = np.float64(0).__reduce__()[0]
    harmless: list[Any] = [argparse.Namespace, np.dtype, scalar, (scalar, "numpy.core.multiarray.scalar")]
    harmless += [type(np.dtype(kind)) for kind in ("float64", "float32", "int64", "int32", "bool")]
    is_archive = zipfile.is_zipfile(path)  # files of old PyTorch versions are none, and cannot be mapped
    try:
        if is_archive and _holds_program(path):
            raise WeightsMismatch(
                f"{path.name} is a TorchScript program, which is never run; ask its publisher for tensors"
            )
        with safe_globals(harmless):
            return torch.load(path, map_location="cpu", mmap=is_archive, weights_only=True)
    except _BROKEN as error:
        raise WeightsMismatch(_what_is_wrong(path, error)) from error


def _holds_program(archive: Path) -> bool:
    with zipfile.ZipFile(archive) as file:
        return any(name.rpartition("/")[2] == "constants.pkl" for name in file.namelist())


def _what_is_wrong(path: Path, error: BaseException) -> str:
    said = str(error)
    if found := _NOT_ALLOWED.search(said):
        return (
            f"{path.name} holds pickled code ({found[1]}), which is never run; get a file of tensors only "
            "from its publisher, safetensors if there is one"
        )
    size = path.stat().st_size
    return f"{path.name} is not a whole PyTorch checkpoint ({size} bytes): cut off, or something else"


def _unwrap(content: object, origin: str, wrapper: str | None) -> dict[str, Tensor]:
    import torch

    keys = wrapper.split(".") if wrapper else []
    while isinstance(content, Mapping):
        if wrapper is None:
            key = next((key for key in WRAPPERS if isinstance(content.get(key), Mapping)), None)
        else:
            key = keys.pop(0) if keys else None
        if key is None:
            break
        if key not in content:
            raise WeightsMismatch(f"{origin} has no {key!r}; it has: {', '.join(map(str, [*content][:6]))}")
        content = content[key]
    if not isinstance(content, Mapping) or not content:
        raise WeightsMismatch(f"{origin} holds no table of tensors")
    leaves = dict(_leaves(content))
    others = [name for name, value in leaves.items() if not isinstance(value, torch.Tensor)]
    if others:
        raise WeightsMismatch(f"{origin} holds no table of tensors: {others[0]} is something else")
    if not leaves:
        raise WeightsMismatch(f"{origin} holds no table of tensors")
    return leaves


def _leaves(content: Mapping[object, Any]) -> Iterator[tuple[str, Any]]:
    """Give tables and lists within a table (moving averages are kept so) as one, names joined by dots.

    Numbers beside tensors are passed over.
    """
    for name, value in content.items():
        inner = dict(enumerate(value)) if isinstance(value, list | tuple) else value
        if isinstance(inner, Mapping):
            yield from ((f"{name}.{rest}", leaf) for rest, leaf in _leaves(inner))
        elif inner is not None and not isinstance(inner, int | float):
            yield str(name), inner
