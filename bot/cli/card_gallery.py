"""The part of a model card that shows mistakes: made by an engine, kept beside the cards, set into them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.markdown import folded, table
from bot.cli.options import console
from detectors.record import WeightsRecord

if TYPE_CHECKING:
    from analysis.gallery import Gallery
    from analysis.gallery.model import Shown
    from bot.config import Settings

FOLDER = "gallery"


def make(samples: Path, cards: Path, settings: Settings) -> None:
    """Make the galleries of all detectors whose weights ship and whose scores are calibrated.

    Raises:
        analysis.errors.ConfigurationError: there are no labelled media.
        ConfigError, EngineFailed: the engine cannot be used.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from analysis.gallery import make_galleries
    from bot.assembly import build_analyzer
    from detectors import names, record

    records = [of for of in map(record, names()) if of.file.bundled and of.calibration]
    changes = {"detectors": [of.name for of in records], "policy": "calibrated", "redelivery": False}
    chosen = settings.model_copy(update={"analysis": settings.analysis.model_copy(update=changes)})
    err = console(stderr=True)
    bars = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        closing(build_analyzer(chosen)) as engine,
        Progress(*bars, console=err, transient=True, disable=not err.is_terminal) as progress,
    ):
        task = progress.add_task("judging", total=None)
        make_galleries(
            samples,
            cards / FOLDER,
            records,
            engine,
            tick=lambda done, total: progress.update(task, completed=done, total=total),
        )


def stored(record: WeightsRecord, cards: Path) -> Gallery | None:
    """The gallery beside the cards, if it is that of the present weights and calibration."""
    from analysis.gallery import Gallery, is_current

    path = cards / FOLDER / f"{record.name}.json"
    if not path.is_file():
        return None
    found = Gallery.model_validate_json(path.read_text("utf-8"))
    return found if is_current(found, record) else None


def section(gallery: Gallery) -> str:
    """The gallery in Markdown."""
    parts = [_INTRODUCTION, _counts(gallery)]
    for title, shown, counted in (
        ("Real media that it takes for fakes", gallery.false_alarms, gallery.real),
        ("Fakes that it does not notice", gallery.misses, gallery.fake),
    ):
        if not counted.judged:
            continue
        parts.append(f"**{title}**\n\n{_rows(shown, gallery) if shown else 'None among these media.'}\n")
    if gallery.strips:
        parts.append(f"**{_STRIP}**\n\n{_STRIP_NOTE}")
        parts += [_strip(strip) for strip in gallery.strips]
    return "\n".join(parts)


_INTRODUCTION = """\
Mistakes on [media of this project's own](../../samples/SOURCES.md) and on what `veritag generate` makes of
them: all generators, all launderings, seed 0. They are of a few subjects and chosen for being judged worst:
they show what mistakes look like and are **no measurement**. A bar below each picture says whether it is
genuine. Made by `veritag detectors --cards docs/cards --gallery samples`.
"""
_STRIP = "The same medium, delivered otherwise"
_STRIP_NOTE = (
    "Below each is the probability of a fake that the detector alone would state if every second medium were "
    "one, and its bare score. Of pictures, a part is shown, pixel by pixel. Chosen for changing most.\n"
)


def _counts(gallery: Gallery) -> str:
    real, fake = gallery.real, gallery.fake
    if not real.judged:
        counted = "Among the samples are **no real media of its kind**: false alarms cannot be shown. "
    else:
        counted = f"Of {real.judged} deliveries of real media, {real.wrong} look fake to it. "
    missed = "give it no reason to suspect anything" if gallery.one_sided else "look real to it"
    counted += f"Of {fake.judged} deliveries of fakes, {fake.wrong} {missed}."
    if gallery.refused:
        counted += f" It could not judge {gallery.refused} others (no face, or too small)."
    if gallery.by_score:
        counted += (
            " As its score is no evidence (see Calibrated), the bare score is taken here, with 0.5 as the "
            "cut; no verdict hears it."
        )
    missed_by = "it has no suspicion of" if gallery.one_sided else "that look real to it"
    makers = table(
        ["made by", "judged", missed_by],
        [[_maker(name), str(of.judged), str(of.wrong)] for name, of in gallery.makers.items()],
        right=2,
    )
    return f"{counted}\n\n{folded('Fakes by what made them', makers)}"


def _maker(name: str) -> str:
    from detectors.generation import base

    return f"{name}: {base.entry(name).summary}" if name else "nothing more: the samples themselves"


def _rows(shown: tuple[Shown, ...], gallery: Gallery) -> str:
    lines = ["| | what it is | what the detector says |\n| --- | --- | --- |\n"]
    for one in shown:
        evidence = "" if gallery.by_score else f"<br>{_odds(one)}"
        words = one.words.removeprefix(f"{gallery.detector} ")
        lines.append(f"| {_image(one)} | {_origin(one)}<br>{one.done} | {words}{evidence} |\n")
    return "".join(lines)


def _odds(one: Shown) -> str:
    from math import exp

    if one.evidence == 0:
        return "no evidence either way"
    side = "a fake" if one.evidence > 0 else "a real one"
    return f"{exp(abs(one.evidence)):.1f} times as likely of {side}"


def _strip(strip: tuple[Shown, ...]) -> str:
    heads = " | ".join(_image(one) for one in strip)
    rule = " | ".join("---" for _ in strip)
    done = " | ".join(one.done for one in strip)
    said = " | ".join(f"**{one.probability:.0%}**<br>(score {one.score:.2f})" for one in strip)
    return f"{_origin(strip[0])}:\n\n| {heads} |\n| {rule} |\n| {done} |\n| {said} |\n"


def _origin(one: Shown) -> str:
    if one.made_by:
        return f"made of {one.medium}"
    return f"{one.medium}, {'not genuine' if one.fake else 'genuine'}"


def _image(one: Shown) -> str:
    return f"![{one.medium}, {one.done}]({FOLDER}/{one.picture})"
