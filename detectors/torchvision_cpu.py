"""The one remedy for torchvision builds that do not import beside a CPU-only torch.

The torchvision wheels of the package index register operators in a compiled extension that needs CUDA's
runtime. On a CPU torch the extension stays unloaded, and ``import torchvision`` (which timm does) dies with
"operator torchvision::nms does not exist". Declaring the schemas of the missing operators is enough to
import everything; only calling them still fails, so box suppression must use a torch-only implementation.
"""

from __future__ import annotations

import importlib
import sys

_SCHEMAS = {
    "torchvision::nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "torchvision::qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def prepare() -> None:
    """Make ``import torchvision`` and ``import timm`` work; call it first. Does nothing where they do.

    Raises:
        RuntimeError: torchvision fails for another reason.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        _declare_operators()
        importlib.import_module("torchvision")


def _declare_operators() -> None:
    import torch

    for module in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[module]
    for name, schema in _SCHEMAS.items():
        torch.library.define(name, schema)
