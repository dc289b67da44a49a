"""UniversalFakeDetectV2: a two-layer head on CLIP's embedding of the squeezed picture (TrueMedia, after
arXiv 2302.10174).
"""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from detectors import pixels
from detectors.clip_detector import CLIPDetector
from detectors.clip_vit import VIT_L_14, CLIPConfig, CLIPImageEncoder


class UFDV2Network(CLIPImageEncoder):
    """The tower with the two-layer head."""

    def __init__(self, config: CLIPConfig = VIT_L_14) -> None:
        super().__init__(config)
        self.fc1 = nn.Linear(config.embedding, config.embedding // 2)
        self.fc2 = nn.Linear(config.embedding // 2, 1)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Map embeddings ``(N, 768)`` to one logit each, ``(N, 1)``; positive = fake."""
        logits: Tensor = self.fc2(F.relu(self.fc1(embeddings)))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """Map CLIP-normalised RGB ``(N, 3, 224, 224)`` to one logit each, ``(N, 1)``; positive = fake."""
        return self.classify(self.embed(x))


class UFDV2(CLIPDetector):
    """UniversalFakeDetectV2 on pictures, squeezed into 224 x 224 as published."""

    @classmethod
    def build(cls) -> nn.Module:
        """Return the network without weights."""
        return UFDV2Network(cls.config)

    @classmethod
    def head_state(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Map the head's tensors; files converted from the first version write ``fc1_weight``."""
        return {name.replace("_", "."): tensor for name, tensor in state.items()}

    def prepare(self, frames: Tensor) -> Tensor:
        """Squeeze into 224 x 224 (bicubic) and normalise: float32 ``(N, 3, 224, 224)``."""
        squeezed = pixels.squeeze(frames, self.config.side, Image.Resampling.BICUBIC)
        return pixels.normalise(squeezed, pixels.CLIP_MEAN, pixels.CLIP_STD)
