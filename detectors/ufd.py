"""UniversalFakeDetect: one linear layer on CLIP's embedding of a picture (CVPR 2023, arXiv 2302.10174)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from detectors.clip_detector import CLIPDetector
from detectors.clip_vit import VIT_L_14, CLIPConfig, CLIPImageEncoder


class UFDNetwork(CLIPImageEncoder):
    """The tower with the linear head."""

    def __init__(self, config: CLIPConfig = VIT_L_14) -> None:
        super().__init__(config)
        self.fc = nn.Linear(config.embedding, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map CLIP-normalised RGB ``(N, 3, 224, 224)`` to one logit each, ``(N, 1)``; positive = fake."""
        logits: Tensor = self.fc(self.embed(x))
        return logits


class UFD(CLIPDetector):
    """UniversalFakeDetect on pictures: never resized, the central 224 x 224 pixels."""

    @classmethod
    def build(cls) -> nn.Module:
        """Return the network without weights."""
        return UFDNetwork(cls.config)

    @classmethod
    def head_state(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Map the published head's ``weight`` and ``bias``."""
        return {f"fc.{name}": tensor for name, tensor in state.items()}
