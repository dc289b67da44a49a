"""Logs: one handler, two formats, no secrets, one line for known errors."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest
import structlog
from pydantic import SecretStr

from bot.errors import PlatformUnavailable
from bot.log import configure
from bot.redact import is_secret_name, mask_secrets, printable

SECRET = "hunter2-hunter2"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, structlog.get_config())
    yield io.StringIO()
    root.handlers[:], root.level = before[0], before[1]
    structlog.configure(**before[2])
    logging.captureWarnings(capture=False)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_is_one_object_a_line_for_structlog_and_the_standard_library(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    structlog.get_logger("bot.watcher").info("mention stored", mention="m1", count=3)
    logging.getLogger("uvicorn.error").warning(
        "port %d taken", 80, extra={"host": "here", "color_message": "port"}
    )
    logging.getLogger("bot").debug("not written")
    structlog.get_logger().debug("not written")
    first, second = lines(stream)
    assert (first["event"], first["mention"], first["count"]) == ("mention stored", "m1", 3)
    assert (first["level"], first["logger"]) == ("info", "bot.watcher")
    assert (second["event"], second["level"], second["host"]) == ("port 80 taken", "warning", "here")
    assert "color_message" not in second
    assert str(first["timestamp"]).endswith("Z")


def test_text_is_readable_and_on_one_line(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    structlog.get_logger("bot").info(
        "mention stored", text="two\nlines \x1b[31mred", url="https://a.example/b"
    )
    (line,) = stream.getvalue().splitlines()
    assert "mention stored" in line
    assert "\x1b" not in line
    assert "https://a.example/b" in line


def test_configuring_twice_writes_once_and_moves_the_level_of_loggers_in_use(stream: io.StringIO) -> None:
    logger = structlog.get_logger("bot")
    configure("error", "json", stream)
    logger.info("silent")
    configure("info", "json", stream)
    logger.info("once")
    assert [line["event"] for line in lines(stream)] == ["once"]


@pytest.mark.parametrize("format_", ["text", "json"])
def test_secrets_are_masked_wherever_they_stand(stream: io.StringIO, format_: str) -> None:
    configure("debug", format_, stream)
    log = structlog.get_logger("bot")
    log.info("plain", token=SECRET, api_key=SECRET, accessToken=SECRET, Authorization=f"Bearer {SECRET}")
    log.info("nested", headers={"Cookie": SECRET, "deep": [{"password": SECRET}]}, secret=SecretStr(SECRET))
    log.info("a URL", url=f"https://user:{SECRET}@a.example/b?key={SECRET}#{SECRET}")
    log.info(f"in words: Authorization: Bearer {SECRET} and token={SECRET}")
    logging.getLogger("httpx").warning("GET %s", f"https://a.example/?sig={SECRET}")
    try:
        raise ValueError(f"https://a.example/?sig={SECRET}")
    except ValueError:
        log.exception("failed")
    assert "hunter2" not in stream.getvalue()
    assert "a.example/b" in stream.getvalue()


def test_ordinary_names_are_not_masked(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    structlog.get_logger().info("x", key="k-1", keyboard="qwerty", tokenizer="bpe", cursor="c")
    (line,) = lines(stream)
    assert (line["key"], line["keyboard"], line["tokenizer"], line["cursor"]) == ("k-1", "qwerty", "bpe", "c")


def fail(log_it: object) -> None:
    log = structlog.get_logger("bot")
    try:
        raise PlatformUnavailable("no answer; trying again later")
    except PlatformUnavailable:
        log.warning("page not read", exc_info=True)
    try:
        raise PlatformUnavailable("no answer; trying again later")
    except PlatformUnavailable:
        logging.getLogger("bot").exception("page not read")


@pytest.mark.parametrize("format_", ["text", "json"])
def test_known_errors_get_one_line_and_a_traceback_only_at_debug(stream: io.StringIO, format_: str) -> None:
    configure("info", format_, stream)
    fail(stream)
    assert len(stream.getvalue().splitlines()) == 2
    assert "Traceback" not in stream.getvalue()
    assert stream.getvalue().count("PlatformUnavailable: no answer") == 2
    configure("debug", format_, stream)
    fail(stream)
    assert stream.getvalue().count("Traceback") == 2


def test_unknown_errors_keep_their_traceback(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    try:
        raise ZeroDivisionError("oops")
    except ZeroDivisionError:
        structlog.get_logger().exception("failed")
    (line,) = lines(stream)
    assert "Traceback" in str(line["exception"])
    assert "oops" in str(line["exception"])


def test_warnings_and_odd_values_are_logged(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    warnings.warn("old name", DeprecationWarning, stacklevel=1)
    loop: dict[str, object] = {}
    loop["self"] = loop
    structlog.get_logger().info("odd", value=object(), loop=loop, blob=b"\xff", lone="\udc80")
    assert len(lines(stream)) == 2


def test_standard_error_is_looked_up_at_each_event(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("info", "json")
    structlog.get_logger().info("here")
    captured = capsys.readouterr()
    assert json.loads(captured.err)["event"] == "here"
    assert captured.out == ""


@pytest.mark.parametrize(
    "name", ["token", "X-Api-Key", "accessToken", "AUTHORIZATION", "db_password2", "apikey"]
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://a.example/b", "https://a.example/b"),
        ("see https://a.example/b?c=d#e now", "see https://a.example/b?… now"),
        ("https://u:p@a.example/", "https://********@a.example/"),
        ('{"password": "a b"}', '{"password": ********}'),
        ("bearer of bad news", "bearer of bad news"),
        ("Bearer abcdefgh12345678", "Bearer ********"),
    ],
)
def test_mask_secrets(text: str, shown: str) -> None:
    assert mask_secrets(text) == shown


def test_printable_escapes_what_terminals_obey() -> None:
    assert printable("a\x1b[2J\r\u202e\udc80é") == "a\\x1b[2J\\r\\u202e\\udc80é"
    assert printable("a\nb", keep="\n") == "a\nb"
