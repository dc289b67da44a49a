"""Where the bands of each panel of detectors begin, before and after a change of limits or calibration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.ensemble.panels import EnsembleCalibration, ErrorPoint, Panel
from analysis.model import Kind
from bot.bands import BandLimits


@dataclass(frozen=True, slots=True)
class Cut:
    """One panel: the media it was measured on, out of fold, and where its bands begin (None: no band)."""

    real: int
    fake: int
    ece: float
    brier: float
    high: ErrorPoint | None
    low: ErrorPoint | None


@dataclass(frozen=True, slots=True)
class PanelChange:
    """One panel before and after; None where it is not there."""

    kind: Kind
    members: tuple[str, ...]
    before: Cut | None
    after: Cut | None


def panel_changes(
    before: EnsembleCalibration, limits: BandLimits, after: EnsembleCalibration, wanted: BandLimits
) -> Iterator[PanelChange]:
    """Every panel that is there before or after, by kind and members.

    Each is cut as if it judged alone; panels that judge one medium side by side share the limit on false
    alarms.
    """
    for kind in Kind:
        old = {_members(panel): _cut(panel, limits) for panel in before.panels.get(kind, ())}
        new = {_members(panel): _cut(panel, wanted) for panel in after.panels.get(kind, ())}
        for members in sorted(old.keys() | new.keys()):
            yield PanelChange(kind, members, old.get(members), new.get(members))


def _members(panel: Panel) -> tuple[str, ...]:
    return tuple(sorted(panel.weights))


def _cut(panel: Panel, limits: BandLimits) -> Cut:
    return Cut(
        panel.high.media,
        panel.low.media,
        panel.ece,
        panel.brier,
        panel.high.cut(limits.high_false_alarms),
        panel.low.cut(limits.low_misses),
    )
