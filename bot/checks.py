"""The checks behind `bot.health`: is the bot doing its work now, and if not, what is wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.health import Check
from bot.holds import Holds
from bot.keeping import Swept
from bot.loops import Loop
from bot.platforms.gate import Budgets
from state.errors import StateError
from state.model import Step
from state.pauses import HoldRow
from state.store import Store

LONGEST_WAIT = timedelta(minutes=30)
PACED = (Step.SEND, Step.RETRACT)
"""The steps that keep a platform's least time between two replies."""
ONE_REPLY = timedelta(minutes=1)
"""What sending one may take, over and above that."""


def check_loop(loop: Loop) -> Check:
    """A loop is well while it makes its passes and they do not keep failing."""
    beat, age = loop.heartbeat, loop.age()
    if loop.stalled:
        return Check(loop.name, False, f"no pass for {age:.0f} s; one is due every {loop.interval:g} s", age)
    if beat.failures_in_a_row:
        return Check(loop.name, False, f"{beat.failures_in_a_row} failures in a row: {beat.failure}", age)
    return Check(loop.name, True, "1 pass" if beat.passes == 1 else f"{beat.passes} passes", age)


def check_store(store: Store) -> Check:
    """The store is well while it can be written."""
    try:
        store.check_writable()
    except (sqlite3.Error, StateError) as problem:
        return Check("store", False, f"{store.path.name} cannot be written: {problem}")
    return Check("store", True, "writable")


def check_queue(store: Store, step: Step, paces: Mapping[str, float], holds: Holds) -> Check:
    """A queue is well while its next step is not left waiting; a limit or the bot's pace can only degrade it.

    Args:
        paces: each platform's least number of seconds between two replies.
    """
    waiting, because = store.queue.waiting(step), ""
    if waiting > LONGEST_WAIT:
        slow = [platform for platform in paces if holds.asked_to_wait(step, platform, LONGEST_WAIT)]
        own = {platform: pace for platform, pace in paces.items() if pace and platform not in slow}
        paced = [platform for platform, pace in own.items() if _at_pace(step, platform, pace, holds)]
        of_others = store.queue.waiting(step, without=[*slow, *paced])
        if of_others > LONGEST_WAIT:
            waiting = of_others
        else:
            reasons = [f"{' and '.join(slow)} asked to wait"] if slow else []
            reasons += [f"{platform} gets one reply in {paces[platform]:g} s" for platform in paced]
            because = f": {', '.join(reasons)}, and more is queued than that lets through"
    seconds = waiting.total_seconds()
    ok = waiting <= LONGEST_WAIT or because != ""
    detail = f"the next step has waited {seconds:.0f} s{because}"
    return Check(f"queue:{step}", ok, detail, seconds, degraded=because != "")


def _at_pace(step: Step, platform: str, pace: float, holds: Holds) -> bool:
    """Whether replies leave one after another, as fast as they may."""
    return step in PACED and holds.passed_lately(step, platform, ONE_REPLY + timedelta(seconds=pace))


def check_credentials(platform: str, holds: Sequence[HoldRow]) -> Check:
    """The credentials are well unless the platform refused them, and has let nothing through since."""
    name = f"credentials:{platform}"
    for hold in holds:
        if hold.platform == platform and hold.reason == "credentials_refused":
            since = f"{hold.since:%Y-%m-%d %H:%M} UTC"
            mend = f"run `veritag authorize {platform}`"
            return Check(name, False, f"refused since {since}, jobs of {hold.step} wait; {mend}")
    return Check(name, True, "not refused")


def check_money(budgets: Budgets) -> Check:
    """The money is well until the day's cap stops requests; the detail warns before that."""
    name, spent = f"money:{budgets.platform}", f"{budgets.spent_today:.2f}"
    if budgets.daily_cap is None:
        return Check(name, True, f"{spent} US dollars today, no cap")
    said = f"{spent} of {budgets.daily_cap:.2f} US dollars today"
    if budgets.capped:
        return Check(name, False, f"{said}: requests wait for tomorrow; raise {budgets.platform}.daily_cap")
    return Check(name, True, f"{said}, near the cap" if budgets.near_cap else said)


def check_posting(paused: str | None) -> Check:
    """Nothing is wrong with a pause that somebody asked for; it is shown."""
    return Check("posting", True, paused or "replies may leave")


def check_media(swept: Swept | None, quota: int) -> Check:
    """The media are well while they take no more than they may."""
    if swept is None:
        return Check("quota", True, "not looked at yet")
    used = f"{swept.size / 1e6:.1f} of {quota / 1e6:.1f} MB in {swept.files} files when last swept"
    ok = swept.size <= quota
    return Check("quota", ok, used if ok else f"{used}, and all of them are needed or new: raise media.quota")


def check_engine(problem: str | None) -> Check:
    """The engine is well while it has its detectors."""
    return Check("engine", problem is None, problem or "ready")
