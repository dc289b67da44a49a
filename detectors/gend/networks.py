"""GenD's three networks: a large vision transformer, its feature put on the unit sphere, one linear layer."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from detectors import torchvision_cpu
from detectors.clip_vit import CLIPVisionTransformer
from detectors.dinov3_vit import DINOv3VisionTransformer

WIDTH = 1024


class _Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, 2)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.linear(features)
        return logits


class GenDNetwork(nn.Module):
    """What the three share; a subclass brings the transformer.

    Args:
        on_sphere: divide features by their length before the linear layer (the published ``LinearNorm``
            head), or not (``linear``).
    """

    def __init__(self, feature_extractor: nn.Module, *, on_sphere: bool = True) -> None:
        super().__init__()
        self.on_sphere = on_sphere
        self.feature_extractor = feature_extractor
        self.model = _Head()

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised RGB ``(N, 3, 224, 224)`` to logits ``(N, 2)``: real, fake."""
        return self.head(self.feature_extractor(x))

    def head(self, features: Tensor) -> Tensor:
        """Map features ``(N, 1024)`` to logits ``(N, 2)``."""
        logits: Tensor = self.model(F.normalize(features, dim=-1) if self.on_sphere else features)
        return logits


class _CLIPFeatures(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.vision_model = CLIPVisionTransformer()

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.vision_model(x)
        return features


class _Features(nn.Module):
    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.backbone(x)
        return features


class GenDCLIPNetwork(GenDNetwork):
    """CLIP ViT-L/14. The published file also holds CLIP's projection, which is never used."""

    def __init__(self, *, on_sphere: bool = True) -> None:
        super().__init__(_CLIPFeatures(), on_sphere=on_sphere)


class GenDPENetwork(GenDNetwork):
    """Perception Encoder L/14 (arXiv 2504.13181), made for 336 pixels and run at 224."""

    def __init__(self, *, on_sphere: bool = True) -> None:
        super().__init__(_Features(_perception_encoder()), on_sphere=on_sphere)


class GenDDINOv3Network(GenDNetwork):
    """DINOv3 ViT-L/16. The published file also holds the token of masked patches, which is never used."""

    def __init__(self, *, on_sphere: bool = True) -> None:
        super().__init__(_Features(DINOv3VisionTransformer()), on_sphere=on_sphere)


def _perception_encoder() -> nn.Module:
    torchvision_cpu.prepare()
    import timm

    build = functools.partial(
        timm.create_model,
        "vit_pe_core_large_patch14_336",
        pretrained=False,
        num_classes=0,
        dynamic_img_size=True,
    )
    network: nn.Module = build()
    # The rotary frequencies are constants outside the state dict: built on the meta device they would stay
    # empty, so they come from a copy without layers.
    with torch.device("cpu"):
        network.rope = build(depth=0).rope
    return network
