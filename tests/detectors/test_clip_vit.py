from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from detectors import clip_vit
from detectors.clip_vit import VIT_L_14, CLIPConfig, CLIPImageEncoder, CLIPLayer, CLIPVisionTransformer

SMALL = CLIPConfig(width=32, layers=2, heads=4, patch=8, side=32, embedding=12)


@pytest.fixture(scope="module")
def encoder() -> CLIPImageEncoder:
    torch.manual_seed(2)
    return CLIPImageEncoder(SMALL).eval()


def openai_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of `CLIPImageEncoder(SMALL)` as OpenAI's file has them."""
    vision = {name.removeprefix("vision_model."): tensor for name, tensor in state.items()}
    openai = {
        "conv1.weight": vision["embeddings.patch_embedding.weight"],
        "class_embedding": vision["embeddings.class_embedding"],
        "positional_embedding": vision["embeddings.position_embedding.weight"],
        "proj": vision["visual_projection.weight"].T,
    }
    for kind in ("weight", "bias"):
        openai[f"ln_pre.{kind}"] = vision[f"pre_layrnorm.{kind}"]
        openai[f"ln_post.{kind}"] = vision[f"post_layernorm.{kind}"]
        for number in range(SMALL.layers):
            old, new = f"encoder.layers.{number}", f"transformer.resblocks.{number}"
            openai[f"{new}.attn.in_proj_{kind}"] = torch.cat(
                [vision[f"{old}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
            )
            openai[f"{new}.attn.out_proj.{kind}"] = vision[f"{old}.self_attn.out_proj.{kind}"]
            openai[f"{new}.mlp.c_fc.{kind}"] = vision[f"{old}.mlp.fc1.{kind}"]
            openai[f"{new}.mlp.c_proj.{kind}"] = vision[f"{old}.mlp.fc2.{kind}"]
            openai[f"{new}.ln_1.{kind}"] = vision[f"{old}.layer_norm1.{kind}"]
            openai[f"{new}.ln_2.{kind}"] = vision[f"{old}.layer_norm2.{kind}"]
    return openai


@pytest.mark.parametrize("prefix", ["visual.", "clip.visual."])
def test_openais_names_give_the_same_tower(encoder: CLIPImageEncoder, prefix: str) -> None:
    own = encoder.state_dict()
    others = {"logit_scale": torch.zeros(()), "transformer.resblocks.0.ln_1.weight": torch.zeros(32)}
    openai = {prefix + name: tensor.half() for name, tensor in openai_names(own).items()}
    mapped = clip_vit.vision_state({**others, **openai})
    assert mapped.keys() == own.keys()
    for name, tensor in mapped.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, own[name].half().float()), name


def test_a_whole_clip_file_gives_its_image_tower(encoder: CLIPImageEncoder) -> None:
    own = encoder.state_dict()
    others = {
        "logit_scale": torch.zeros(()),
        "text_projection.weight": torch.zeros(2, 2),
        "text_model.embeddings.position_embedding.weight": torch.zeros(7, 2),
        "vision_model.embeddings.position_ids": torch.arange(17),
    }
    mapped = clip_vit.vision_state({**others, **own})
    assert mapped.keys() == own.keys()
    assert all(torch.equal(mapped[name], own[name]) for name in own)


@torch.no_grad()
def test_attention_is_torchs(encoder: CLIPImageEncoder) -> None:
    layer = encoder.vision_model.encoder.layers[0]
    assert isinstance(layer, CLIPLayer)
    ours = layer.self_attn
    theirs = nn.MultiheadAttention(SMALL.width, SMALL.heads, batch_first=True)
    parts = (ours.q_proj, ours.k_proj, ours.v_proj)
    theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
    theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    theirs.out_proj.load_state_dict(ours.out_proj.state_dict())
    x = torch.randn(3, 17, SMALL.width)
    assert torch.allclose(ours(x), theirs(x, x, x, need_weights=False)[0], atol=1e-5)


@torch.no_grad()
def test_shapes_and_what_the_layers_return(encoder: CLIPImageEncoder) -> None:
    tower, x = encoder.vision_model, torch.randn(3, 3, 32, 32)
    assert encoder.embed(x).shape == (3, 12)
    assert tower.class_tokens(x).shape == (3, 2, 32)
    first = tower.encoder.layers[0]
    tokens = tower.pre_layrnorm(tower.embeddings(x))
    assert tokens.shape == (3, 17, 32)
    assert torch.equal(tower.class_tokens(x)[:, 0], first.halves(tokens)[0][:, 0])
    assert torch.equal(first(tokens), first.halves(tokens)[1])


def test_the_default_is_the_published_size() -> None:
    with torch.device("meta"):
        tower = CLIPVisionTransformer()
        encoder = CLIPImageEncoder(VIT_L_14)
    assert sum(p.numel() for p in encoder.parameters()) == 303_966_208
    assert tower.state_dict()["embeddings.position_embedding.weight"].shape == (257, 1024)
