"""Which recipes there are. Listing them imports no torch; only `create` does."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from detectors.errors import TrainingError

if TYPE_CHECKING:
    from detectors.training.recipe import Recipe


class Entry(NamedTuple):
    """One line of the list: where a recipe is, and what it trains in one line."""

    target: str
    summary: str


_HERE = "detectors.training.recipes"
# name -> where and what; one line per recipe
RECIPES: Mapping[str, Entry] = {
    "aasist": Entry(f"{_HERE}.aasist:AasistRecipe", "sound: AASIST on raw waveforms"),
    "aasist_l": Entry(f"{_HERE}.aasist:AasistLRecipe", "sound: AASIST-L, the light variant"),
    "distildire": Entry(
        f"{_HERE}.distildire:DistilDIRERecipe", "pictures: student of a diffusion round trip"
    ),
    "ftcn": Entry(f"{_HERE}.clips:FTCNRecipe", "face clips: how faces move"),
    "genconvit_ed": Entry(f"{_HERE}.genconvit:EdRecipe", "face crops: network A, autoencoder and ConvNeXt"),
    "genconvit_vae": Entry(f"{_HERE}.genconvit:VaeRecipe", "face crops: network B, variational"),
    "ladeda": Entry(f"{_HERE}.ladeda:LaDeDaRecipe", "pictures: patches of nine pixels"),
    "styleflow": Entry(f"{_HERE}.clips:StyleFlowRecipe", "face clips: StyleFlow's content network"),
    "styleflow_gru": Entry(
        f"{_HERE}.style_gru:StyleGRURecipe", "face clips: StyleFlow's first stage, the GRU"
    ),
    "timm_probe": Entry(f"{_HERE}.probes:TimmProbeRecipe", "pictures: a linear layer on any timm backbone"),
    "tiny_ladeda_distilled": Entry(f"{_HERE}.ladeda:TinyRecipe", "pictures: Tiny-LaDeDa taught by LaDeDa"),
    "ufd": Entry(f"{_HERE}.probes:UFDRecipe", "pictures: a linear layer on CLIP's embedding"),
    "ufd_v2": Entry(f"{_HERE}.probes:UFDV2Recipe", "pictures: two layers on CLIP's embedding"),
}


def is_known(name: str) -> bool:
    """Say whether there is a recipe of that name, such as ``ufd`` or ``timm_probe:resnet18``."""
    return name.partition(":")[0] in RECIPES


def create(name: str, given: Mapping[str, object] | None = None) -> Recipe[Any]:
    """Build a recipe.

    Args:
        name: of the list; ``NAME:ARCHITECTURE`` for one that takes a backbone.
        given: settings in place of its defaults; values may be text.

    Raises:
        TrainingError: no recipe of that name, or a setting that it cannot use.
    """
    from detectors.training.settings import parse

    base, colon, architecture = name.partition(":")
    if base not in RECIPES:
        raise TrainingError(f"there is no recipe {base!r}; known: {', '.join(sorted(RECIPES))}")
    module, _, attribute = RECIPES[base].target.partition(":")
    recipe: type[Recipe[Any]] = getattr(importlib.import_module(module), attribute)
    named = {"architecture": architecture} if colon else {}
    return recipe(parse(recipe.settings_type, {**(given or {}), **named}))
