"""Forms with a file: sized up before they are read, and written straight into a folder of their own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from python_multipart import create_form_parser
from python_multipart.exceptions import FormParserError

from bot.accounts import Role
from bot.web.console.guard import Guard
from bot.web.console.pages import size

if TYPE_CHECKING:
    from python_multipart.multipart import Field, File

_BESIDE_THE_FILE = 64 * 1024
"""Bytes that the rest of a form may have."""


@dataclass
class Received:
    """A form that was read: its texts by name, and its file, which goes unless it is moved away."""

    texts: dict[str, str] = field(default_factory=dict)
    file: Path | None = None
    name: str = ""


def receiving(
    guard: Guard, role: Role, folder: Callable[[], AbstractContextManager[Path]], limit: int
) -> type[APIRoute]:
    """A route whose `request.state.received` is the form; only those of a role may send one.

    Args:
        guard: asked before a byte of the body is read.
        role: what an operator must at least be.
        folder: gives an empty folder that goes when the request is answered.
        limit: the most bytes of a file.
    """

    class Receiving(APIRoute):
        """Reads the form for the route, and its proof for the guard."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def receive(request: Request) -> Response:
                operator = guard.who(request) if guard.answers_for(request) else None
                if operator is None:
                    return await handle(request)  # which the guard refuses, unread
                if not operator.may(role):
                    raise HTTPException(403, f"this needs the role {role}; yours is {operator.role}")
                _size_up(request, limit)
                with folder() as place:
                    received = await _read(request, place, limit)
                    if received.file is not None and received.file.stat().st_size > limit:
                        raise _too_large(limit)
                    proof = received.texts.get("csrf", "").encode("latin-1", "replace")
                    request.state.received = received
                    headers = [*request.scope["headers"], (b"x-csrf-token", proof)]
                    return await handle(Request({**request.scope, "headers": headers}, request.receive))

            return receive

    return Receiving


def _size_up(request: Request, limit: int) -> None:
    length = request.headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()):
        raise HTTPException(411, "say how long the form is")
    if len(length) > 15 or int(length) > limit + _BESIDE_THE_FILE:
        raise _too_large(limit)


def _too_large(limit: int) -> HTTPException:
    return HTTPException(
        413, f"the file is larger than {size(limit)}; send a smaller one, or raise analysis.max_bytes"
    )


async def _read(request: Request, place: Path, limit: int) -> Received:
    received, came = Received(), 0

    def on_field(found: Field) -> None:
        received.texts[_text(found.field_name)] = _text(found.value)

    def on_file(found: File) -> None:
        if found.in_memory:
            found.flush_to_disk()
        found.file_object.close()
        if found.size or found.file_name:
            received.file, received.name = Path(_text(found.actual_file_name)), _text(found.file_name)

    headers = {"Content-Type": request.headers.get("content-type", "").encode("latin-1", "replace")}
    try:
        parser = create_form_parser(
            headers,
            on_field,
            on_file,
            config={"UPLOAD_DIR": str(place), "UPLOAD_DELETE_TMP": False},
        )
        async for piece in request.stream():
            came += len(piece)
            if came > limit + _BESIDE_THE_FILE:  # whatever it said before
                raise _too_large(limit)
            parser.write(piece)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise HTTPException(400, "this is no form that can be read; send it from the page") from error
    return received


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
