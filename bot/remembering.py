"""Figures that cost something, remembered until what they are made of changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
MOST = 64


class Remembered:
    """Values by key, each good for one version of what it is made of. Safe to use from several threads.

    Two who ask for the same at once may both make it.
    """

    def __init__(self, version: Callable[[], Hashable]) -> None:
        """`version` is asked at every look, so it must be cheap; a value of another version is forgotten."""
        self._version = version
        self._kept: OrderedDict[Hashable, tuple[Hashable, Any]] = OrderedDict()
        self._guard = threading.Lock()

    def of(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of a key, made where it is not known or no longer good."""
        version = self._version()
        with self._guard:
            known = self._kept.get(key)
        if known is not None and known[0] == version:
            value: T = known[1]
            return value
        value = make()
        with self._guard:
            self._kept.pop(key, None)
            self._kept[key] = version, value
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return value
