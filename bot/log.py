"""Logs: structlog and the standard library through one handler to standard error, as text or JSON lines.

Every event passes `_clean`: values of secret names, credentials and URLs' queries are masked, and control
characters that strangers put into names are escaped.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from analysis.errors import AnalysisError
from bot.errors import BotError
from bot.redact import MASK, is_secret_name, mask_secrets, printable
from detectors.errors import DetectorError
from state.errors import StateError

KNOWN_ERRORS: tuple[type[Exception], ...] = (BotError, AnalysisError, DetectorError, StateError)
"""The rooms' error trees: their messages name the cause and the mend, so that one line says it all."""

# What these say below the given level is about themselves, not about the bot's work.
_NOISY = {
    "apscheduler": logging.WARNING,
    "httpcore": logging.INFO,
    "httpx": logging.WARNING,
    "matplotlib": logging.INFO,
    "PIL": logging.INFO,
    "asyncio": logging.INFO,
    # These show a request's headers, and with them its credentials.
    "tweepy": logging.WARNING,
    "oauthlib": logging.WARNING,
    "requests_oauthlib": logging.WARNING,
}
_DEEPEST = 6
_COLOURED = "color_message"  # uvicorn's second copy of its event, for its own formatter


def configure(level: str = "info", format: str = "text", stream: TextIO | None = None) -> None:  # noqa: A002
    """Set logging up, or set it up anew; never leaves two handlers behind.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``; at ``debug`` known errors have tracebacks too.
        format: ``text`` for people, ``json`` for one object a line.
        stream: where to; default standard error as it is at each event.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    shared = _shared(show_known=number <= logging.DEBUG)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # loggers at module level follow a later `configure`
    )
    handler = logging.StreamHandler(stream) if stream else _StandardError(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_render(format, handler),
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    for name, least in _NOISY.items():
        logging.getLogger(name).setLevel(max(least, number))
    logging.captureWarnings(capture=True)


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to `sys.stderr` as it is now, which progress bars and tests exchange."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def _shared(*, show_known: bool) -> list[Processor]:
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _take_exception,
    ]
    if not show_known:
        chain.append(_one_line_for_known)
    return [*chain, structlog.processors.format_exc_info, _clean]


def _render(format: str, handler: logging.StreamHandler[TextIO]) -> list[Processor]:  # noqa: A002
    if format == "json":
        return [structlog.processors.JSONRenderer(default=repr)]
    colours = handler.stream.isatty() and not os.environ.get("NO_COLOR")
    return [structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=32)]


def _take_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """`exc_info=True` becomes the exception itself, while it is still the one being handled."""
    given = event.get("exc_info")
    if isinstance(given, tuple):
        event["exc_info"] = given[1]
    elif given and not isinstance(given, BaseException):
        event["exc_info"] = sys.exc_info()[1]
    return event


def _one_line_for_known(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    error = event.get("exc_info")
    if isinstance(error, KNOWN_ERRORS):
        del event["exc_info"]
        event["error"] = f"{type(error).__name__}: {error}"
    return event


def _clean(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event.pop(_COLOURED, None)
    for name, value in event.items():
        if not name.startswith("_"):  # structlog's own
            event[name] = _cleaned(name, value, 0)
    return event


def _cleaned(name: str, value: Any, depth: int) -> Any:
    if is_secret_name(name) and value is not None and not isinstance(value, bool):
        return MASK
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {str(key): _cleaned(str(key), inner, depth + 1) for key, inner in value.items()}
    if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [_cleaned("", inner, depth + 1) for inner in value]
    text = value if isinstance(value, str) else str(value)
    return printable(mask_secrets(text), keep="\n" if name == "exception" else "")
