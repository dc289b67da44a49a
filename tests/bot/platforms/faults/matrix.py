"""Every fault at every call on every platform, through the whole flow: what comes of the mention.

`python -m tests.bot.platforms.faults` writes the page `docs/faults.md`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.errors import ConfigError, PlatformError
from bot.platforms.base import Platform
from bot.standins.faults import Fault, FaultKind
from state.model import MentionRow, ReplyState
from tests.bot.platforms.faults.bot import PACE, Bot, bot_over
from tests.bot.platforms.faults.networks import Network, network

PLATFORMS = ("inbox", "x", "mastodon", "bluesky")
ONCE, LASTING = "once", "lasting"
HOUR = 3600.0
TRIES = 9
READING = ("me", "mentions")
"""Calls without which no mention is seen: a lasting fault there ends after some hours."""

HANGING = {FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER}
"""Lasting ones are left out: they end as lasting resets do, and take very long over it."""

NO_SUCH_CALL = "no such call"


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault at one call on one platform."""

    platform: str
    call: str
    kind: FaultKind
    lasts: str


def kinds(lasts: str) -> list[FaultKind]:
    """The faults that are tried for so long."""
    return [kind for kind in FaultKind if lasts == ONCE or kind not in HANGING]


def outcomes(platform: str, call: str, lasts: str) -> Iterator[tuple[Cell, str]]:
    """What comes of a mention under each fault at this call, all on one network.

    Raises:
        AssertionError: a mention was answered twice, or it is lost.
    """
    with TemporaryDirectory() as name, network(platform, Path(name)) as where:
        for kind in kinds(lasts):
            cell = Cell(platform, call, kind, lasts)
            yield cell, _outcome(where, cell) if call in where.endpoints else NO_SUCH_CALL


def _outcome(where: Network, cell: Cell) -> str:
    fault = Fault(cell.kind, where.endpoints[cell.call], 1 if cell.lasts == ONCE else None)
    with _asked(where, fault if cell.call == "me" else None) as (bot, mention_id):
        if cell.call == "find_reply":
            where.faults.add(Fault(FaultKind.RESET_AFTER, where.endpoints["reply"]))
        if cell.call == "retract":
            bot.live(HOUR)
            where.faults.add(fault)
            said = _taken_back(bot, where, mention_id, cell.kind)
            _over(where, fault)
            return said
        if cell.call != "me":
            where.faults.add(fault)
        if cell.call in READING:
            bot.live(3 * HOUR)
            _over(where, fault)
        bot.live(72 * HOUR)
        _over(where, fault)
        if not bot.mentions():
            return _seen_late(bot, where, mention_id)
        return _judged(bot, where.standing(mention_id))


def _over(where: Network, fault: Fault) -> None:
    assert fault.times is None or fault not in where.faults.waiting(), f"{fault.endpoint} is never asked"
    where.faults.clear()


@contextmanager
def _asked(where: Network, at_start: Fault | None) -> Iterator[tuple[Bot, str]]:
    """A fresh bot that begins at now, and a mention after that."""
    with ExitStack() as stack:
        cursor = where.cursor_at_now()
        mention_id = where.ask()
        if at_start is not None:
            where.faults.add(at_start)
        stack.callback(where.faults.clear)
        platform = _connected(where)
        stack.callback(platform.close)
        folder = where.folder / f"bot{next(_numbers)}"
        bot = stack.enter_context(bot_over(folder, platform, where.clock))
        bot.store.cursors.set(platform.name, cursor)
        yield bot, mention_id


_numbers = count()


def _connected(where: Network) -> Platform:
    """The platform; where its start needs the network, it is started again as a supervisor would."""
    for pause in PACE[:TRIES]:
        try:
            return where.connect()
        except (PlatformError, ConfigError):
            where.clock.advance(pause)
    where.faults.clear()
    return where.connect()


def _judged(bot: Bot, standing: int) -> str:
    (mention,) = bot.mentions()
    assert mention.state.final, f"lost: it is {mention.state}"
    assert standing <= 1, f"answered {standing} times"
    if mention.state == "answered":
        assert standing == 1, "called answered, and no reply stands"
        return "answered"
    assert mention.reason, "it failed without a reason"
    return f"{mention.reason}, {_told(bot, mention, standing)}"


def _told(bot: Bot, mention: MentionRow, standing: int) -> str:
    if any(reply.state == ReplyState.SENT for reply in bot.store.outbox.of_mention(mention.id)):
        assert standing == 1, "called told, and no reply stands"
        return "told"
    return "the reply stands" if standing else "not told"


def _seen_late(bot: Bot, where: Network, mention_id: str) -> str:
    """Nothing was read while it lasted. It is over; where that is not enough, the process starts anew."""
    bot.live(72 * HOUR)
    when = "afterwards"
    if not bot.mentions():
        when = "after a restart"
        bot.platform = where.connect()
        bot.flow.platforms = {bot.platform.name: bot.platform}
        bot.live(72 * HOUR)
    return f"{_judged(bot, where.standing(mention_id))} {when}"


def _taken_back(bot: Bot, where: Network, mention_id: str, kind: FaultKind) -> str:
    """Take the reply back, as often as a step is tried."""
    (reply,) = bot.store.outbox.of_mention(bot.mentions()[0].id)
    assert reply.platform_id is not None
    said: Counter[str] = Counter()
    for pause in PACE:
        try:
            bot.platform.retract(reply.platform_id)
        except PlatformError as problem:
            said[type(problem).__name__] += 1
            if said.total() - said["RateLimited"] == TRIES:
                return next(name for name, _ in said.most_common() if name != "RateLimited")
            bot.clock.advance(pause)
        else:
            if kind is FaultKind.PARENT_GONE and where.standing(mention_id):
                return "believed gone"
            assert where.standing(mention_id) == 0, "called taken back, and it stands"
            return "taken back"
    # A step that is refused only for now never uses its tries up; what came between was the machine's haste.
    return "RateLimited"
