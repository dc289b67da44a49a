"""What the tables' modules share: a handle to the store that owns the connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from state.store import Store


class Table:
    """One subject of the state file, working through the store's connection and transactions."""

    def __init__(self, store: Store) -> None:
        self._store = store


def to_json(value: Any) -> str:
    """JSON as it stands in the tables: compact, readable, never NaN."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
