"""What a run shows in the terminal: each mention's end as it comes, and the balance when nothing is left."""

from __future__ import annotations

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from analysis.model import Band
from bot.cli.bands import LOOKS
from bot.redact import printable
from state.model import MentionRow, MentionState, ReplyRow, ReplyState
from state.store import Store

_WIDTH = 100
_MOST_LISTED = 200
_SIGNS = {
    MentionState.ANSWERED: ("●", "green"),
    MentionState.FAILED: ("✘", "yellow"),
    MentionState.IGNORED: ("–", "dim"),
}


class Teller:
    """A spectator (`bot.process.Spectator`) that tells people. Called from several threads."""

    def __init__(self, out: Console, err: Console, *, simulated: bool) -> None:
        """Replies go to `out`, everything about the run itself to `err`."""
        self._out = out
        self._err = err
        self._simulated = simulated
        self._told = 0

    def loading(self, step: str) -> None:
        """A step of the engine's start-up begins."""
        self._err.print(Text(f"engine: {step}", "dim"))

    def closed(self, mention: MentionRow, reply: ReplyRow | None) -> None:
        """Show what was asked and what was answered."""
        self._told += 1
        if reply is None:
            self._out.print(Text.assemble(*_sign(mention), _asked(mention), " ", (_end(mention), "dim")))
            return
        said = "simulated reply" if self._simulated else "reply"
        self._out.print(
            Panel(
                Text(printable(reply.text, keep="\n")),
                title=Text.assemble(*_sign(mention), _asked(mention)),
                title_align="left",
                subtitle=Text(f"{said} · {_end(mention)}", "dim"),
                subtitle_align="right",
                border_style=LOOKS[Band(reply.band)].colour if reply.band else "dim",
                width=min(self._out.width, _WIDTH),
            )
        )

    def idle(self, store: Store, new: int) -> None:
        """Show what became of all mentions."""
        counts = store.mentions.counts()
        if new == 0 and self._told == 0:
            total = sum(counts.values())
            self._out.print(
                f"Nothing is new: all {total} mentions were dealt with before; nothing was posted."
            )
            return
        self._out.print(_balance(store))
        self._out.print(
            f"{sum(counts.values())} mentions: {counts[MentionState.ANSWERED]} answered, "
            f"{counts[MentionState.FAILED]} told why not, {counts[MentionState.IGNORED]} ignored."
        )


def _balance(store: Store) -> Table:
    table = Table("mention", "by", "end", "replies", box=None, header_style="dim", pad_edge=False)
    for mention in reversed(list(store.mentions.in_state(*MentionState, limit=_MOST_LISTED))):
        sent = [reply.kind for reply in store.outbox.of_mention(mention.id) if reply.state is ReplyState.SENT]
        table.add_row(
            Text.assemble(*_sign(mention), printable(mention.post.platform_id)),
            Text(f"@{printable(mention.asker_handle)}"),
            Text(_end(mention)),
            Text(", ".join(sent) or "none", "" if sent else "dim"),
        )
    return table


def _sign(mention: MentionRow) -> tuple[tuple[str, str], str]:
    sign, colour = _SIGNS.get(mention.state, ("…", "dim"))
    return (sign, colour), " "


def _asked(mention: MentionRow) -> str:
    return printable(f"@{mention.asker_handle}: {' '.join(mention.post.text.split())}")[:_WIDTH]


def _end(mention: MentionRow) -> str:
    if mention.state is MentionState.ANSWERED:
        return f"answered: {mention.band}"
    return f"{mention.state}: {mention.reason}" if mention.reason else mention.state
