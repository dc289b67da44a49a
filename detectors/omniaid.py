"""OmniAID: CLIP's image tower, its attention corrected by experts chosen for each picture (arXiv 2511.08423).

A frozen tower looks at the picture first; a router picks two of five experts by what the picture shows
(human, animal, object, scene, anime), and a sixth, on the generator's traces, is always on. In the second
tower each projection of the attention adds the chosen experts' low-rank terms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from detectors import pixels
from detectors.clip_vit import CLIPMLP, VIT_L_14, CLIPConfig, CLIPEmbeddings, CLIPVisionTransformer
from detectors.frame_detector import FrameDetector

VIT_L_14_336 = replace(VIT_L_14, side=336)
_EPS = 1e-5


@dataclass(frozen=True)
class OmniAIDConfig:
    """Sizes of the network. ``experts`` counts the one that is always on, ``top_k`` the chosen others."""

    clip: CLIPConfig = VIT_L_14_336
    experts: int = 6
    rank: int = 1
    hidden: int = 256
    top_k: int = 2


class Routing(NamedTuple):
    """Which experts judge a picture and how much each counts: ``(N, top_k + 1)``, the last always on."""

    experts: Tensor
    gates: Tensor


class ExpertLinear(nn.Module):
    """A linear layer plus the low-rank terms ``U diag(S) V`` of the experts chosen for each picture."""

    def __init__(self, width: int, experts: int, rank: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(width))
        self.weight_main = nn.Parameter(torch.zeros(width, width))
        self.U_experts = nn.ParameterList(torch.zeros(width, rank) for _ in range(experts))
        self.S_experts = nn.ParameterList(torch.zeros(rank) for _ in range(experts))
        self.V_experts = nn.ParameterList(torch.zeros(rank, width) for _ in range(experts))

    def forward(self, x: Tensor, routing: Routing) -> Tensor:
        """Map tokens ``(N, T, width)`` to tokens."""
        # The chosen experts' terms side by side make one thin matrix per picture.
        down = torch.stack(list(self.V_experts))[routing.experts].flatten(1, 2)
        scale = (torch.stack(list(self.S_experts))[routing.experts] * routing.gates[..., None]).flatten(1)
        up = torch.stack(list(self.U_experts))[routing.experts].transpose(2, 3).flatten(1, 2)
        terms = (x @ down.transpose(1, 2)) * scale[:, None]
        return F.linear(x, self.weight_main, self.bias) + terms @ up


class _Attention(nn.Module):
    def __init__(self, config: OmniAIDConfig) -> None:
        super().__init__()
        self._heads = config.clip.heads
        sizes = (config.clip.width, config.experts, config.rank)
        self.q_proj = ExpertLinear(*sizes)
        self.k_proj = ExpertLinear(*sizes)
        self.v_proj = ExpertLinear(*sizes)
        self.out_proj = ExpertLinear(*sizes)

    def forward(self, x: Tensor, routing: Routing) -> Tensor:
        q, k, v = (
            projection(x, routing).unflatten(-1, (self._heads, -1)).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        projected: Tensor = self.out_proj(mixed, routing)
        return projected


class _Layer(nn.Module):
    def __init__(self, config: OmniAIDConfig) -> None:
        super().__init__()
        width = config.clip.width
        self.self_attn = _Attention(config)
        self.layer_norm1 = nn.LayerNorm(width, _EPS)
        self.mlp = CLIPMLP(width)
        self.layer_norm2 = nn.LayerNorm(width, _EPS)

    def forward(self, x: Tensor, routing: Routing) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x), routing)
        moved: Tensor = x + self.mlp(self.layer_norm2(x))
        return moved


class _Router(nn.Module):
    def __init__(self, config: OmniAIDConfig) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(config.clip.width, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, config.experts - 1),
        )

    def forward(self, feature: Tensor) -> Tensor:
        logits: Tensor = self.network(feature)
        return logits


class OmniAIDNetwork(nn.Module):
    """Both towers, the router and the head."""

    def __init__(self, config: OmniAIDConfig) -> None:
        super().__init__()
        self._config = config
        width = config.clip.width
        self.feature_extractor = CLIPVisionTransformer(config.clip)
        self.embeddings = CLIPEmbeddings(config.clip)
        self.ln_pre = nn.LayerNorm(width, _EPS)
        self.encoder_layers = nn.ModuleList(_Layer(config) for _ in range(config.clip.layers))
        self.ln_post = nn.LayerNorm(width, _EPS)
        self.gating_network = _Router(config)
        self.head = nn.Linear(width, 2)

    def route(self, gating_logits: Tensor) -> Routing:
        """Choose experts by the router's logits ``(N, experts - 1)``; their gates add up to 1."""
        logits, chosen = gating_logits.topk(self._config.top_k, dim=-1)
        always = torch.full_like(chosen[:, :1], self._config.experts - 1)
        gates = torch.cat([logits.softmax(dim=-1), torch.ones_like(logits[:, :1])], dim=-1)
        return Routing(torch.cat([chosen, always], dim=-1), gates)

    def classify(self, x: Tensor, routing: Routing) -> Tensor:
        """Map pictures and the experts chosen for them to logits of real and fake, ``(N, 2)``."""
        x = self.ln_pre(self.embeddings(x))
        for layer in self.encoder_layers:
            x = layer(x, routing)
        logits: Tensor = self.head(self.ln_post(x[:, 0]))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """Map CLIP-normalised RGB ``(N, 3, 336, 336)`` to logits of real and fake, ``(N, 2)``."""
        return self.classify(x, self.route(self.gating_network(self.feature_extractor(x))))


class OmniAID(FrameDetector):
    """OmniAID, second CLIP version, on pictures squeezed into 336 x 336 pixels."""

    config: ClassVar[OmniAIDConfig] = OmniAIDConfig()

    @classmethod
    def build(cls) -> nn.Module:
        """Return the network without weights."""
        return OmniAIDNetwork(cls.config)

    @classmethod
    def build_for(cls, state: Mapping[str, Tensor]) -> nn.Module:
        """Return the network with the experts' rank and the router's width that the published file has."""
        config = cls.config
        expert = state.get("encoder_layers.0.self_attn.q_proj.S_experts.0")
        hidden = state.get("gating_network.network.0.bias")
        if expert is not None and hidden is not None:
            config = replace(config, rank=len(expert), hidden=len(hidden))
        return OmniAIDNetwork(config)

    def prepare(self, frames: Tensor) -> Tensor:
        """Squeeze into a square and normalise as CLIP does."""
        squeezed = pixels.squeeze(frames, self.config.clip.side, Image.Resampling.BILINEAR)
        return pixels.normalise(squeezed, pixels.CLIP_MEAN, pixels.CLIP_STD)

    def logit(self, output: Tensor) -> Tensor:
        """Map the logits of real and fake to the one whose sigmoid is their softmax's second part."""
        return output[:, 1] - output[:, 0]
