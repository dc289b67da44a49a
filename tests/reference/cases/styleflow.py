"""StyleFlow under the parity suite: content without and with style, pSp encoder, StyleGRU."""

from __future__ import annotations

from torch import Tensor, nn

from detectors.ftcn_network import FTCNNetwork, fold_norms
from detectors.styleflow.content import STYLE, StyleFlowNetwork
from detectors.styleflow.psp_encoder import PSPEncoder
from detectors.styleflow.style_gru import StyleGRU
from tests.reference.cases.base import Case, Fields
from tests.reference.cases.ftcn import moving_blobs
from tests.reference.vectors import Rule, Vectors, statistics, subsample


def _clip(vectors: Vectors) -> Tensor:
    return moving_blobs(vectors.generator("x_seed_lowfreq"))


def _content_outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    fold_norms(network)
    return {"content_logit": network(_clip(vectors).to(device))[:, 0]}


def _style_outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    style = vectors.randn(1, STYLE, seed="codes_seed_1x16384")
    return {"sam_logit": network(_clip(vectors).to(device), style.to(device))[:, 0]}


def _encoder_outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    latents = network(vectors.randn(1, 3, 256, 256, seed="x_seed_tanh_randn").tanh().to(device))
    return {"codes_sub": latents.flatten(), "codes_stats": statistics(latents)}


def _gru_outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    assert isinstance(network, StyleGRU)
    changes = vectors.randn(2, 32, 9216, seed="latents_seed_2x32x9216").diff(dim=1).to(device)
    style = network.style(changes)
    return {
        "logit": network.dense(style),
        "hidden_sub": subsample(style, 4096),
        "hidden_stats": statistics(style),
        "hidden_first64": style[:, :64],
        "hidden_4096_64": style[:, 4096:4160],
        "hidden_8192_64": style[:, 8192:8256],
        "hidden_12288_64": style[:, 12288:12352],
    }


CASES = (
    Case(
        name="styleflow_content",
        folder="styleflow",
        keys="keys_content.json",
        rule=Rule(),
        build=FTCNNetwork,
        outputs=_content_outputs,
        untapped=("",),
    ),
    Case(
        name="styleflow",
        keys="keys_content_sam.json",
        rule=Rule(),
        build=StyleFlowNetwork,
        outputs=_style_outputs,
    ),
    Case(
        name="styleflow_psp_encoder",
        folder="styleflow",
        keys="keys_psp_encoder.json",
        io="psp_encoder_io.npz",
        rule=Rule(),
        build=PSPEncoder,
        outputs=_encoder_outputs,
    ),
    Case(
        name="styleflow_gru",
        folder="styleflow",
        keys="keys_stylegru.json",
        io="stylegru_io.npz",
        rule=Rule(),
        build=StyleGRU,
        outputs=_gru_outputs,
    ),
)
