"""Which runner a network gets: each is proven against float32 torch, timed beside it, and remembered."""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.backends import kept
from detectors.backends.base import PLAIN, Backend, Choice, Forward
from detectors.base import ServiceDetector, View
from detectors.errors import NotApplicable

if TYPE_CHECKING:
    from torch import Tensor

    from detectors.base import Detector

log = logging.getLogger(__name__)
Run = Callable[["Tensor"], "Tensor"]

# Smaller networks cost less than the detour.
_WORTHWHILE_GFLOP = 1.0
# Another runner must take less than this share of plain torch's time.
_FASTER = 0.9
_RUNS = 3
# Made-up inputs that a runner is proven on: so many, or two for a network that takes long for each.
_EXAMPLES = 8
_LONG_GFLOP = 50.0
# Among many real inputs are some on which a runner differs more than on any of these few: GenConViT's logits
# did by 1.8e-2 on 60 faces where eight made-up inputs showed 0.9e-2. So they must stay within this share.
_MARGIN = 0.5
_SHAPES = {
    View.FRAMES: (768, 1024, 3),
    View.FACES: (224, 224, 3),
    View.FACE_CLIPS: (32, 224, 224, 3),
    View.WAVEFORM: (64_600,),
}


def accelerate(detector: Detector, choice: Choice, device: str = "cpu") -> Forward:
    """The fastest way to run a detector's forward step that stays within the tolerance of ``choice``.

    The first call for a network converts, proves and times the runners on a few made-up inputs; with a folder
    the next calls read what came of it. Whatever fails on the way leaves the network to plain torch, with a
    line in the log. Inputs of another shape than those made-up ones also go to plain torch.
    """
    plain = Forward(detector.forward)
    cost = detector.record.cost
    if isinstance(detector, ServiceDetector) or cost is None or cost.gflop < _WORTHWHILE_GFLOP:
        return plain
    if choice.backend is Backend.TORCH and choice.exact:
        return plain
    try:
        return _proven(detector, choice, device, plain)
    except NotApplicable as reason:
        log.info("detector %s is run by plain torch: the example: %s", detector.record.name, reason)
    except Exception as error:  # noqa: BLE001 - whatever a converter raises, plain torch runs the network
        said = f"{type(error).__name__}: {str(error).strip()}".splitlines()[0][:200]
        log.warning("detector %s is run by plain torch: %s", detector.record.name, said)
    return plain


def _proven(detector: Detector, choice: Choice, device: str, plain: Forward) -> Forward:
    cost = detector.record.cost
    items = example(detector, 2 if cost is None or cost.gflop > _LONG_GFLOP else _EXAMPLES)
    entry = kept.entry(detector.record, choice, device, tuple(items.shape[1:]))
    if entry.folder is not None:
        return _chosen(detector, choice, device, plain, items, entry)
    with tempfile.TemporaryDirectory(prefix="veritag-", ignore_cleanup_errors=True) as folder:
        return _chosen(detector, choice, device, plain, items, replace(entry, folder=Path(folder)))


def _chosen(
    detector: Detector, choice: Choice, device: str, plain: Forward, items: Tensor, entry: kept.Entry
) -> Forward:
    runners = dict(_runners(detector, choice, device, items, entry))
    known = entry.known()
    if known is not None and (known == PLAIN or known in runners):
        return plain if known == PLAIN else _guarded(known, runners[known](), plain, items)
    best, seconds = plain, _FASTER * _seconds(plain, items)
    expected = _twice(plain, items)
    for name, make in runners.items():
        try:
            forward = _guarded(name, make(), plain, items)
            difference = _difference(_twice(forward, items), expected)
            took = _seconds(forward, items)
        except (RuntimeError, ImportError, ValueError, TypeError) as error:
            log.info("%s cannot run %s: %s", name, detector.record.name, str(error).splitlines()[0][:200])
            continue
        log.info("%s by %s: logits within %.1e, %.3f s", detector.record.name, name, difference, took)
        if difference <= _MARGIN * choice.tolerance and took < seconds:
            best, seconds = forward, took
    entry.remember(best.runner)
    entry.keep_only(best.runner.removeprefix("openvino "))
    return best


def example(detector: Detector, count: int = 2) -> Tensor:
    """So many inputs of a detector's network, of made-up soft shapes, the same each time."""
    import torch
    from torch.nn import functional as F

    shape = _SHAPES[detector.view]
    generator = torch.Generator().manual_seed(1)
    if detector.view is View.WAVEFORM:
        view = torch.rand(shape, generator=generator) * 0.2 - 0.1
    else:
        pictures, (height, width) = int(torch.tensor((count, *shape[:-3])).prod()), shape[-3:-1]
        coarse = torch.rand(pictures, 3, 12, 12, generator=generator)
        soft = F.interpolate(coarse, (height, width), mode="bicubic")
        soft += 0.02 * torch.randn(soft.shape, generator=generator)
        view = soft.clamp(0, 1).mul(255).byte().permute(0, 2, 3, 1).reshape(count, *shape)
    items = detector.preprocess(view)
    return items.repeat(count, *[1] * (items.ndim - 1))[:count].contiguous()


def _runners(
    detector: Detector, choice: Choice, device: str, items: Tensor, entry: kept.Entry
) -> Iterator[tuple[str, Callable[[], Run]]]:
    from detectors.backends import autocast, openvino

    reduced = not choice.exact
    if device == "cpu" and choice.backend is not Backend.TORCH and openvino.is_there():
        widths = openvino.WIDTHS if reduced and openvino.has_bf16() else openvino.WIDTHS[:1]
        for width in widths:
            yield f"openvino {width}", partial(openvino.runner, detector, items, width, choice, entry)
    if choice.backend is not Backend.OPENVINO and reduced and autocast.has_bf16(device):
        yield "torch bf16", partial(autocast.runner, detector, device)


def _guarded(name: str, run: Run, plain: Forward, items: Tensor) -> Forward:
    """A runner for inputs of the shape that it was made for; others go to plain torch."""
    shape = items.shape[1:]
    return Forward(lambda batch: run(batch) if batch.shape[1:] == shape else plain(batch), name)


def _twice(forward: Forward, items: Tensor) -> Tensor:
    """The logits of all inputs together and of the others than the first: a runner must not have learnt the
    batch's size.
    """
    import torch

    return torch.cat([forward(items), forward(items[1:])]).float().cpu()


def _difference(actual: Tensor, expected: Tensor) -> float:
    if actual.shape != expected.shape or not actual.isfinite().all():
        return float("inf")
    return float((actual - expected).abs().max())


def _seconds(forward: Forward, items: Tensor) -> float:
    import torch

    taken = []
    for _ in range(_RUNS + 1):
        start = time.perf_counter()
        forward(items)
        if items.is_cuda:
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])
