"""The longer answer of `details`: what was looked at, what each check found, how often that is wrong.

It is made from the reasons of a verdict, so it says nothing that operators do not see, too.
"""

from __future__ import annotations

from collections import Counter

from analysis.ensemble.reasons import ReasonCode
from analysis.model import Kind, Verdict
from bot.replies.model import Details, Finding, Rate
from bot.replies.wordings import Wordings, fill
from detectors import names, record
from detectors.base import Modality

_FINDINGS: dict[str, str] = {
    ReasonCode.DETECTOR_SIGNS: "signs",
    ReasonCode.DETECTOR_LITTLE_SIGN: "little_sign",
    ReasonCode.DETECTOR_UNDECIDED: "undecided",
    ReasonCode.DETECTOR_UNCALIBRATED: "not_counted",
}
_RATES: dict[str, str] = {
    ReasonCode.MEASURED_FALSE_ALARMS: "false_alarms",
    ReasonCode.MEASURED_MISSES: "misses",
}
_ASKING = {"transcript": "words", "reverse_search": "search"}


def details_of(verdict: Verdict, kind: Kind) -> Details | None:
    """What can be told of a verdict's grounds; None where no check is behind it, as after a review.

    Verdicts that were stored before reasons had figures tell nothing, either.
    """
    counted: Counter[tuple[str, str]] = Counter()
    rate = None
    for reason in verdict.reasons:
        figures = reason.figures
        finding = _FINDINGS.get(str(figures.get("finding", reason.code)))
        if finding is not None and "detector" in figures:
            counted[_looked_at(str(figures["detector"])), finding] += 1
        elif reason.code in _RATES and "errors" in figures:
            rate = Rate(_RATES[reason.code], int(figures["errors"]), int(figures["media"]))
    if not counted:
        return None
    found = tuple(Finding(check, finding, count) for (check, finding), count in counted.items())
    return Details(found, rate, kind)


def told(words: Wordings, details: Details) -> str:
    """The sentence that lists what was found."""
    named = words.details.model_dump()
    items = [
        fill(
            words.details.item if each.count == 1 else words.details.several,
            check=named[each.check],
            finding=named[each.finding],
            count=each.count,
        )
        for each in details.findings
    ]
    return fill(words.details.intro, items=words.frame.between_items.join(items))


def rate_told(words: Wordings, details: Details) -> str:
    """The sentence that says how often such a result is wrong, as far as that was measured."""
    rate = details.rate
    if rate is None:
        return words.details.no_rates
    text = words.details.false_alarms if rate.name == "false_alarms" else words.details.misses
    plural = words.media[details.kind.value].plural
    return fill(text, errors=rate.errors, total=rate.media, plural=plural)


def _looked_at(detector: str) -> str:
    """What a detector judges, as a key of the language files' `details`."""
    if detector in _ASKING:
        return _ASKING[detector]
    if detector not in names():
        return "picture"
    described = record(detector)
    if described.modalities == (Modality.AUDIO,):
        return "sound"
    return "faces" if "face" in str(described.preprocessing.get("view", "")) else "picture"
