"""Media that are files on this machine already: under one folder (an inbox's media), or the CLI user's own.

A file is copied, never linked: what is in the store cannot be changed from outside afterwards.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.urls import scheme

_STEP_BYTES = 1024 * 1024


def local_path(url: str) -> Path | None:
    """The path that a file: URL or a bare path names; None for every other URL.

    Raises:
        ResolveError: UNSUPPORTED for a file: URL of another machine, or a path that no system can have.
    """
    kind = scheme(url)
    if kind == "file":
        try:
            parts = urlsplit(url)
        except ValueError:
            raise ResolveError(ResolveFailure.UNSUPPORTED, "the file: link cannot be read") from None
        if parts.netloc not in {"", "localhost"}:
            raise ResolveError(
                ResolveFailure.UNSUPPORTED, "the file: link names another machine; copy the file here"
            )
        text = unquote(parts.path)
    elif kind is None or not url[len(kind) + 1 :].startswith("//"):
        text = url
    else:
        return None
    if not text or "\0" in text:
        raise ResolveError(ResolveFailure.UNSUPPORTED, "the link names no file")
    return Path(text)


def copy_file(path: Path, into: Path, *, root: Path | None, max_bytes: int) -> None:
    """Copy a regular file into the new file ``into``.

    With a ``root`` only files in that folder are taken (relative paths start there), and no part of the way
    from it may be a symbolic link: each step is opened from the one before, so that nothing can be
    exchanged between a check and its use. Without one, whatever the user of this process may read is taken.

    Raises:
        ResolveError: GONE, BLOCKED_ADDRESS (outside the root), PRIVATE (may not be read), NO_MEDIA (a folder
            or device), TOO_LARGE.
    """
    name = path.name[:80] or str(path)[:80]
    try:
        descriptor = _open(path) if root is None else _open_beneath(root, _parts_beneath(path, root))
    except FileNotFoundError:
        raise ResolveError(ResolveFailure.GONE, f"there is no file {name!r}") from None
    except PermissionError:
        raise ResolveError(ResolveFailure.PRIVATE, f"{name!r} may not be read; mend its mode") from None
    except OSError as error:
        if root is not None and error.errno in {errno.ELOOP, errno.ENOTDIR}:  # how links on the way show
            raise _outside(name) from None
        raise ResolveError(ResolveFailure.NO_MEDIA, f"{name!r} cannot be opened: {error.strerror}") from None
    try:
        _copy(descriptor, into, name, max_bytes)
    finally:
        os.close(descriptor)


def _copy(descriptor: int, into: Path, name: str, max_bytes: int) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise ResolveError(ResolveFailure.NO_MEDIA, f"{name!r} is a folder or device, not a media file")
    size = 0
    target = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(target, "wb") as copy:
        while step := os.read(descriptor, _STEP_BYTES):
            size += len(step)
            if size > max_bytes:
                detail = f"{name!r} is larger than the {max_bytes} bytes taken at most"
                raise ResolveError(ResolveFailure.TOO_LARGE, detail)
            copy.write(step)


def _parts_beneath(path: Path, root: Path) -> tuple[str, ...]:
    """The steps from the root, however that is spelled, to a file; the file's own links are not followed."""
    spellings = (root, root.absolute(), root.resolve()) if path.is_absolute() else (Path(),)
    for spelling in spellings:
        if path.is_relative_to(spelling):
            parts = path.relative_to(spelling).parts
            if parts and ".." not in parts:
                return parts
    raise _outside(path.name[:80])


def _open(path: Path) -> int:
    # O_NONBLOCK: opening a pipe must not wait for its other end.
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def _open_beneath(root: Path, parts: tuple[str, ...]) -> int:
    """Open root/parts step by step; `OSError` (ELOOP) where one of them is a symbolic link."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            inner = os.open(part, flags, dir_fd=folder)
            os.close(folder)
            folder = inner
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(parts[-1], flags, dir_fd=folder)
    finally:
        os.close(folder)


def _outside(name: str) -> ResolveError:
    detail = f"{name!r} is not a plain file inside the allowed folder; links and ways out of it are refused"
    return ResolveError(ResolveFailure.BLOCKED_ADDRESS, detail)
