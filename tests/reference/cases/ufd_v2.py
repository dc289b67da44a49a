"""UniversalFakeDetectV2, and the original's real head on the same embeddings, under the parity suite."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from detectors import pixels
from detectors.ufd import UFDNetwork
from detectors.ufd_v2 import UFDV2Network
from tests.reference.cases.base import Case, Fields
from tests.reference.vectors import Rule, Vectors, subsample


def meta(build: type[nn.Module]) -> nn.Module:
    """Build a network of 300 million parameters without drawing them."""
    with torch.device("meta"):
        return build()


def _large_picture(vectors: Vectors) -> Tensor:
    smooth = F.interpolate(vectors.rand(1, 3, 24, 32, seed="big_seed"), (480, 640), mode="bilinear")
    return (smooth * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _inputs(vectors: Vectors, device: str) -> Fields:
    frames = _large_picture(vectors)
    assert (subsample(frames, 4096).numpy() == vectors.stored["big_u8_sub"]).all()
    squeezed = pixels.squeeze(frames, 224, Image.Resampling.BICUBIC).to(device)
    x = pixels.normalise(squeezed, pixels.CLIP_MEAN, pixels.CLIP_STD)
    # Not the stored sums: one pixel of the picture is a rounding tie, which CPUs settle unequally.
    return {"big_pixel_sub": subsample(x, 4096)}


def _outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    assert isinstance(network, UFDV2Network)
    embeddings = network.embed(vectors.randn(2, 3, 224, 224).to(device))
    features = vectors.randn(8, 768, seed="feats_seed_8x768").to(device)
    original = _original_head(vectors).to(device)
    return {
        "embeds": embeddings,
        "logits": network.classify(embeddings),
        "v1_real_head_logits_on_embeds": original(embeddings),
        "v1_real_head_logits_on_feats": original(features),
    }


def _original_head(vectors: Vectors) -> nn.Module:
    head = meta(UFDNetwork).get_submodule("fc")
    state = {name: torch.from_numpy(vectors.stored[f"v1_real_head_{name}"]) for name in ("weight", "bias")}
    head.load_state_dict(state, assign=True)
    return head


CASES = (
    Case(
        name="ufd_v2",
        rule=Rule(),
        build=lambda: meta(UFDV2Network),
        inputs=_inputs,
        outputs=_outputs,
        tapped=lambda network, vectors, device: network(vectors.randn(2, 3, 224, 224).to(device)),
        sections=("clip_vision_subset", "head"),
    ),
)
