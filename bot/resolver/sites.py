"""The sites that the resolver knows: one module each, imported when the first URL comes."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from bot.resolver.base import Site

MODULES = ("bot.resolver.direct",)
"""Asked in this order; the first that matches answers. A module has its `Site` as ``SITE``."""


@cache
def all_sites() -> tuple[Site, ...]:
    """Every known site, in order."""
    return tuple(import_module(module).SITE for module in MODULES)
