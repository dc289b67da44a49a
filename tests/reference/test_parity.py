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


def built(case: Case) -> nn.Module:
    with torch.device("meta" if case.meta else "cpu"):
        return case.build()


def loaded(case: Case, vectors: Vectors, device: str) -> nn.Module:
    network = built(case)
    network.load_state_dict(vectors.weights(case.rule, case.dead), strict=True, assign=case.meta)
    return network.eval().to(device)


def slack(device: str) -> float:
    return 1.0 if device == "cpu" else CUDA_FACTOR


@each_case
def test_state_dict_has_the_public_keys(case: Case, vectors: Vectors) -> None:
    state = built(case).state_dict()
    own = [(name, tuple(t.shape), str(t.dtype).removeprefix("torch.")) for name, t in state.items()]
    assert own == vectors.live(case.dead)


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
    if case.taps and case.tapped is None:
        taps, outputs = with_taps(network, vectors, lambda: case.outputs(network, vectors, device))
        compare_taps(vectors, taps, device)
    else:
        outputs = case.outputs(network, vectors, device)
    for field, actual in outputs.items():
        assert actual.shape == vectors.stored[field].shape
        assert actual.isfinite().all()
        if vectors.comparable:
            tolerance = case.tolerances.get(field, LOGIT_TOLERANCE)
            vectors.compare(field, actual, tolerance=tolerance * slack(device))


@pytest.mark.parametrize("case", [case for case in CASES if case.tapped], ids=lambda case: case.name)
@each_device
@torch.no_grad()
def test_taps_match(case: Case, vectors: Vectors, device: str) -> None:
    network = loaded(case, vectors, device)
    run = case.tapped
    assert run is not None
    taps, _ = with_taps(network, vectors, lambda: run(network, vectors, device))
    compare_taps(vectors, taps, device)


def compare_taps(vectors: Vectors, taps: Mapping[str, Tensor], device: str) -> None:
    for tap, actual in taps.items():
        assert list(actual.shape) == vectors.stored[f"shape/{tap}"].tolist(), tap
        if not vectors.comparable:
            continue
        stored = vectors.stored[f"tap/{tap}"]
        vectors.compare(f"tap/{tap}", subsample(actual, stored.size), tolerance=TAP_TOLERANCE * slack(device))
        vectors.compare(f"stats/{tap}", statistics(actual), tolerance=TAP_TOLERANCE * slack(device))


def with_taps(
    network: nn.Module, vectors: Vectors, run: Callable[[], Result]
) -> tuple[dict[str, Tensor], Result]:
    """What `run` returns, and the outputs of the stored taps' sub-modules during it.

    Later calls of one sub-module are named with a suffix ``#1``, ``#2`` ...
    """
    wanted = [field.removeprefix("tap/") for field in vectors.stored if field.startswith("tap/")]
    taps: dict[str, Tensor] = {}

    def hook(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        calls = 0

        def keep(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            nonlocal calls
            taps[f"{name}#{calls}" if calls else name] = output.clone()
            calls += 1

        return keep

    names = {tap.split("#")[0] for tap in wanted}
    handles = [network.get_submodule(name).register_forward_hook(hook(name)) for name in names]
    returned = run()
    for handle in handles:
        handle.remove()
    return {tap: taps[tap] for tap in wanted}, returned
