"""CLIP's image tower (arXiv 2103.00020): a pre-norm vision transformer with a class token and quick-GELU.

State-dict names are those of Hugging Face's ``CLIPModel``, spelling included. `vision_state` reads the tower
out of any public CLIP file, in these names or in OpenAI's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_EPS = 1e-5


@dataclass(frozen=True)
class CLIPConfig:
    """Sizes of a tower. ``side`` is the picture's, in pixels; ``embedding`` is what the projection gives."""

    width: int
    layers: int
    heads: int
    patch: int
    side: int
    embedding: int


VIT_L_14 = CLIPConfig(width=1024, layers=24, heads=16, patch=14, side=224, embedding=768)


class CLIPEmbeddings(nn.Module):
    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        tokens = (config.side // config.patch) ** 2 + 1
        self.class_embedding = nn.Parameter(torch.zeros(config.width))
        self.patch_embedding = nn.Conv2d(3, config.width, config.patch, config.patch, bias=False)
        self.position_embedding = nn.Embedding(tokens, config.width)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.patch_embedding(x).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(x), 1, -1)
        return torch.cat([first, patches], dim=1) + self.position_embedding.weight


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            projection(x).unflatten(-1, (self._heads, -1)).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed: Tensor = self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return mixed


class CLIPMLP(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc1(x)
        projected: Tensor = self.fc2(x * torch.sigmoid(1.702 * x))
        return projected


class CLIPLayer(nn.Module):
    """Self-attention and a two-layer perceptron, each behind a layer norm and beside a shortcut."""

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        self.self_attn = _Attention(config.width, config.heads)
        self.layer_norm1 = nn.LayerNorm(config.width, _EPS)
        self.mlp: nn.Module = CLIPMLP(config.width)
        self.layer_norm2 = nn.LayerNorm(config.width, _EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens ``(N, T, width)`` to tokens."""
        return self.halves(x)[1]

    def halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens that enter the perceptron, normed, and those that leave the layer."""
        x = x + self.self_attn(self.layer_norm1(x))
        normed: Tensor = self.layer_norm2(x)
        return normed, x + self.mlp(normed)


class _Encoder(nn.Module):
    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(CLIPLayer(config) for _ in range(config.layers))


class CLIPVisionTransformer(nn.Module):
    """The tower without the projection."""

    def __init__(self, config: CLIPConfig = VIT_L_14) -> None:
        super().__init__()
        self.embeddings = CLIPEmbeddings(config)
        self.pre_layrnorm = nn.LayerNorm(config.width, _EPS)
        self.encoder = _Encoder(config)
        self.post_layernorm: nn.Module = nn.LayerNorm(config.width, _EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Map CLIP-normalised RGB ``(N, 3, side, side)`` to the class token's feature, ``(N, width)``."""
        x = self.pre_layrnorm(self.embeddings(x))
        for layer in self.encoder.layers:
            x = layer(x)
        feature: Tensor = self.post_layernorm(x[:, 0])
        return feature

    def class_tokens(self, x: Tensor) -> Tensor:
        """Return the class token before each layer's perceptron, normed: ``(N, layers, width)``."""
        x = self.pre_layrnorm(self.embeddings(x))
        tokens = []
        for layer in self.encoder.layers:
            assert isinstance(layer, CLIPLayer)
            normed, x = layer.halves(x)
            tokens.append(normed[:, 0])
        return torch.stack(tokens, dim=1)


class CLIPImageEncoder(nn.Module):
    """The tower with its projection; detectors add their head to it."""

    def __init__(self, config: CLIPConfig = VIT_L_14) -> None:
        super().__init__()
        self.vision_model = CLIPVisionTransformer(config)
        self.visual_projection = nn.Linear(config.width, config.embedding, bias=False)

    def embed(self, x: Tensor) -> Tensor:
        """Map CLIP-normalised RGB ``(N, 3, side, side)`` to embeddings ``(N, embedding)``, any length."""
        embeddings: Tensor = self.visual_projection(self.vision_model(x))
        return embeddings


def vision_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the image tower and its projection out of a public CLIP file's tensors, float32.

    Args:
        state: names as in Hugging Face's ``CLIPModel``, or as in OpenAI's files (``visual.*``, also below
            ``clip.``). The text tower and the tensor of position numbers in older files are left out.
    """
    openai = {
        name[name.index("visual.") :]: tensor
        for name, tensor in state.items()
        if name.startswith(("visual.", "clip.visual."))
    }
    if openai:
        return dict(_renamed(openai))
    return {
        name: tensor.float()
        for name, tensor in state.items()
        if name.startswith(("vision_model.", "visual_projection.")) and not name.endswith(".position_ids")
    }


_OPENAI = (
    ("visual.conv1", "vision_model.embeddings.patch_embedding"),
    ("visual.class_embedding", "vision_model.embeddings.class_embedding"),
    ("visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
    ("visual.ln_pre", "vision_model.pre_layrnorm"),
    ("visual.ln_post", "vision_model.post_layernorm"),
    ("visual.transformer.resblocks", "vision_model.encoder.layers"),
    (".attn.", ".self_attn."),
    (".ln_1", ".layer_norm1"),
    (".ln_2", ".layer_norm2"),
    (".c_fc", ".fc1"),
    (".c_proj", ".fc2"),
)


def rename(name: str) -> str:
    """Return Hugging Face's name of what OpenAI calls ``visual.*`` (a tensor or a sub-module)."""
    for old, new in _OPENAI:
        name = name.replace(old, new)
    return name


def _renamed(state: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in state.items():
        if name == "visual.proj":
            yield "visual_projection.weight", tensor.float().T.contiguous()
        elif ".attn.in_proj_" in name:
            layer, kind = rename(name).split(".in_proj_")
            for part, piece in zip("qkv", tensor.float().chunk(3), strict=True):
                yield f"{layer}.{part}_proj.{kind}", piece
        else:
            yield rename(name), tensor.float()
