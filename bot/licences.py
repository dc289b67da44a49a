"""Licences of weights that limit what an answer may be used for: whoever is answered is told."""

from __future__ import annotations

from collections.abc import Iterable

import detectors


def limiting_licences(names: Iterable[str]) -> set[str]:
    """Those among these detectors' weights that the operator had to accept; unknown names have none."""
    known = set(detectors.names())
    licences = [detectors.record(name).licence for name in names if name in known]
    # The record's words go on to explain; the name comes first.
    return {licence.weights.split(",")[0] for licence in licences if licence.needs_acceptance}
