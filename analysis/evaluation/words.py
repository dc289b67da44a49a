"""What was found, in sentences: for people who check facts, not for people who train networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from analysis.evaluation.leaks import TOGETHER
from analysis.evaluation.measuring import ALARMS, AUC, FEWEST
from analysis.evaluation.result import Comparison, Figure, Group, Judged, Probe, Rung, Said
from analysis.evaluation.table import CUT
from detectors.metrics import clopper_pearson

PLURAL = {"image": "pictures", "video": "videos", "audio": "recordings"}
SINGULAR = {"image": "picture", "video": "video", "audio": "recording"}
_PROBES_NAMED = 3
_MOVED = 0.02

NOT_SAID = (
    (
        "The figures hold for media like these. Other sources, generators and ways of sharing can do worse; "
        "the worst source in the table is a better guide to that than the mean."
    ),
    (
        "An interval says how far chance alone could have moved a figure on media of these sources. It does "
        "not cover sources that are not here."
    ),
    (
        "Media that a detector was trained on flatter it. Only sources of the same name are noticed here: "
        "compare the data with what the detector's card says that it was trained on."
    ),
    (
        "How many of all media out there are fake is another matter: with few fakes among many reals, most "
        "alarms are false even where the rates above look good."
    ),
)


MEANINGS = (
    (
        "AUC",
        "how often a fake scores higher than a real medium, of all such pairs: 0.5 is guessing, 1 perfect",
    ),
    ("average precision", "how many of those with the highest scores are fakes, averaged over all cuts"),
    ("recall at 1 %, at 5 % false alarms", "fakes found by the best cut that flags no more reals than that"),
    ("balanced accuracy", "mean of the shares of reals and of fakes that are called what they are"),
    ("ECE", "how far the probability said lies off, on average, reals and fakes weighing the same"),
    ("Brier score", "mean squared distance of the probability from the truth; always saying 0.5 gives 0.25"),
    ("mean AUC of sources", "each source by itself, then the mean: no big source decides alone"),
    ("reals, fakes in high, low, uncertain", "the share of each class that got such a verdict"),
    ("balanced accuracy of high, of not low", "flagged is high alone; or everything but low and trusted"),
)
"""The figures of a report, for those who meet them for the first time."""


def sentences(
    kind: str,
    judged: Sequence[Judged],
    comparisons: Sequence[Comparison],
    probes: Sequence[Probe],
    rungs: Sequence[Rung],
) -> tuple[Said, ...]:
    """Say everything that was found on one kind of media: of each subject, then of all."""
    said: list[Said] = []
    for one in judged:
        parts = (_flags(kind, one), _ranking(kind, one), _calibration(one), _undecided(kind, one))
        texts = [*chain(*parts), *_worst(one), *_robust(one, rungs)]
        said += [Said(one.subject, text) for text in texts]
        said += [Said(one.subject, text, beware=True) for text in _seen(one)]
    said += [Said("", text) for text in _compared(kind, comparisons)]
    said += [Said("", text, beware=True) for text in _leaks(probes)]
    if judged:
        most = max(judged, key=lambda one: one.real)
        said += [Said("", text) for text in _sizes(kind, most)]
    return tuple(said)


def _seen(one: Judged) -> Iterator[str]:
    if one.trained_on:
        who = "one of its detectors was trained" if one.role == "policy" else "it was trained"
        yield (
            f"{one.subject}: {who} on sources of these names: {', '.join(one.trained_on)}. What it reaches "
            "there says nothing of media that it never saw."
        )


def _of_100(figure: Figure) -> str:
    """A rate as people count: ``7 (95 % interval 4 to 11)``."""
    if figure.value is None:
        return "an unknown number"
    if figure.low is None or figure.high is None:
        return _count(figure.value)
    return f"{_count(figure.value)} (95 % interval {_count(figure.low)} to {_count(figure.high)})"


def _count(rate: float) -> str:
    """So many of a hundred; near both ends with a tenth, so that little does not look like nothing."""
    percent = 100 * rate
    return f"{percent:.1f}" if 0 < percent < 1 or 99 < percent < 100 else f"{percent:.0f}"


def _flags(kind: str, one: Judged) -> Iterator[str]:
    policy = one.role == "policy"
    names = ("reals in high", "fakes in high") if policy else (f"{ALARMS} at {CUT}", f"recall at {CUT}")
    alarms, found = (one.figure(name) for name in names)
    if alarms.value is None or found.value is None:
        yield f"{one.subject}: how many would be flagged cannot be said ({alarms.note})."
        return
    yield (
        f"Of 100 real {PLURAL[kind]}, {one.subject} would flag about {_of_100(alarms)}; of 100 generated or "
        f"manipulated ones, about {_of_100(found)}. Flagged means: {one.flag}."
    )
    if policy:
        low = one.figure("fakes in low")
        yield (
            f"Of 100 generated or manipulated {PLURAL[kind]}, {one.subject} would call about {_of_100(low)} "
            "'low', which people read as harmless."
        )


def _ranking(kind: str, one: Judged) -> Iterator[str]:
    auc = one.figure(AUC)
    if auc.value is None or auc.low is None or auc.high is None:
        return
    text = (
        f"Shown a real and a fake {SINGULAR[kind]}, {one.subject} scores the fake higher in {_of_100(auc)} "
        "of 100 cases; guessing gives 50."
    )
    if auc.high < 0.5:
        text += " That is worse than guessing: on these media its score points the wrong way."
    elif auc.low <= 0.5:
        text += " That cannot be told from guessing."
    if auc.note:
        text += f" But: {auc.note}."
    yield text


def _calibration(one: Judged) -> Iterator[str]:
    try:
        ece = one.figure("ECE")
    except KeyError:
        return
    if ece.value is not None:
        what = "The probability" if one.role == "policy" else "Read as a probability, the raw score"
        yield (
            f"{what} of {one.subject} is off by {100 * ece.value:.0f} points on average (expected "
            "calibration error, reals and fakes weighing the same)."
        )


def _undecided(kind: str, one: Judged) -> Iterator[str]:
    count = sum(sum(reasons.values()) for reasons in one.abstained.values())
    total = (
        one.real
        + one.fake
        + sum(
            number
            for reasons in one.abstained.values()
            for reason, number in reasons.items()
            if reason != "uncertain"
        )
    )
    if count:
        yield (
            f"{one.subject} did not decide {count} of {total} {PLURAL[kind]} (uncertain, unknown or not "
            "applicable; the table says why)."
        )
    if one.faults:
        reasons = ", ".join(f"{number} {reason}" for reason, number in one.faults.items())
        yield f"{one.subject} failed on {sum(one.faults.values())} {PLURAL[kind]}: {reasons}."


def _worst(one: Judged) -> Iterator[str]:
    known = [group for group in one.sources if _claimable(group)]
    if len(known) > 1:
        worst = min(known, key=lambda group: group.auc.value or 0.0)
        best = max(known, key=lambda group: group.auc.value or 0.0)
        if (best.auc.value or 0.0) - (worst.auc.value or 0.0) >= _MOVED:
            yield (
                f"Between sources {one.subject} goes from AUC {worst.auc.value:.2f} ({worst.name}) to "
                f"{best.auc.value:.2f} ({best.name}); sources with fewer than {FEWEST} media of a class are "
                "left out here."
            )
    known = [group for group in one.sources if group.real >= FEWEST]
    alarming = [group for group in known if 2 * group.flagged_real > group.real]
    if alarming:
        names = ", ".join(f"{group.name} ({group.flagged_real} of {group.real})" for group in alarming)
        yield f"It flags more than half of the real media of: {names}."


def _claimable(group: Group) -> bool:
    return group.auc.value is not None and min(group.real, group.fake) >= FEWEST


def _robust(one: Judged, rungs: Sequence[Rung]) -> Iterator[str]:
    mine = [rung for rung in rungs if rung.subject == one.subject and rung.auc.value is not None]
    base = next((rung for rung in mine if rung.level is None), None)
    changed = [rung for rung in mine if rung.level is not None]
    if base is None or not changed:
        return
    worst = min(changed, key=lambda rung: rung.auc.value or 0.0)
    if (base.auc.value or 0.0) - (worst.auc.value or 0.0) < _MOVED:
        yield f"None of the tried changes takes more than {_MOVED} from the AUC of {one.subject}."
        return
    yield (
        f"The harshest of the tried changes for {one.subject} is {worst.what} {worst.level:g}: its AUC goes "
        f"from {base.auc.value:.2f} to {worst.auc.value:.2f}."
    )


def _compared(kind: str, comparisons: Sequence[Comparison]) -> Iterator[str]:
    alike = []
    for pair in comparisons:
        found = pair.difference
        if pair.figure != AUC or found.value is None or found.low is None or found.high is None:
            continue
        if found.low <= 0 <= found.high:
            alike.append(f"{pair.first} and {pair.second}")
            continue
        better, worse = (pair.first, pair.second) if found.low > 0 else (pair.second, pair.first)
        interval = f"{found.value:+.3f} (95 % interval {found.low:+.3f} to {found.high:+.3f})"
        yield (
            f"On the same {pair.real} real and {pair.fake} fake {PLURAL[kind]}, {better} is better than "
            f"{worse}: AUC of {pair.first} less that of {pair.second} {interval}."
        )
    if alike:
        yield (
            "By their AUC on the same media these cannot be told apart (the table says how far chance "
            f"reaches): {'; '.join(alike)}."
        )


def _leaks(probes: Sequence[Probe]) -> Iterator[str]:
    for delivery in dict.fromkeys(probe.delivery for probe in probes):
        near = [probe for probe in probes if probe.delivery == delivery and probe.near]
        for probe in near[:_PROBES_NAMED]:
            all_of_them = probe.feature == TOGETHER
            what = (
                "All trivial features together reach" if all_of_them else f"'{probe.feature}' alone reaches"
            )
            yield (
                f"{what} AUC {probe.auc.value:.2f} on these files ({delivery}), where "
                f"{' and '.join(probe.near)} hardly {'does' if len(probe.near) == 1 else 'do'} better. The "
                "files' history tells the classes apart, so that a good figure need not mean that anything "
                "was recognised."
            )


def _sizes(kind: str, one: Judged) -> Iterator[str]:
    for count, word in ((one.real, "real"), (one.fake, "fake")):
        if count < FEWEST:
            media = SINGULAR[kind] if count == 1 else PLURAL[kind]
            yield f"With {count} {word} {media} nothing can be claimed; at least {FEWEST} are needed."
    if one.real:
        bound = clopper_pearson(0, one.real)[1]
        yield (
            f"{one.real} real {PLURAL[kind]} can show a rate of false alarms below {100 * bound:.1f} % at "
            "best, even if not one were flagged."
        )
