"""The page docs/detectors.md: what every detector is, costs and may be used for; nothing of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from bot.cli.detectors import facts, figure, lists
from detectors.record import WeightsFile, WeightsRecord

_HEAD = """# Detectors

This page is made by `veritag detectors --markdown`.

*Parameters* are those that reach the output. *GFLOP* and *seconds* are for one input, from its decoded form
to the score; each detector's own section says which input, on what, and when. *Weights* that do not ship are
fetched by `veritag weights fetch NAME` and never unasked; a licence with an asterisk must be accepted first,
by `veritag weights accept-licence NAME`. *Measured* is what was measured here, on media that the detector
never saw. A dash: not measured.

| detector | judges | parameters | GFLOP | seconds | weights | licence of weights | calibrated | measured |
|---|---|--:|--:|--:|---|---|---|---|
"""


def page(records: Sequence[WeightsRecord]) -> str:
    """The whole page, in Markdown."""
    return _HEAD + "".join(map(_row, records)) + "".join(map(_section, records))


def _row(record: WeightsRecord) -> str:
    cost = record.cost
    given = (part.licence for part in record.files())
    told = [result for result in record.measured if not result.clips]
    licences = (f"{licence.weights}{' *' if licence.needs_acceptance else ''}" for licence in given)
    cells = [
        f"[{record.name}](#{record.name})",
        ", ".join(modality.value for modality in record.modalities),
        f"{record.parameters:,}".replace(",", " "),
        figure(cost.gflop) if cost else "–",
        figure(cost.seconds) if cost else "–",
        "; ".join(dict.fromkeys(_origin(part.file) for part in record.files())),
        "; ".join(dict.fromkeys(licences)),
        ", ".join(modality.value for modality in record.modalities if modality in record.calibration) or "no",
        "; ".join(f"{m.modality.value} {m.metric} {m.value:.3f}" for m in told) or "–",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|").replace("*", "\\*") for cell in cells) + " |\n"


def _origin(file: WeightsFile) -> str:
    if file.bundled:
        return f"package {file.package}" if file.package else "shipped"
    if file.hub:
        return f"huggingface.co/{file.hub.repo}"
    if address := file.url or file.page:
        parts = urlsplit(address)
        start = "/".join([parts.netloc, *parts.path.split("/")[1:3]])
        return start if file.url else f"by hand, from {start}"
    return "not public"


def _section(record: WeightsRecord) -> str:
    whence = "; ".join(f"{part.file.name}: {_whence(part.file)}" for part in record.files())
    parts = [f"\n## {record.name}\n\n{record.title}\n\n"]
    parts += [f"- **{label}**: {words}\n" for label, words in facts(record, whence)]
    if record.file.bundled:
        parts.append(f"- **model card**: [{record.name}](cards/{record.name}.md)\n")
    for title, lines in lists(record):
        parts.append(f"\n{title.capitalize()}:\n\n" + "".join(f"- {line}\n" for line in lines))
    return "".join(parts)


def _whence(file: WeightsFile) -> str:
    if file.bundled:
        return f"in the package {file.package}" if file.package else "shipped with Veritag"
    return file.source or (f"by hand, from {file.page}" if file.page else "not public")
