"""Changing what verdicts rest on: the limits of the bands, and the calibration. Logged, and to be undone.

Both are files in the data folder that the engine reads when it starts, so a change counts from the next start
on. Every calibration that was ever in use here is kept in `calibrations/`, named by its content.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import detectors
from analysis.calibration.own import OwnCalibration, dump_own, load_own
from analysis.ensemble.calibrated import CalibratedPolicy, Limits
from analysis.ensemble.panels import EnsembleCalibration, load_calibration
from bot.bands import BandLimits, band_limits, operators_limits, save_operators_limits
from bot.refitting import key_of

if TYPE_CHECKING:
    from bot.config import Settings
    from detectors.record import WeightsRecord
    from state.model import AuditRow
    from state.store import Store

BANDS, CALIBRATION = "bands", "calibration"
"""Subjects of these actions in the audit log."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What verdicts rest on: the limits of the bands, and the operators' calibration, if there is one."""

    limits: BandLimits
    own: OwnCalibration | None

    def panels(self) -> EnsembleCalibration:
        """The panels that ship, with the operators' over them."""
        shipped = load_calibration()
        return self.own.over(shipped) if self.own else shipped

    def policy(self) -> CalibratedPolicy:
        """The policy `calibrated` as the engine makes it of the same."""
        bands = Limits(self.limits.high_false_alarms, self.limits.low_misses)
        return CalibratedPolicy(self.panels(), records=records_with(self.own), limits=bands)


class TuningRefused(Exception):
    """This cannot be done; the text says why."""


class Tuning:
    """What operators have set, and the only way to change it."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._archive = settings.data_dir / "calibrations"
        self._lock = Lock()

    def ground(self) -> Ground:
        """What the next start judges by.

        Raises:
            ConfigError, analysis.errors.ConfigurationError: a file of the operators cannot be used.
        """
        return Ground(band_limits(self._settings), load_own(self._settings.own_calibration))

    def state(self) -> tuple[BandLimits, str | None]:
        """Changes whenever the next start would judge otherwise."""
        return band_limits(self._settings), _key(self._settings.own_calibration)

    def set_limits(self, actor: str, limits: BandLimits | None) -> int:
        """Set the limits of the bands; None: those of the settings. Returns the action's id in the log.

        Raises:
            OSError: the file cannot be written.
        """
        with self._lock, self._store.transaction():
            before = operators_limits(self._settings.own_bands)
            data = {"before": _plain(before), "after": _plain(limits)}
            row = self._store.audit.add(actor, "set_bands", BANDS, data)
            save_operators_limits(limits, self._settings.own_bands)
        return row

    def use(self, actor: str, own: OwnCalibration | None) -> int:
        """Judge by this calibration; None: by the one that ships. Returns the action's id in the log.

        Raises:
            OSError: the files cannot be written.
        """
        with self._lock, self._store.transaction():
            before = self._keep(_read(self._settings.own_calibration))
            after = self._keep(dump_own(own).encode() if own else None)
            row = self._store.audit.add(actor, "recalibrate", CALIBRATION, {"before": before, "after": after})
            self._put_back(after)
        return row

    def undo(self, actor: str, audit_id: int) -> None:
        """Bring back what was there before an action.

        Raises:
            TuningRefused: it was undone already, it is no action of these, or something was changed since.
            state.errors.NotFound: there is no such action.
            OSError: the files cannot be written.
        """
        with self._lock, self._store.transaction():
            row = self._store.audit.get(audit_id)
            if row.subject not in {BANDS, CALIBRATION} or row.action == "undo":
                raise TuningRefused("this is undone elsewhere")
            if row.undone_by is not None:
                raise TuningRefused("this was undone already")
            if self._now(row.subject) != row.data["after"]:
                raise TuningRefused("something was changed since; undo that first")
            data = {"of": audit_id, "action": row.action}
            self._store.audit.undone(audit_id, self._store.audit.add(actor, "undo", row.subject, data))
            self._restore(row)

    def undoable(self, row: AuditRow) -> bool:
        """Whether an undo of this action may still be asked for."""
        return row.action != "undo" and row.undone_by is None and self._now(row.subject) == row.data["after"]

    def _now(self, subject: str) -> Any:
        if subject == BANDS:
            return _plain(operators_limits(self._settings.own_bands))
        return _key(self._settings.own_calibration)

    def _restore(self, row: AuditRow) -> None:
        before = row.data["before"]
        if row.subject == BANDS:
            limits = BandLimits.model_validate(before) if before else None
            save_operators_limits(limits, self._settings.own_bands)
        else:
            self._put_back(before)

    def _keep(self, content: bytes | None) -> str | None:
        """Put a calibration into the archive, and return its name there."""
        if content is None:
            return None
        self._archive.mkdir(exist_ok=True)
        key = key_of(content)
        (self._archive / f"{key}.json").write_bytes(content)
        return key

    def _put_back(self, key: str | None) -> None:
        path = self._settings.own_calibration
        if key is None:
            path.unlink(missing_ok=True)
            return
        kept = self._archive / f"{key}.json"
        if not kept.is_file():
            raise TuningRefused(f"{kept} is gone; fit the calibration again")
        partial = path.with_suffix(".partial")
        partial.write_bytes(kept.read_bytes())
        partial.replace(path)


def records_with(own: OwnCalibration | None) -> dict[str, WeightsRecord]:
    """Every detector's record, with the operators' calibrators over those that ship."""
    shipped = {name: detectors.record(name) for name in detectors.names()}
    return own.records(shipped) if own else shipped


def _plain(limits: BandLimits | None) -> dict[str, float] | None:
    return limits.model_dump() if limits else None


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _key(path: Path) -> str | None:
    content = _read(path)
    return None if content is None else key_of(content)
