"""An evaluation as people read it in a terminal: sentences first, then the tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis.evaluation.result import Evaluation, Figure, Group, OfKind, Probe
from bot.cli.layout import paragraph
from bot.redact import printable

_NAMED = 10
_GROUPS_SHOWN = 30


def show(found: Evaluation, out: Console) -> None:
    """Print everything but the scores themselves."""
    sources = "1 source" if len(found.sources) == 1 else f"{len(found.sources)} sources"
    counted = f"{found.items} media of {sources} (layout {found.layout})"
    out.print(Text.assemble((printable(found.data), "bold"), f": {counted}, delivered {found.delivery}"))
    for reason, number in found.not_counted.items():
        paragraph(out, f"{number} not counted: {printable(reason)}", label="- ")
    for name, reason in found.named[:_NAMED]:
        paragraph(out, f"{printable(name)}: {printable(reason)}", indent=4)
    if len(found.named) > _NAMED:
        paragraph(out, f"and {len(found.named) - _NAMED} more", indent=4)
    for kind in found.kinds:
        out.print()
        _show_kind(kind, out)


def _show_kind(kind: OfKind, out: Console) -> None:
    out.print(Text(f"{kind.kind}: {kind.real} real, {kind.fake} fake, delivered {kind.delivery}", "bold"))
    for said in kind.words:
        paragraph(out, printable(f"Beware: {said.text}" if said.beware else said.text), label="- ")
    out.print()
    out.print(_figures(kind))
    for one in kind.judged:
        if one.bands:
            counts = (f"{band} {of['real']} / {of['fake']}" for band, of in one.bands.items())
            paragraph(out, ", ".join(counts), label=f"{one.subject}, verdicts real / fake: ")
    for one in kind.judged:
        for title, groups in one.groups():
            out.print()
            out.print(_groups(f"{title} ({one.subject})", groups))
    if measured := [probe for probe in kind.probes if probe.auc.value is not None]:
        out.print()
        out.print(_probes(measured))
    if kind.robustness:
        out.print()
        out.print(_robustness(kind))


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if not place else "right")
    return table


def shown(figure: Figure) -> str:
    """A figure with its interval."""
    if figure.value is None:
        return "–"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}"
    mark = "*" if figure.note else ""
    between = "–" if figure.low >= 0 else " to "
    return f"{figure.value:.3f}{mark} ({figure.low:.3f}{between}{figure.high:.3f})"


def _figures(kind: OfKind) -> Table:
    names = dict.fromkeys(figure.name for one in kind.judged for figure in one.figures)
    table = _table("figure (95 % interval)", *(one.subject for one in kind.judged))
    table.add_row("real / fake scored", *(f"{one.real} / {one.fake}" for one in kind.judged))
    for name in names:
        cells = []
        for one in kind.judged:
            mine = [figure for figure in one.figures if figure.name == name]
            cells.append(shown(mine[0]) if mine else "")
        table.add_row(name, *cells)
    if any(figure.note for one in kind.judged for figure in one.figures):
        table.add_row(Text("* too few media for a claim", "dim"))
    return table


def _groups(title: str, groups: tuple[Group, ...]) -> Table:
    table = _table(title, "real", "fake", "AUC", "flagged real", "flagged fake")
    for group in groups[:_GROUPS_SHOWN]:
        name = f"{group.name} (reals of all sources)" if group.pooled_reals else group.name
        flagged = (str(group.flagged_real), str(group.flagged_fake))
        table.add_row(Text(printable(name)), str(group.real), str(group.fake), shown(group.auc), *flagged)
    if len(groups) > _GROUPS_SHOWN:
        table.add_row(Text(f"and {len(groups) - _GROUPS_SHOWN} more; --json or --report has all", "dim"))
    return table


def _probes(measured: Sequence[Probe]) -> Table:
    table = _table("trivial feature", "delivered", "AUC, either way", "near")
    for probe in measured:
        table.add_row(Text(probe.feature), probe.delivery, shown(probe.auc), ", ".join(probe.near))
    return table


def _robustness(kind: OfKind) -> Table:
    table = _table("change", "subject", "AUC", "mean real", "mean fake")
    for rung in kind.robustness:
        change = "none" if rung.level is None else f"{rung.what} {rung.level:g}"
        means = ("–" if mean is None else f"{mean:.3f}" for mean in (rung.mean_real, rung.mean_fake))
        table.add_row(change, rung.subject, shown(rung.auc), *means)
    return table
