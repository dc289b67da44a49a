"""`veritag serve`: the analysis engine alone, over HTTP."""

from __future__ import annotations

import signal
import tempfile
import threading
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import ConfigOption, configuration, console

if TYPE_CHECKING:
    from bot.config import Settings
    from bot.resolver import Resolver


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 takes a free one.")] = None,
    config_file: ConfigOption = None,
) -> None:
    """Serve the engine over HTTP: `POST /predict`, `GET /healthcheck`, `/metrics`, `/openapi.json`."""
    options = {"serve.host": (host, "--host"), "serve.port": (port, "--port")}
    settings = configuration(context, config_file, options, service=True).settings
    with ExitStack() as stack:
        _serve(settings, stack)


def _serve(settings: Settings, stack: ExitStack) -> None:
    from bot.assembly import build_analyzer, build_resolver
    from bot.serve.app import create_app
    from bot.serve.desk import Desk
    from bot.web.server import WebServer

    chosen = settings.serve
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="veritag-serve-")))
    uploads = scratch / "uploads"
    uploads.mkdir()

    @cache
    def resolver() -> Resolver:
        return stack.enter_context(build_resolver(settings, scratch / "fetched"))

    engine = build_analyzer(settings)
    stack.callback(engine.close)
    found = resolver()  # now, on this thread: its settings may be wrong
    desk = Desk(
        engine,
        resolver,
        settings.analysis.detectors,
        workers=chosen.workers,
        queue=chosen.queue,
        keep_seconds=chosen.keep_jobs,
    )
    stack.callback(desk.close)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    app = create_app(engine, desk, chosen, uploads, found)
    server = stack.enter_context(WebServer(app, chosen.host, chosen.port, connections=None))
    out = console(stderr=True)
    out.print(f"serving on http://{server.host}:{server.port}")
    with out.status("loading the detectors") as status:
        engine.warm_up(lambda step: status.update(step))
    out.print("ready")
    ended.wait()
