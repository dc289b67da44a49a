"""AASIST and AASIST-L under the parity suite."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor, nn

from detectors.aasist.frontend import band_pass_filters, mel_edges
from detectors.aasist.network import AASIST, AASIST_L, AasistNetwork
from tests.reference.cases.base import Case, Fields, dead_tensors
from tests.reference.vectors import Rule, Vectors


def _inputs(vectors: Vectors, device: str) -> Fields:
    return {
        "sinc_band_pass": band_pass_filters().to(device),
        "sinc_mel_edges_hz": torch.from_numpy(mel_edges()).to(device),
    }


def _waveform(vectors: Vectors, device: str) -> Tensor:
    return (vectors.randn(2, 64_600) * float(vectors.stored["input_scale"])).to(device)


def _outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    assert isinstance(network, AasistNetwork)
    last_hidden = network.read_out(_waveform(vectors, device))
    return {"last_hidden": last_hidden, "logits": network.out_layer(last_hidden)}


CASES = tuple(
    Case(
        name=name,
        rule=Rule(gain=math.sqrt(2)),
        build=partial(AasistNetwork, sizes),
        inputs=_inputs,
        outputs=_outputs,
        tapped=lambda network, vectors, device: network(_waveform(vectors, device)),
        dead=dead_tensors(name),
    )
    for name, sizes in (("aasist", AASIST), ("aasist_l", AASIST_L))
)
