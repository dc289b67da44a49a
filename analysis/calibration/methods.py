"""The kinds of calibrator by name; light, so that whoever offers them need not load what fits them."""

from __future__ import annotations

from typing import Literal, get_args

Method = Literal["platt", "lapse", "two_gaussian"]
METHODS: tuple[Method, ...] = get_args(Method)

Choice = Literal["best", "platt", "lapse", "two_gaussian"]
"""A method, or each detector's ``best``: see `choosing.chosen`."""
CHOICES: tuple[Choice, ...] = get_args(Choice)
