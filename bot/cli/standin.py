"""`veritag stand-in`: a platform's server on this machine, for rehearsals."""

from __future__ import annotations

import signal
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, cast

import typer

from bot.cli.options import console
from bot.errors import ConfigError

if TYPE_CHECKING:
    from bot.standins.serving import StandIn

STANDINS = {
    "bluesky": "bot.standins.bluesky",
    "x": "bot.standins.x",
    "mastodon": "bot.standins.mastodon",
}
"""The stand-ins by name; each module has `create() -> StandIn`."""


def stand_in(
    platform: Annotated[str, typer.Argument(metavar="PLATFORM", help=f"One of {', '.join(STANDINS)}.")],
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on; 0 takes a free one.")] = 0,
) -> None:
    """Serve a platform's stand-in: it keeps posts and accounts in memory, and fails when it is told to."""
    from bot.web.server import WebServer

    if platform not in STANDINS:
        raise ConfigError(f"there is no stand-in for {platform!r}; known: {', '.join(STANDINS)}")
    created = cast("StandIn", import_module(STANDINS[platform]).create())
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with WebServer(created.app, host, port, connections=None) as server:
        console().print(created.welcome(f"http://{server.host}:{server.port}"), soft_wrap=True)
        ended.wait()
