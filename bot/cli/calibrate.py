"""`veritag calibrate`: fit calibrators and bands again, also from what people have reviewed."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bot.cli.options import ConfigOption, configuration, console
from bot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.calibration.methods import Choice
    from analysis.calibration.run import Fit
    from analysis.ensemble.calibrated import Limits
    from bot.calibrating import Gathered
    from bot.config import Settings


def calibrate(
    context: typer.Context,
    scores: Annotated[
        list[str] | None,
        typer.Option(
            "--scores",
            metavar="NAME=CSV",
            help="A detector's out-of-fold scores, in place of those that ship.",
        ),
    ] = None,
    reviews: Annotated[
        bool, typer.Option("--reviews/--no-reviews", help="Learn from what people have reviewed.")
    ] = True,
    method: Annotated[
        Literal["best", "platt", "lapse", "two_gaussian"],
        typer.Option("--method", help="Kind of calibrator; best: whichever predicts left-out sources best."),
    ] = "best",
    write: Annotated[
        bool, typer.Option("--write", help="Use it from the next start on; without it, only show.")
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Go back to the calibration that ships.")
    ] = False,
    plots: Annotated[
        Path | None, typer.Option("--plots", metavar="DIR", help="Save a plot (SVG) of each panel there.")
    ] = None,
    config_file: ConfigOption = None,
) -> None:
    """Fit the calibrators and bands of the configured detectors anew, and show what they would promise."""
    settings = configuration(context, config_file).settings
    if discard:
        _discard(settings)
        return
    from analysis.calibration.report import save_plot

    gathered = _gather(settings, _named(scores or ()), reviews=reviews)
    found = _fit(gathered, method)
    _show(settings, gathered, found)
    if plots is not None:
        limits = _limits(settings)
        for kind, items in found.measured.items():
            for item in items:
                console().print(f"wrote {save_plot(kind, item, limits, plots)}", soft_wrap=True)
    if write:
        _write(settings, found)


def _discard(settings: Settings) -> None:
    path = settings.own_calibration
    if path.exists():
        path.unlink()
        console().print("The calibration that ships is used from the next start on.")
    else:
        console().print("Nothing to discard: the calibration that ships is in use.")


def _named(texts: Sequence[str]) -> dict[str, Path]:
    given = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise ConfigError(f"--scores {text!r} is not NAME=CSV; write it as veritag_image=scores.csv")
        given[name] = Path(path)
    return given


def _gather(settings: Settings, given: dict[str, Path], *, reviews: bool) -> Gathered:
    from bot.assembly import open_store
    from bot.calibrating import gather
    from detectors import record

    names = list(dict.fromkeys([*settings.analysis.detectors, *given]))
    for name in names:
        record(name)
    store = open_store(settings) if reviews else None
    try:
        gathered = gather(names, given, store)
    finally:
        if store is not None:
            store.close()
    if not gathered.rows:
        raise ConfigError(
            "there are no scores to fit on: none of these detectors ships any, and nothing was reviewed; "
            "give some with --scores NAME=CSV (`veritag evaluate` writes them)"
        )
    return gathered


def _fit(gathered: Gathered, method: Choice) -> Fit:
    from analysis.calibration.run import fit_rows
    from detectors.errors import NotMeasurable

    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    try:
        return fit_rows(gathered.rows, method, date=today)
    except NotMeasurable as error:
        raise ConfigError(f"nothing could be fitted: {error}") from error


def _limits(settings: Settings) -> Limits:
    from analysis.ensemble.calibrated import Limits
    from bot.bands import band_limits

    chosen = band_limits(settings)
    return Limits(chosen.high_false_alarms, chosen.low_misses)


def _show(settings: Settings, gathered: Gathered, found: Fit) -> None:
    from analysis.calibration.report import calibration_table, panel_table

    out, limits = console(), _limits(settings)
    real, fake = gathered.reviewed
    out.print(f"Reviewed media among the scores: {real} real, {fake} fake.", soft_wrap=True)
    out.print(
        calibration_table([(name, kind, fitted) for (name, kind), fitted in found.calibrations.items()])
    )
    out.print(panel_table([(kind, item) for kind, items in found.measured.items() for item in items], limits))
    for line in found.refused:
        out.print(f"not fitted: {line}", soft_wrap=True)


def _write(settings: Settings, found: Fit) -> None:
    from analysis.calibration.own import save_own
    from analysis.calibration.run import as_own

    path = settings.own_calibration
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_own(as_own(found), path)
    except OSError as error:
        raise ConfigError(f"data_dir: {path} cannot be written ({(error.strerror or '').lower()})") from error
    console().print(f"Written to {path}; used from the next start on.", soft_wrap=True)
