"""Verdicts as people read them in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from analysis.ensemble.reasons import ReasonCode
from analysis.model import Analysis
from bot.cli.bands import LOOKS
from bot.cli.layout import paragraph
from bot.judging import Fault, Outcome
from bot.licences import limiting_licences
from bot.redact import mask_secrets, printable

if TYPE_CHECKING:
    from bot.cli.evidence import Drawn

_SLOWEST_SHOWN = 4
_WAIT_SHOWN = 0.05  # seconds: less is no wait for other media


def show(outcome: Outcome, out: Console, drawn: Sequence[Sequence[Drawn]] | None = None) -> None:
    """Print one input's outcome; ``drawn``: the evidence pictures of each of its media."""
    name = printable(mask_secrets(outcome.given))
    several = len(outcome.analyses) > 1
    for number, analysis in enumerate(outcome.analyses, 1):
        _show_analysis(f"{name} ({number} of {len(outcome.analyses)})" if several else name, analysis, out)
        if drawn is not None:
            _show_evidence(drawn[number - 1], out)
    if outcome.fault is not None:
        out.print(
            Text.assemble(("✘ ", "red"), (name, "bold"), ": ", _fault_words(outcome.fault)), soft_wrap=True
        )
        out.print()


def _show_evidence(pictures: Sequence[Drawn], out: Console) -> None:
    if not pictures:
        paragraph(out, "no detector could say where or when it saw anything: no pictures", label="- ")
    for picture in pictures:
        out.print(Text.assemble("  ", printable(str(picture.file))), soft_wrap=True)
        paragraph(out, printable(picture.alt), style="dim")
    out.print()


def _fault_words(fault: Fault) -> str:
    return f"not judged: {printable(fault.message)} [{fault.reason}]"


def _show_analysis(name: str, analysis: Analysis, out: Console) -> None:
    verdict = analysis.verdict
    look = LOOKS[verdict.band]
    out.print(
        Text.assemble((f"{look.sign} ", look.colour), (name, "bold"), ": ", (look.words, look.colour)),
        soft_wrap=True,
    )
    if verdict.probability is not None:
        paragraph(out, f"estimated probability of generation or manipulation: {verdict.probability:.0%}")
    # Why a detector did not judge stands beside its name in the table.
    told = (reason.text for reason in verdict.reasons if reason.code != ReasonCode.NOT_APPLICABLE)
    for text in (*told, *analysis.probe.notes):
        paragraph(out, printable(text), label="- ")
    for licence in sorted(limiting_licences(score.detector for score in analysis.scores if score.applicable)):
        paragraph(
            out,
            printable(f"the licence of the weights limits what this may be used for: {licence}"),
            label="- ",
        )
    out.print(Padding(_scores(analysis), (0, 0, 0, 2), expand=False))
    if verdict.probability is not None and verdict.calibration:
        paragraph(out, f"the probability rests on {printable(verdict.calibration)}", style="dim")
    paragraph(out, _timing(analysis), style="dim")
    out.print()


def _scores(analysis: Analysis) -> Table:
    table = Table("detector", "score", "note", box=None, pad_edge=False, header_style="dim")
    for score in analysis.scores:
        shown = "n/a" if score.score is None else f"{score.score:.3f}"
        table.add_row(Text(score.detector), shown, Text(printable(score.reason or ""), "dim"))
    return table


def _timing(analysis: Analysis) -> str:
    stages = {stage: seconds for stage, seconds in analysis.timing.items() if stage != "total"}
    spent = sum(stages.values())
    total = analysis.timing.get("total", spent)
    if total - spent > _WAIT_SHOWN:
        stages["waiting"] = total - spent
    slowest = sorted(stages.items(), key=lambda item: -item[1])[:_SLOWEST_SHOWN]
    parts = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in slowest)
    return f"{analysis.probe.kind.value}, policy {analysis.verdict.policy}, {total:.2f} s ({parts})"
