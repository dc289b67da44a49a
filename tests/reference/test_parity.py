"""Every model computes what the published one computes, on synthetic weights (`--vectors`, `--prefix`).

Vectors made under another prefix than the one asked for cannot be compared; then shapes, finiteness and
everything that does not depend on weights are still held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from tests.reference.cases import CASES
from tests.reference.cases.base import Case, Fields
from tests.reference.vectors import LOGIT_TOLERANCE, TAP_TOLERANCE, Vectors, statistics, subsample

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
CUDA_FACTOR = 10.0  # float32 on CUDA sums in another order; TF32 is switched off below

# The scope groups tests by model, so that each network is filled and run once and then freed.
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name, scope="module")
each_device = pytest.mark.parametrize("device", DEVICES, scope="module")


class Run(NamedTuple):
    """What one network gave: its outputs, and those of the sub-modules with stored taps."""

    outputs: Fields
    taps: Mapping[str, Tensor]


@pytest.fixture(scope="module", autouse=True)
def plain_arithmetic() -> Iterator[None]:
    threads, tf32 = torch.get_num_threads(), torch.backends.cudnn.allow_tf32
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = tf32


@pytest.fixture(scope="module")
@torch.no_grad()
def run(case: Case, vectors: Vectors, device: str) -> Run:
    network = case.filled(vectors).to(device)
    names = {case.tap(tap.split("#")[0]) for tap in stored_taps(case, vectors)}
    taps: dict[str, Tensor] = {}
    handles = [network.get_submodule(name).register_forward_hook(keep_in(taps, name)) for name in names]
    if case.tapped:
        case.tapped(network, vectors, device)
    else:
        outputs = case.outputs(network, vectors, device)
    for handle in handles:
        handle.remove()
    # Last, where there are two runs: outputs may change the network, such as fold its norms.
    return Run(case.outputs(network, vectors, device) if case.tapped else outputs, taps)


def keep_in(
    taps: dict[str, Tensor], name: str
) -> Callable[[nn.Module, object, Tensor | tuple[Tensor, ...]], None]:
    """Keep a sub-module's outputs (the first of several), those of later calls under ``#1``, ``#2`` ..."""
    calls = 0

    def keep(_module: nn.Module, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
        nonlocal calls
        first = output[0] if isinstance(output, tuple) else output
        taps[f"{name}#{calls}" if calls else name] = first.clone()
        calls += 1

    return keep


def stored_taps(case: Case, vectors: Vectors) -> list[str]:
    taps = [field.removeprefix("tap/") for field in vectors.stored if field.startswith("tap/")]
    return [tap for tap in taps if not tap.startswith(case.untapped)] if case.untapped else taps


def slack(device: str) -> float:
    return 1.0 if device == "cpu" else CUDA_FACTOR


@each_case
def test_state_dict_has_the_public_keys(case: Case, vectors: Vectors) -> None:
    state = case.empty().state_dict()
    own = [(name, tuple(t.shape), str(t.dtype).removeprefix("torch.")) for name, t in state.items()]
    if case.adapt is None:
        assert own == vectors.live(case.dead)
        return
    public = {name: torch.empty(shape, device="meta") for name, shape, _dtype in vectors.live(case.dead)}
    adapted = case.adapt(public)
    assert {name: tuple(t.shape) for name, t in adapted.items()} == {name: shape for name, shape, _ in own}


@each_case
@each_device
def test_preprocessing_matches(case: Case, vectors: Vectors, device: str) -> None:
    for field, actual in case.inputs(vectors, device).items():
        vectors.compare(field, actual, tolerance=LOGIT_TOLERANCE * slack(device))


@each_case
@each_device
def test_outputs_match(case: Case, vectors: Vectors, run: Run, device: str) -> None:
    for field, actual in run.outputs.items():
        assert actual.shape == vectors.stored[field].shape
        if not vectors.comparable:
            assert actual.isfinite().all(), field
            continue
        tolerance = case.tolerances.get(field, LOGIT_TOLERANCE)
        vectors.compare(field, actual, tolerance=tolerance * slack(device))


@each_case
@each_device
def test_taps_match(case: Case, vectors: Vectors, run: Run, device: str) -> None:
    for tap in stored_taps(case, vectors):
        output = case.layout(tap, run.taps[case.tap(tap)])
        assert list(output.shape) == vectors.stored[f"shape/{tap}"].tolist(), tap
        if not vectors.comparable:
            continue
        stored = vectors.stored[f"tap/{tap}"]
        vectors.compare(f"tap/{tap}", subsample(output, stored.size), tolerance=TAP_TOLERANCE * slack(device))
        vectors.compare(f"stats/{tap}", statistics(output), tolerance=TAP_TOLERANCE * slack(device))
