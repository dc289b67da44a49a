"""Fitting the calibration again from the console: what `veritag calibrate` does, kept until it is used."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING

from analysis.calibration.own import OwnCalibration, dump_own
from detectors.errors import NotMeasurable

if TYPE_CHECKING:
    from analysis.calibration.methods import Choice
    from analysis.calibration.run import Fit
    from bot.config import Settings
    from state.store import Store

_KEPT = 4


class RefitFailed(Exception):
    """Nothing could be fitted, or not now; the text says why."""


@dataclass(frozen=True, slots=True)
class Refit:
    """What a fit found, not yet in use. ``reviewed`` media (real, fake) were among what it was fitted on."""

    key: str
    method: Choice
    made_at: datetime
    reviewed: tuple[int, int]
    fit: Fit
    own: OwnCalibration


class Refits:
    """Fits one at a time, and remembers the last few: what was looked at is what is used, to the digit."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._fitting = Lock()
        self._kept: OrderedDict[str, Refit] = OrderedDict()

    def fit(self, method: Choice) -> Refit:
        """Fit the configured detectors on the scores that ship and on what was reviewed; some seconds.

        Raises:
            RefitFailed: there is nothing to fit on, or another fit is under way.
        """
        if not self._fitting.acquire(blocking=False):
            raise RefitFailed("another fit is under way; try again in a minute")
        try:
            refit = self._fit(method)
        finally:
            self._fitting.release()
        self._kept[refit.key] = refit
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return refit

    def _fit(self, method: Choice) -> Refit:
        from analysis.calibration.run import as_own, fit_rows
        from bot.calibrating import gather

        now = self._store.now()
        gathered = gather(self._settings.analysis.detectors, {}, self._store)
        if not gathered.rows:
            raise RefitFailed(
                "there are no scores to fit on: none of these detectors ships any, and nothing was reviewed"
            )
        try:
            found = fit_rows(gathered.rows, method, date=now.date().isoformat())
        except NotMeasurable as error:
            raise RefitFailed(f"nothing could be fitted: {error}") from error
        own = as_own(found)
        return Refit(key_of(dump_own(own).encode()), method, now, gathered.reviewed, found, own)

    def get(self, key: str) -> Refit | None:
        """A fit that is still remembered."""
        return self._kept.get(key)


def key_of(content: bytes) -> str:
    """By what a calibration file is named in the log and in the archive."""
    return hashlib.sha256(content).hexdigest()[:16]
