"""Limits are positive, and the message names the one that is not."""

from __future__ import annotations

import pytest

from analysis.errors import ConfigurationError
from analysis.limits import Limits


@pytest.mark.parametrize("name", ["max_bytes", "frames_per_video", "decode_seconds"])
def test_a_limit_that_is_not_positive_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Limits(**{name: 0})
