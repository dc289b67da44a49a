"""Detectors of single frames, the large ones with small networks, and weights under their published names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

import detectors
from detectors import weights
from detectors.clip_vit import CLIPConfig
from detectors.community_forensics import CommunityForensics224
from detectors.dda import DDA, DINOv2Config
from detectors.deepfakedefenders import AVERAGES, DeepFakeDefenders
from detectors.frame_detector import FrameDetector
from detectors.ladeda import LaDeDa
from detectors.npr import NPR
from detectors.omniaid import OmniAID, OmniAIDConfig
from detectors.safe import SAFE

State = dict[str, Tensor]


class SmallDDA(DDA):
    config = DINOv2Config(side=56, width=32, layers=2, heads=2)


class SmallOmniAID(OmniAID):
    config = OmniAIDConfig(CLIPConfig(width=32, layers=2, heads=4, patch=28, side=56, embedding=12), hidden=8)


class SmallDefenders(DeepFakeDefenders):
    names = ("convnextv2_atto", "tf_efficientnet_b0")


SMALL: dict[str, type[FrameDetector]] = {
    "community_forensics_224": CommunityForensics224,
    "dda": SmallDDA,
    "deepfakedefenders": SmallDefenders,
    "ladeda": LaDeDa,
    "npr": NPR,
    "omniaid": SmallOmniAID,
    "safe": SAFE,
}


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def drawn(detector: type[FrameDetector]) -> State:
    """The tensors of a detector's network, drawn at random."""
    torch.manual_seed(7)
    state = detector.build().state_dict()
    for name, tensor in state.items():
        if tensor.ndim > 1:
            tensor.normal_(std=0.2)
        elif name.endswith("gamma"):
            tensor.fill_(1.0)
    return state


def published_dda() -> State:
    """Adapters apart, a position table of 5 x 5, and the token that is not used."""
    state: State = {"base_model.model.mask_token": torch.zeros(1, 32)}
    for name, tensor in drawn(SmallDDA).items():
        layer, _, kind = name.rpartition(".")
        if not layer.endswith((".qkv", ".proj", ".fc1", ".fc2")) or "patch_embed" in layer:
            state[f"base_model.{name}"] = tensor
            continue
        state[f"base_model.{layer}.original_layer.{kind}"] = tensor
        if kind == "weight":
            state[f"base_model.{layer}.lora.lora_A"] = 0.1 * torch.randn(4, tensor.shape[1])
            state[f"base_model.{layer}.lora.lora_B"] = torch.randn(len(tensor), 4)
    state["base_model.model.pos_embed"] = torch.randn(1, 26, 32)
    return state


def published_omniaid() -> State:
    """With what is kept of the weights' decomposition for training."""
    state = drawn(SmallOmniAID)
    return state | {
        name.replace("weight_main", unused): torch.zeros(3, 2)
        for name in state
        if name.endswith("weight_main")
        for unused in ("U_r", "V_r", "weight_original_fnorm")
    }


PUBLISHED: dict[str, Callable[[], State]] = {
    "community_forensics_224": lambda: drawn(CommunityForensics224),
    "dda": published_dda,
    "deepfakedefenders": lambda: drawn(SmallDefenders),
    "ladeda": lambda: drawn(LaDeDa),
    "npr": lambda: drawn(NPR),
    "omniaid": published_omniaid,
    "safe": lambda: drawn(SAFE),
}


def averages() -> State:
    """Moving averages that are half the parameters."""
    network = SmallDefenders.build()
    network.load_state_dict(drawn(SmallDefenders))
    return {
        f"{number}.shadow_params.{position}": 0.5 * parameter.detach()
        for number, expert in network.named_children()
        for position, parameter in enumerate(expert.parameters())
    }


def fill_folder(name: str, folder: Path) -> None:
    """Put a detector's published files into a weights folder, its licence accepted."""
    record = detectors.record(name)
    save_file(PUBLISHED[name](), folder / record.file.name)
    if name == "deepfakedefenders":
        save_file(averages(), folder / record.parts[AVERAGES].name)
    weights.accept_licence(record, folder)
