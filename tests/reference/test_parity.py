"""Every model computes what the published one computes, on synthetic weights (`--vectors`, `--prefix`).

Vectors made under another prefix than the one asked for cannot be compared; then shapes, finiteness and
everything that does not depend on weights are still held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from detectors import weights
from tests.reference.cases import CASES
from tests.reference.cases.base import Case
from tests.reference.vectors import LOGIT_TOLERANCE, TAP_TOLERANCE, Vectors, statistics, subsample

Result = TypeVar("Result")
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
CUDA_FACTOR = 10.0  # float32 on CUDA sums in another order; TF32 is switched off below

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
each_device = pytest.mark.parametrize("device", DEVICES)


@pytest.fixture(autouse=True)
def plain_arithmetic() -> Iterator[None]:
    threads, tf32 = torch.get_num_threads(), torch.backends.cudnn.allow_tf32
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = tf32


def loaded(case: Case, vectors: Vectors, device: str) -> nn.Module:
    network = case.build()
    state = vectors.weights(case.rule, case.dead)
    weights.fill(network, case.adapt(state) if case.adapt else state, case.name)
    return network.eval().to(device)


def slack(device: str) -> float:
    return 1.0 if device == "cpu" else CUDA_FACTOR


@each_case
def test_state_dict_has_the_public_keys(case: Case, vectors: Vectors) -> None:
    state = case.build().state_dict()
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
@torch.no_grad()
def test_outputs_match(case: Case, vectors: Vectors, device: str) -> None:
    network = loaded(case, vectors, device)
    if case.tapped is None:
        taps, outputs = record_taps(case, vectors, network, lambda: case.outputs(network, vectors, device))
        compare_taps(case, vectors, taps, device)
    else:
        outputs = case.outputs(network, vectors, device)
    for field, actual in outputs.items():
        assert actual.shape == vectors.stored[field].shape
        assert actual.isfinite().all()
        if vectors.comparable:
            vectors.compare(field, actual, tolerance=LOGIT_TOLERANCE * slack(device))


@pytest.mark.parametrize("case", [case for case in CASES if case.tapped], ids=lambda case: case.name)
@each_device
@torch.no_grad()
def test_taps_match(case: Case, vectors: Vectors, device: str) -> None:
    network = loaded(case, vectors, device)
    run = case.tapped
    assert run is not None
    taps, _ = record_taps(case, vectors, network, lambda: run(network, vectors, device))
    compare_taps(case, vectors, taps, device)


def stored_taps(case: Case, vectors: Vectors) -> list[str]:
    taps = [field.removeprefix("tap/") for field in vectors.stored if field.startswith("tap/")]
    return [tap for tap in taps if tap not in case.untapped]


def compare_taps(case: Case, vectors: Vectors, taps: Mapping[str, Tensor], device: str) -> None:
    for tap in stored_taps(case, vectors):
        output = case.layout(tap, taps[case.tap(tap)])
        assert list(output.shape) == vectors.stored[f"shape/{tap}"].tolist(), tap
        if not vectors.comparable:
            continue
        stored = vectors.stored[f"tap/{tap}"]
        vectors.compare(f"tap/{tap}", subsample(output, stored.size), tolerance=TAP_TOLERANCE * slack(device))
        vectors.compare(f"stats/{tap}", statistics(output), tolerance=TAP_TOLERANCE * slack(device))


def record_taps(
    case: Case, vectors: Vectors, network: nn.Module, run: Callable[[], Result]
) -> tuple[dict[str, Tensor], Result]:
    """Outputs of the sub-modules with stored taps during `run`, and what it returns.

    Later calls of one sub-module are named with a suffix ``#1``, ``#2`` ...
    """
    names = {case.tap(tap.split("#")[0]) for tap in stored_taps(case, vectors)}
    taps: dict[str, Tensor] = {}

    def hook(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        calls = 0

        def keep(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            nonlocal calls
            taps[f"{name}#{calls}" if calls else name] = output.clone()
            calls += 1

        return keep

    handles = [network.get_submodule(name).register_forward_hook(hook(name)) for name in names]
    returned = run()
    for handle in handles:
        handle.remove()
    return taps, returned
