"""The measured figures of a model card: first those that say most, then a plot, then every one of them."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.evaluation.recorded import Protocol, protocols
from bot.cli.markdown import folded, table
from detectors.record import Measurement

_DELIVERIES = {
    "as_is": "as they are",
    "jpeg75": "as JPEG of quality 75",
    "mp3": "as MP3",
    "opus": "as Opus",
}
_OF_FRAMES = """\
*Frames of videos*: single frames were judged and are counted. The intervals tell how sure a figure is of
these few videos; of others they tell nothing.
"""
_KNOWN_FIRST = 2  # protocols, told at a glance
_AUC = "(AUC: of a fake and a real medium, how often the fake scores higher; 0.5 is guessing, 1 is perfect)"


def leading(results: Sequence[Measurement]) -> str:
    """The figures that are told first, as a table with a column for each delivery."""
    first = [of for of in protocols(results) if of.leads]
    ways = list(dict.fromkeys(way for of in first for way in of.by_delivery))
    rows = []
    for of in first:
        sizes = next(iter(of.by_delivery.values()))
        said = [_value(of.by_delivery.get(way)) for way in ways]
        rows.append([of.name, of.metric, *said, str(sizes.real), str(sizes.fake)])
    head = ["media", "figure", *(_DELIVERIES.get(way, way) for way in ways), "real", "fake"]
    told = table(head, rows, right=2 + len(ways))
    return f"{told}\n{_OF_FRAMES}" if any(of.clips for of in results) else told


def every(results: Sequence[Measurement]) -> str:
    """All figures, folded."""
    rows = [
        [
            of.modality.value,
            of.protocol,
            of.metric,
            f"{of.value:.3f}",
            f"{of.low:.3f} to {of.high:.3f}",
            str(of.real),
            str(of.fake),
            of.date,
        ]
        for of in results
    ]
    head = ["media", "protocol", "figure", "value", "95 % interval", "real", "fake", "date"]
    return folded(f"All {len(results)} figures", table(head, rows, right=5))


def best_known(results: Sequence[Measurement]) -> str:
    """In a line each, how well fakes are told from real media of sources that it never saw."""
    of_media = [of for of in results if not of.clips]  # frames of a few clips tell little of other clips
    ranked = [of for of in protocols(of_media) if of.ranks and of.leads]
    if not ranked:
        return "nothing was measured here"
    means = [of for of in ranked if "mean" in of.metric]
    chosen = [*means, *(of for of in ranked if of not in means)][:_KNOWN_FIRST]
    return "<br>".join([*(f"{of.name}: {of.metric} {_span(of)}" for of in chosen), _AUC])


def _span(of: Protocol) -> str:
    said = []
    for way, result in of.by_delivery.items():
        words = "" if way == "as_is" else f" {_DELIVERIES.get(way, way)}"
        said.append(f"{result.value:.2f}{words} ({result.low:.2f} to {result.high:.2f})")
    return ", ".join(said)


def _value(of: Measurement | None) -> str:
    if of is None:
        return ""
    shape = "+.3f" if " less " in of.metric else ".2f"
    return f"{of.value:{shape}} ({of.low:{shape}} to {of.high:{shape}})"
