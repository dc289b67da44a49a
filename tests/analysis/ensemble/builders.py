"""Small builders that the ensemble's tests share."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.ensemble.likelihood import calibration_fingerprint
from analysis.ensemble.panels import EnsembleCalibration, ErrorCurve, ErrorPoint, Panel
from analysis.model import Kind, Reason, Score
from detectors.base import Modality
from detectors.record import Calibration, DataSet, InTheWild, Licence, WeightsFile, WeightsRecord

DATA = (DataSet(name="setone", real=300, fake=200), DataSet(name="settwo", real=100, fake=200))


def score(detector: str, value: float | None, reason: str | None = None) -> Score:
    return Score(detector, value, value is not None, reason)


def platt(slope: float = 1.0, intercept: float = 0.0, bound: float = 5.0) -> Calibration:
    return Calibration(
        method="platt",
        parameters={"slope": slope, "intercept": intercept},
        bound=bound,
        data=DATA,
        date="2026-11-01",
        protocol="made up for a test",
    )


def lapsing(slope: float = 1.0, intercept: float = 0.0, lapse: float = 0.25) -> Calibration:
    parameters = {"slope": slope, "intercept": intercept, "lapse": lapse}
    return platt().model_copy(update={"method": "lapse", "parameters": parameters})


def gaussian(real: tuple[float, float], fake: tuple[float, float], bound: float = 5.0) -> Calibration:
    return Calibration(
        method="two_gaussian",
        parameters={
            "real_mean": real[0],
            "real_std": real[1],
            "fake_mean": fake[0],
            "fake_std": fake[1],
        },
        bound=bound,
        data=DATA,
        date="2026-11-01",
        protocol="made up for a test",
    )


def rates(tpr: float = 0.8, fpr: float = 0.2) -> InTheWild:
    return InTheWild(tpr=tpr, fpr=fpr, source="a made-up survey")


def record(
    name: str,
    *,
    modalities: tuple[Modality, ...] = (Modality.IMAGE,),
    calibration: Mapping[Modality, Calibration] | None = None,
    in_the_wild: Mapping[Modality, InTheWild] | None = None,
    bundled: bool = False,
) -> WeightsRecord:
    return WeightsRecord(
        name=name,
        title=name,
        architecture="none",
        paper="none",
        modalities=modalities,
        parameters=1,
        licence=Licence(code="Apache-2.0", weights="Apache-2.0"),
        file=WeightsFile(name=f"{name}.safetensors", sha256=None, bundled=bundled),
        preprocessing={},
        trained_on=(),
        recipe="none",
        calibration=calibration or {},
        in_the_wild=in_the_wild or {},
    )


def curve(*points: tuple[float, int, float, float], media: int = 400) -> ErrorCurve:
    return ErrorCurve(
        media=media,
        points=tuple(ErrorPoint(cut=c, errors=e, bound=b, gain=g) for c, e, b, g in points),
    )


HIGH = curve((3.0, 0, 0.0075, 0.3), (2.0, 8, 0.036, 0.5), (1.5, 30, 0.1, 0.6))
LOW = curve((-2.0, 4, 0.03, 0.4), (-1.0, 40, 0.13, 0.6), (-0.7, 100, 0.29, 0.7))


def panel(
    calibrations: Mapping[str, Calibration],
    *,
    weights: Mapping[str, float] | None = None,
    high: ErrorCurve = HIGH,
    low: ErrorCurve = LOW,
) -> Panel:
    return Panel(
        weights=weights or dict.fromkeys(calibrations, 1.0),
        calibrators={name: calibration_fingerprint(fitted) for name, fitted in calibrations.items()},
        high=high,
        low=low,
        ece=0.02,
        brier=0.1,
        data=DATA,
        date="2026-11-02",
        protocol="made up for a test",
    )


def images(*panels: Panel) -> EnsembleCalibration:
    return EnsembleCalibration(panels={Kind.IMAGE: panels})


def codes(reasons: tuple[Reason, ...]) -> list[str]:
    return [reason.code for reason in reasons]
