"""The web server: uvicorn in a thread of the service, with a clean stop."""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp

from bot.errors import BotError, ConfigError

_START_SECONDS = 10.0
_STOP_SECONDS = 1.0


class WebServer:
    """Serves an application from `start` to `stop`. ``port`` is the real one once it has started.

    More than ``connections`` at a time are refused with HTTP 503.
    """

    def __init__(
        self, app: ASGIApp, host: str = "127.0.0.1", port: int = 8080, *, connections: int | None = 64
    ) -> None:
        self.host = host.strip("[]")
        self.port = port
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,  # its loggers go where all others go
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            limit_concurrency=connections,
            timeout_keep_alive=5,
        )
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> WebServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        """Whether it is serving."""
        return self._thread is not None and self._thread.is_alive() and self._server.started

    def start(self) -> None:
        """Take the port and serve; returns when requests are answered.

        Raises:
            ConfigError: the address or port cannot be had.
            BotError: it did not come up.
        """
        listener = _listen(self.host, self.port)
        self.port = listener.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="web", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise BotError("the web server did not start; its reason is in the log above")
            time.sleep(0.01)

    def stop(self) -> None:
        """Finish what is being answered, for a second at most, and let the port go. Safe to call twice."""
        if self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(_STOP_SECONDS)
        self._server.force_exit = True
        self._thread.join(_STOP_SECONDS)
        self._thread = None


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ConfigError(
            f"web.host = {host!r} is no address here ({_words(error)}); use 127.0.0.1"
        ) from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        fault = f"web.port = {port} on {host} cannot be had ({_words(error)})"
        mend = "choose another web.port (VERITAG_WEB__PORT; 0 takes a free one), or end what holds it"
        raise ConfigError(f"{fault}; {mend}") from None
    return listener


def _words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
