"""The edge of the process: every way to end becomes an exit status and at most one line on standard error.

0 done · 1 failed · 2 usage, configuration or unusable input · 130 interrupted
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from typer.exceptions import Abort, TyperException

from analysis.errors import ConfigurationError, MediumRefused
from bot.errors import AlreadyRunning, ConfigError, ResolveError
from bot.log import KNOWN_ERRORS
from bot.redact import mask_secrets, printable
from detectors.errors import GenerationError, UnknownDetector

DEBUG = "--debug"
_UNUSABLE = (
    ConfigError,
    AlreadyRunning,
    ResolveError,
    ConfigurationError,
    MediumRefused,
    UnknownDetector,
    GenerationError,
)
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit status."""
    rest, debug = split_debug(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _finish(_invoke(rest, debug=debug))
    except BrokenPipeError:
        return _reader_gone()
    except (KeyboardInterrupt, Abort):
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the edge of the process
        if debug:
            traceback.print_exc()
        message, status = describe(error)
        _say(message if debug or status != 1 or is_known(error) else f"{message}; {DEBUG} shows where")
        return status


def split_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """Take `--debug` out, wherever it stands before a `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [argument for argument in arguments[:end] if argument != DEBUG]
    return [*options, *arguments[end:]], len(options) < end


def is_known(error: BaseException) -> bool:
    """Whether the error's own words name the cause and the mend."""
    return isinstance(error, (*KNOWN_ERRORS, TyperException))


def describe(error: Exception) -> tuple[str, int]:
    """What is said of an error in one line, and the exit status."""
    if isinstance(error, TyperException):
        return f"{error.format_message().rstrip('.')}; `veritag --help` shows how", error.exit_code
    if isinstance(error, KNOWN_ERRORS):
        return str(error), 2 if isinstance(error, _UNUSABLE) else 1
    if isinstance(error, OSError) and error.strerror:
        where = f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, str | bytes) else ""
        return f"the system says: {error.strerror.lower()}{where}", 1
    return f"internal error ({type(error).__name__}: {error})", 1


def _invoke(arguments: list[str], *, debug: bool) -> int:
    from bot.cli.app import app

    returned = app(arguments, prog_name="veritag", standalone_mode=False, obj=debug)
    return returned if isinstance(returned, int) else 0


def _finish(status: int) -> int:
    sys.stdout.flush()
    return status


def _reader_gone() -> int:
    """Whoever read the output has left; so do we, without a word from the interpreter's last flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _say(message: str) -> None:
    print(f"veritag: {printable(mask_secrets(' '.join(message.split())))}", file=sys.stderr)  # noqa: T201
