"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# Machines that run tests are shared: how long an example takes there says nothing about the code.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
