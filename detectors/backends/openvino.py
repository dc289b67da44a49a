"""OpenVINO on a CPU: networks are traced, converted once, and compiled for the processor at each start.

Widths of the arithmetic: ``"f32"``; ``"bf16"``, in which the last small products stay in float32; and
``"mixed"``, in which only the large products are in bfloat16.
"""

from __future__ import annotations

import importlib.util
import tempfile
import warnings
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detectors.backends import rewriting
from detectors.backends.base import Choice

if TYPE_CHECKING:
    from torch import Tensor, nn

    from detectors.backends.kept import Entry
    from detectors.base import Detector

WIDTHS = ("f32", "bf16", "mixed")  # converted in this order: the others begin with the first
_DEPTH = 8


@cache
def is_there() -> bool:
    """Whether the package is installed (the extra `cpu`)."""
    return importlib.util.find_spec("openvino") is not None


@cache
def _core() -> Any:
    import openvino

    return openvino.Core()


@cache
def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 matrices itself."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def runner(
    detector: Detector, items: Tensor, width: str, choice: Choice, entry: Entry
) -> Callable[[Tensor], Tensor]:
    """A detector's forward step for batches of inputs of this shape.

    Raises:
        RuntimeError: the network cannot be converted.
    """
    arithmetic = "f32" if width == "f32" else "bf16"
    file = entry.model(width)
    if file is None:
        with tempfile.TemporaryDirectory(prefix="veritag-") as folder:
            model, kept = _converted(detector, items, width, choice.threads, entry)
            entry.keep(width, lambda file: rewriting.written(model, file, kept))
            file = entry.model(width) or rewriting.written(model, Path(folder) / "model.xml", kept)
            run = compiled(file, arithmetic, choice.threads)
    else:
        run = compiled(file, arithmetic, choice.threads)
    return lambda batch: run(batch)[0]


def _converted(
    detector: Detector, items: Tensor, width: str, threads: int, entry: Entry
) -> tuple[Any, set[str]]:
    """A network rewritten for a width, and the names of the operations that keep float32."""
    file = entry.model("f32")
    if file is not None:
        model = _core().read_model(file)
    else:
        for network in _networks(list(vars(detector).values()), _DEPTH):
            network.requires_grad_(requires_grad=False)  # tracing takes parameters for constants
        model = rewriting.prepared(convert(detector.forward, items, [-1, *items.shape[1:]]))
    if width == "f32":
        return model, set()

    def means(model: Any) -> list[Any]:
        return [mean.numpy() for mean in compiled(model, "f32", threads)(items)[1:]]

    kept = rewriting.wide(model, only_heads=width == "bf16")
    return rewriting.corrected(model, kept, means), kept


def convert(function: Callable[[Tensor], Any], items: Tensor, shape: list[int]) -> Any:
    """Convert a function of one tensor; -1 in its input's shape stands for any size.

    Raises:
        RuntimeError: it cannot be traced or holds what OpenVINO does not know.
    """
    import openvino
    import torch
    from torch import nn

    class Traced(nn.Module):
        def forward(self, batch: Tensor) -> Any:
            return function(batch)

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's: whether the trace holds is proven afterwards
        return openvino.convert_model(Traced().eval(), example_input=items, input=shape)


def compiled(model: Any, width: str, threads: int) -> Callable[[Tensor], list[Tensor]]:
    """A converted model, or the path of one, as a function of one tensor; for one thread at a time.

    Args:
        width: of the arithmetic, ``"f32"`` or ``"bf16"``.
    """
    import torch

    network = _core().compile_model(
        model,
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": width,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,  # the cores are shared with the decoders
        },
    )
    request = network.create_infer_request()

    def run(batch: Tensor) -> list[Tensor]:
        results = request.infer([batch.contiguous().numpy()], share_inputs=True).to_tuple()
        return [torch.from_numpy(result.copy()) for result in results]

    return run


def _networks(thing: object, depth: int) -> Iterable[nn.Module]:
    """The networks that an object holds, also in lists and in objects of this package."""
    from torch import nn

    if isinstance(thing, nn.Module):
        yield thing
    elif depth and isinstance(thing, list | tuple):
        for part in thing:
            yield from _networks(part, depth - 1)
    elif depth and type(thing).__module__.split(".")[0] == __name__.split(".")[0]:
        yield from _networks(list(getattr(thing, "__dict__", {}).values()), depth - 1)
