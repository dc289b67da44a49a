from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from detectors.dda import merge, resize_positions
from detectors.errors import WeightsMismatch
from tests.detectors.frame_detectors import SmallDDA, published_dda


def test_merged_adapters_compute_what_they_compute_apart() -> None:
    state = published_dda()
    merged = merge(state, SmallDDA.config, "dda.pth")
    layer = "base_model.model.blocks.1.attn.qkv"
    x = torch.randn(5, 32)
    down, up = state[f"{layer}.lora.lora_A"], state[f"{layer}.lora.lora_B"]
    bias = state[f"{layer}.original_layer.bias"]
    apart = F.linear(x, state[f"{layer}.original_layer.weight"], bias) + F.linear(F.linear(x, down), up) / 4
    together = F.linear(x, merged["model.blocks.1.attn.qkv.weight"], merged["model.blocks.1.attn.qkv.bias"])
    assert torch.allclose(apart, together, atol=1e-5)
    assert not torch.allclose(apart, F.linear(x, state[f"{layer}.original_layer.weight"], bias), atol=1e-2)


def test_a_missing_half_of_an_adapter_is_named() -> None:
    state = published_dda()
    del state["base_model.model.blocks.0.mlp.fc2.lora.lora_B"]
    with pytest.raises(WeightsMismatch, match=r"dda\.pth .* missing: \S*blocks\.0\.mlp\.fc2\.lora\.lora_B"):
        merge(state, SmallDDA.config, "dda.pth")


def test_half_precision_is_widened_before_merging() -> None:
    state = published_dda()
    merged = merge({name: tensor.half() for name, tensor in state.items()}, SmallDDA.config, "dda.pth")
    assert merged["model.blocks.0.mlp.fc1.weight"].dtype == torch.float32
    assert merged["model.pos_embed"].dtype == torch.float32


def test_positions_keep_the_class_token_and_are_sampled_a_little_beside_the_exact_scale() -> None:
    table = torch.randn(1, 26, 8)
    resized = resize_positions(table, 4)
    assert resized.shape == (1, 17, 8)
    assert torch.equal(resized[:, 0], table[:, 0])
    grid = table[:, 1:].unflatten(1, (5, 5)).permute(0, 3, 1, 2)
    exact = F.interpolate(grid, size=(4, 4), mode="bicubic").flatten(2).transpose(1, 2)
    assert not torch.allclose(resized[:, 1:], exact, atol=1e-2)
