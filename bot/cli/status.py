"""`veritag status`: what the bot has done, what it has still to do, and what failed and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.cli.options import ConfigOption, JsonOption, configuration, console, print_json
from bot.errors import ConfigError
from bot.redact import printable

if TYPE_CHECKING:
    from state.model import MentionRow
    from state.store import Store


def status(
    context: typer.Context,
    as_json: JsonOption = False,
    test_mode: Annotated[bool, typer.Option("--test-mode", help="Show what test mode did.")] = False,
    failed: Annotated[
        int,
        typer.Option("--failed", min=0, max=10_000, metavar="N", help="How many failed mentions to list."),
    ] = 20,
    config_file: ConfigOption = None,
) -> None:
    """Show what was done, what is still to do, and what failed and why."""
    from bot.assembly import open_store
    from bot.parts import quiet_hours
    from bot.pausing import Pausing

    settings = configuration(context, config_file, {"test_mode": (test_mode or None, "--test-mode")}).settings
    if not (settings.data_dir / "state.sqlite3").is_file():
        raise ConfigError(f"data_dir: nothing has run in {settings.data_dir} yet; `veritag run` makes it")
    store = open_store(settings)
    try:
        report = _report(store, failed, Pausing(store, quiet_hours(settings)).reason())
    finally:
        store.close()
    if as_json:
        print_json(report)
    else:
        _show(report, console())


def _report(store: Store, failed: int, paused: str | None) -> dict[str, Any]:
    from bot.site_changes import recent_changes
    from state.model import MentionState, Step

    return {
        "mode": store.mode.value,
        "posting": paused or "on",
        "mentions": {state.value: count for state, count in store.mentions.counts().items()},
        "open_jobs": {step.value: store.queue.count(step) for step in Step if step is not Step.NOTICE},
        "reasons": {
            state.value: store.mentions.reasons(state)
            for state in (MentionState.IGNORED, MentionState.FAILED)
        },
        "site_changes": recent_changes(store),
        "failed": [_failure(m) for m in store.mentions.in_state(MentionState.FAILED, limit=failed)],
    }


def _failure(mention: MentionRow) -> dict[str, Any]:
    return {
        "platform": mention.platform,
        "mention": mention.post.platform_id,
        "asker": mention.asker_handle,
        "at": mention.created_at.isoformat(),
        "reason": mention.reason,
        "detail": mention.detail,
    }


def _show(report: dict[str, Any], out: Console) -> None:
    out.print(f"mode: {report['mode']}")
    out.print(Text(printable(f"posting: {report['posting']}")), soft_wrap=True)
    for title in ("mentions", "open_jobs"):
        counts = ", ".join(f"{count} {name}" for name, count in report[title].items() if count)
        out.print(f"{title.replace('_', ' ')}: {counts or 'none'}")
    for state, reasons in report["reasons"].items():
        if reasons:
            told = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
            out.print(Text(printable(f"{state} for: {told}")), soft_wrap=True)
    for each in report["site_changes"]:
        times = "once" if each["times"] == 1 else f"{each['times']} times"
        line = f"site changed: {each['site']}/{each['route']}, {times} in a week, last {each['at'][:16]}"
        out.print(Text(printable(f"{line}: {each['detail']}")), soft_wrap=True)
    if not report["failed"]:
        return
    table = Table("failed mention", "by", "reason", "detail", box=None, header_style="dim", pad_edge=False)
    for each in report["failed"]:
        cells = (each["mention"], f"@{each['asker']}", each["reason"] or "", each["detail"] or "")
        table.add_row(*(Text(printable(cell)) for cell in cells))
    out.print(table)
