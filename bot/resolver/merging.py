"""Pictures and sound that came as two files become one, without being encoded again.

The files are strangers', so what opens them is a child process without network, rights or names: it gets
three open files, and the kernel's limits on memory, time and size.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import bot
from bot.errors import BotError
from bot.resolver.sniff import HEAD_BYTES, sniff

# The demuxer is named, not guessed: guessing would also try formats that name other files.
_DEMUXERS = {
    "video/mp4": "mp4",
    "video/quicktime": "mp4",
    "video/3gpp": "mp4",
    "audio/mp4": "mp4",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/mp2t": "mpegts",
    "audio/mpeg": "mp3",
    "audio/aac": "aac",
    "audio/ogg": "ogg",
    "video/ogg": "ogg",
    "audio/wav": "wav",
    "audio/flac": "flac",
}


class MergeFailed(BotError):
    """The two files do not become one."""


def merge(pictures: Path, sound: Path, into: Path, *, max_bytes: int, seconds: float = 60.0) -> None:
    """Write the video track of one file and the sound of another into the new file ``into``.

    It becomes an MP4 where both codecs may stand in one, else a Matroska file.

    Raises:
        MergeFailed: they cannot be read or joined in ``seconds`` and ``max_bytes``; ``into`` is gone again.
        OSError: a file cannot be opened or made.
    """
    with contextlib.ExitStack() as stack:
        inputs = [stack.enter_context(path.open("rb")) for path in (pictures, sound)]
        demuxers = [_DEMUXERS.get(sniff(file.read(HEAD_BYTES)) or "") for file in inputs]
        if None in demuxers:
            raise MergeFailed("pictures and sound came in containers that are not joined")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        output = os.open(into, flags, 0o600)
        stack.callback(os.close, output)
        descriptors = [*(file.fileno() for file in inputs), output]
        arguments = [*map(str, descriptors), *map(str, demuxers), str(max_bytes), str(int(seconds))]
        try:
            _run([*arguments, str(os.getpid())], descriptors, seconds)
        except MergeFailed:
            into.unlink(missing_ok=True)
            raise


def _run(arguments: list[str], descriptors: list[int], seconds: float) -> None:
    command = [sys.executable, "-P", "-m", "bot.resolver.merging_child", *arguments]
    environment = {
        "PYTHONPATH": str(Path(bot.__file__).parents[1]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
        "PATH": "",
    }
    try:
        done = subprocess.run(
            command,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=descriptors,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MergeFailed(f"joining pictures and sound took over {seconds:.0f} s") from None
    if done.returncode != 0:
        raise MergeFailed(f"pictures and sound cannot be joined (exit status {done.returncode})")
