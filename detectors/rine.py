"""RINE: a head on the class token of every layer of CLIP's image tower (ECCV 2024, arXiv 2402.19091)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from detectors.clip_detector import CLIPDetector
from detectors.clip_vit import VIT_L_14, CLIPConfig, CLIPVisionTransformer

WIDTH = 128  # of the head trained on two classes
DEPTH = 4  # layers of each projection
# What comes after the last layer's second norm never reaches the head.
_DEAD = ("visual_projection.", "vision_model.post_layernorm.")


def _projection(inputs: int, width: int) -> nn.Sequential:
    """Linear layers with ReLU, each behind a dropout, which only training uses."""
    layers: list[nn.Module] = []
    for number in range(DEPTH):
        layers += [nn.Dropout(0.5), nn.Linear(width if number else inputs, width), nn.ReLU()]
    return nn.Sequential(*layers)


class RINENetwork(nn.Module):
    """The tower as far as it is used, and the head.

    Args:
        width: channels of the head.
    """

    def __init__(self, config: CLIPConfig = VIT_L_14, width: int = WIDTH) -> None:
        super().__init__()
        self.vision_model = CLIPVisionTransformer(config)
        self.vision_model.post_layernorm = nn.Identity()
        self.vision_model.encoder.layers[-1].mlp = nn.Identity()
        self.alpha = nn.Parameter(torch.zeros(1, config.layers, width))
        self.proj1 = _projection(config.width, width)
        self.proj2 = _projection(width, width)
        self.head = nn.Sequential(
            *(nn.Linear(width, width), nn.ReLU(), nn.Dropout(0.5)),
            *(nn.Linear(width, width), nn.ReLU(), nn.Dropout(0.5)),
            nn.Linear(width, 1),
        )

    def features(self, tokens: Tensor) -> Tensor:
        """Combine class tokens ``(N, layers, 1024)``, each channel by its own weights: ``(N, width)``."""
        combined = (torch.softmax(self.alpha, dim=1) * self.proj1(tokens)).sum(dim=1)
        features: Tensor = self.proj2(combined)
        return features

    def forward(self, x: Tensor) -> Tensor:
        """Map CLIP-normalised RGB ``(N, 3, 224, 224)`` to one logit each, ``(N, 1)``; positive = fake."""
        logits: Tensor = self.head(self.features(self.vision_model.class_tokens(x)))
        return logits


class RINE(CLIPDetector):
    """RINE on pictures: never resized, the central 224 x 224 pixels."""

    @classmethod
    def build(cls) -> nn.Module:
        """Return the network without weights."""
        return RINENetwork(cls.config)

    @classmethod
    def trunk_state(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Map the trunk's tensors but for those that never reach the head."""
        dead = (*_DEAD, f"vision_model.encoder.layers.{cls.config.layers - 1}.mlp.")
        trunk = super().trunk_state(state)
        return {name: tensor for name, tensor in trunk.items() if not name.startswith(dead)}
