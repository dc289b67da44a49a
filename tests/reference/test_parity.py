"""Every model computes what the published one computes, on synthetic weights (`--vectors`, `--prefix`).

Vectors made under another prefix than the one asked for cannot be compared; then shapes, finiteness and
everything that does not depend on weights are still held.

Where there is a GPU, all runs there too, and the outputs once more in bf16 (mixed precision); `--bf16` does
that on the CPU as well.
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

CUDA_FACTOR = 10.0  # float32 on CUDA sums in another order; TF32 is switched off below
BF16_TOLERANCE = 0.1  # outputs, relative to max(1, max |reference|); a bf16 number has 8 bits of precision

# The scope groups tests by model, so that each network is filled and run once and then freed.
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name, scope="module")

# Half a minute for the largest network on an idle core, several on one that is shared.
pytestmark = pytest.mark.timeout(300)


class Arithmetic(NamedTuple):
    """Where and in which precision networks run."""

    device: str
    bf16: bool = False

    def __str__(self) -> str:
        return f"{self.device}-bf16" if self.bf16 else self.device

    @property
    def factor(self) -> float:
        """How much looser float32 is held than on the CPU."""
        return 1.0 if self.device == "cpu" else CUDA_FACTOR


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "arithmetic" not in metafunc.fixturenames:
        return
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    found = [Arithmetic(device) for device in devices]
    if metafunc.function is test_outputs_match:
        asked = metafunc.config.getoption("--bf16", default=False)
        found += [Arithmetic(device, bf16=True) for device in devices if asked or device == "cuda"]
    metafunc.parametrize("arithmetic", found, ids=str, scope="module")


class Tap(NamedTuple):
    """A sub-module's output as far as it is stored: whole ones would take gigabytes."""

    shape: tuple[int, ...]
    values: Tensor
    statistics: Tensor


class Run(NamedTuple):
    """What one network gave: its outputs, and those of the sub-modules with stored taps."""

    outputs: Fields
    taps: Mapping[str, Tap]


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
def run(case: Case, vectors: Vectors, arithmetic: Arithmetic) -> Run:
    device = arithmetic.device
    if arithmetic.bf16:
        if not case.bf16:
            pytest.skip(f"{case.name} always runs in float32")
        with torch.autocast(device, torch.bfloat16):
            return Run(case.outputs(case.filled(vectors).to(device), vectors, device), {})
    network = case.filled(vectors).to(device)
    taps: dict[str, Tap] = {}
    wanted = {case.tap(tap): tap for tap in stored_taps(case, vectors)}

    def keep(name: str, output: Tensor) -> None:
        if name in wanted:
            tap = wanted[name]
            published = case.layout(tap, output)
            count = vectors.stored[f"tap/{tap}"].size
            taps[tap] = Tap(
                tuple(published.shape), subsample(published, count).clone(), statistics(published)
            )

    handles = [
        network.get_submodule(name).register_forward_hook(numbered(name, keep))
        for name in {name.split("#")[0] for name in wanted}
    ]
    if case.tapped:
        case.tapped(network, vectors, device)
    else:
        outputs = case.outputs(network, vectors, device)
    for handle in handles:
        handle.remove()
    # Last, where there are two runs: outputs may change the network, such as fold its norms.
    return Run(case.outputs(network, vectors, device) if case.tapped else outputs, taps)


def numbered(
    name: str, keep: Callable[[str, Tensor], None]
) -> Callable[[nn.Module, object, Tensor | tuple[Tensor, ...]], None]:
    """Give a sub-module's outputs (the first of several) away, those of later calls as ``#1``, ``#2`` ..."""
    calls = 0

    def hook(_module: nn.Module, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
        nonlocal calls
        keep(f"{name}#{calls}" if calls else name, output[0] if isinstance(output, tuple) else output)
        calls += 1

    return hook


def stored_taps(case: Case, vectors: Vectors) -> list[str]:
    taps = [field.removeprefix("tap/") for field in vectors.stored if field.startswith("tap/")]
    return [tap for tap in taps if not tap.startswith(case.untapped)] if case.untapped else taps


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
def test_preprocessing_matches(case: Case, vectors: Vectors, arithmetic: Arithmetic) -> None:
    for field, actual in case.inputs(vectors, arithmetic.device).items():
        vectors.compare(field, actual, tolerance=LOGIT_TOLERANCE * arithmetic.factor)


@each_case
def test_outputs_match(case: Case, vectors: Vectors, run: Run, arithmetic: Arithmetic) -> None:
    for field, actual in run.outputs.items():
        assert actual.shape == vectors.stored[field].shape
        if not vectors.comparable:
            assert actual.isfinite().all(), field
            continue
        tolerance = case.tolerances.get(field, LOGIT_TOLERANCE) * arithmetic.factor
        vectors.compare(field, actual, tolerance=BF16_TOLERANCE if arithmetic.bf16 else tolerance)


@each_case
def test_taps_match(case: Case, vectors: Vectors, run: Run, arithmetic: Arithmetic) -> None:
    for tap in stored_taps(case, vectors):
        output = run.taps[tap]
        assert list(output.shape) == vectors.stored[f"shape/{tap}"].tolist(), tap
        if vectors.comparable:
            vectors.compare(f"tap/{tap}", output.values, tolerance=TAP_TOLERANCE * arithmetic.factor)
            vectors.compare(f"stats/{tap}", output.statistics, tolerance=TAP_TOLERANCE * arithmetic.factor)
