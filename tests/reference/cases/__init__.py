"""The models under the parity suite: each module here has its model's `CASES`; a model joins by a module."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from tests.reference.cases.base import Case

CASES: list[Case] = [
    case
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name)
    if module.name != "base"
    for case in import_module(f"{__name__}.{module.name}").CASES
]
