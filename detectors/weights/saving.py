"""Tensors into safetensors files, which hold nothing else and run nothing when they are read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.errors import WeightsError, WeightsMismatch

if TYPE_CHECKING:
    from torch import Tensor

_KEY = "veritag"


def save(state: Mapping[str, Tensor], path: Path, said: Mapping[str, str] | None = None) -> None:
    """Write tensors into a safetensors file, on the disk when this returns. Same tensors, same bytes.

    Args:
        said: text that the file's header carries beside them, for `metadata`.

    Raises:
        WeightsError: the file cannot be written.
    """
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
        # One entry: the order of several is a matter of chance.
        save_file(separate, path, {_KEY: json.dumps(said, sort_keys=True)} if said else {"format": "pt"})
    except SafetensorError as error:
        raise WeightsError(
            f"{path.name} cannot be written ({error}); make room, or set VERITAG_WEIGHTS_DIR"
        ) from error
    path.chmod(0o644)  # it writes for its user alone, but the service may run as another
    settle(path)


def settle(path: Path) -> None:
    """Have the disk hold a file before its name says that it is there."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def metadata(path: Path) -> dict[str, str]:
    """Return the text that `save` put into a safetensors file's header.

    Raises:
        WeightsMismatch: it is no such file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            found = json.loads((file.metadata() or {}).get(_KEY, "{}"))
            return {str(key): str(value) for key, value in found.items()}
    except (SafetensorError, ValueError, AttributeError) as error:
        raise WeightsMismatch(f"{path.name} is not a whole safetensors file: {error}") from error
