"""The parent's side of decoding: hands files to the child, takes arrays back, replaces it when it dies."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import math
import mmap
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as validated

import analysis
from analysis.decoding.child import MESSAGE_BYTES
from analysis.errors import DecoderDied, EngineFailed, MediumRefused, Refusal
from analysis.limits import Limits
from analysis.model import Probe
from analysis.provenance.model import Credentials, CredentialState, GeneratorMark, Provenance

_START_SECONDS = 60.0
log = logging.getLogger(__name__)
T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded medium.

    ``frames`` is uint8 ``(N, H, W, 3)`` upright sRGB, ``waveform`` float32 ``(samples,)`` mono 16 kHz, and
    ``row``, as ``frames``, a video's first frames without a gap; each is None where the medium has none or
    it was not asked for. ``timing``: seconds of "probe", "decode" and "provenance".
    """

    sha256: str
    probe: Probe
    frames: NDArray[np.uint8] | None
    waveform: NDArray[np.float32] | None
    timing: Mapping[str, float]
    row: NDArray[np.uint8] | None = None
    provenance: Provenance = field(default_factory=Provenance)


@validated(frozen=True)
class Reply:
    """The child's answer to a request that it could fulfil, checked field by field."""

    probe: Probe
    frames: tuple[int, int, int, int] | None
    row: tuple[int, int, int, int] | None
    samples: int | None
    timing: dict[str, float]
    marks: tuple[GeneratorMark, ...]


@validated(frozen=True)
class CredentialsReply:
    """The child's answer to the question for content credentials."""

    credentials: Credentials | None


@validated(frozen=True)
class RefusalReply:
    """The child's answer to a request that it could not fulfil."""

    refusal: Refusal
    detail: str


_REPLY: TypeAdapter[Reply | CredentialsReply | RefusalReply] = TypeAdapter(
    Reply | CredentialsReply | RefusalReply
)


class Decoder:
    """One decoding child and the one thread that uses it.

    The kernel kills the child when the thread that started it ends, so one thread must make all calls; only
    `abort` may come from another one.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._left = 0
        self._closed = False
        self.network_isolated: bool | None = None

    def start(self) -> None:
        """Start the child now instead of at the first medium.

        Raises:
            EngineFailed: it cannot be started, or this decoder is closed.
        """
        self._living_child()

    def probe(self, path: Path) -> Probe:
        """Read a file's headers only. Raises as `decode` does."""
        return self.decode(path, frames=False, sound=False, provenance=False).probe

    def decode(
        self,
        path: Path,
        *,
        frames: bool = True,
        sound: bool = True,
        row: bool = False,
        provenance: bool = True,
    ) -> Decoded:
        """Probe a file, decode the tracks asked for, and read what it says of its origin.

        Raises:
            MediumRefused: this medium cannot be judged; `DecoderDied` where it brought the child down.
            EngineFailed: the file cannot be opened or changes meanwhile, no child can be started, or this
                decoder is closed.
        """
        try:
            # Not to wait for the writer of a pipe: it is no regular file, and refused as such.
            medium = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise EngineFailed(f"the file cannot be read ({error.strerror})") from error
        try:
            before = os.fstat(medium)
            self._check(before)
            tracks = {"frames": frames, "sound": sound, "row": row}
            decoded = self._decode(medium, tracks, provenance=provenance)
            after = os.fstat(medium)
        finally:
            os.close(medium)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            # What was decoded need not be what was hashed: no verdict may be kept under that digest.
            raise EngineFailed("the file was changed while it was read; try again once it is complete")
        return decoded

    def _decode(self, medium: int, tracks: Mapping[str, bool], *, provenance: bool) -> Decoded:
        channel = self._living_child()
        stores = [os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING) for name in tracks]
        try:
            reply = self._ask(channel, json.dumps(tracks).encode(), [medium, *stores])
            if isinstance(reply, RefusalReply):
                if reply.refusal is Refusal.DECODER_DIED:
                    raise DecoderDied(reply.detail)
                raise MediumRefused(reply.refusal, reply.detail)
            if not isinstance(reply, Reply):
                raise DecoderDied("the decoder gave an answer to another question")
            pictures = None if reply.frames is None else _map(stores[0], np.uint8, reply.frames)
            waveform = None if reply.samples is None else _map(stores[1], np.float32, (reply.samples,))
            row = None if reply.row is None else _map(stores[2], np.uint8, reply.row)
            start = time.perf_counter()
            origin = Provenance(self._credentials(medium) if provenance else None, reply.marks)
            timing = {**reply.timing, "provenance": time.perf_counter() - start}
            return Decoded(_sha256(medium), reply.probe, pictures, waveform, timing, row, origin)
        finally:
            for store in stores:
                os.close(store)

    def _credentials(self, medium: int) -> Credentials | None:
        """The medium's content credentials. Ones that bring the child down cost the medium no verdict."""
        try:
            reply = self._ask(self._living_child(), b"{}", [medium])
        except DecoderDied as error:
            return Credentials(CredentialState.UNREADABLE, faults=(str(error)[:200],))
        if isinstance(reply, CredentialsReply):
            return reply.credentials
        return Credentials(CredentialState.UNREADABLE, faults=("unreadable",))

    def abort(self) -> None:
        """Kill the child, also in the middle of a medium, and start no other. From any thread."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the child and release its socket. Safe to call twice."""
        self._closed = True
        self._end()

    def _check(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise MediumRefused(Refusal.NOT_MEDIA, "not a regular file")
        if not status.st_size:
            raise MediumRefused(Refusal.EMPTY, "the file is empty")
        if status.st_size > self._limits.max_bytes:
            detail = f"the file has {status.st_size} bytes; the limit is {self._limits.max_bytes}"
            raise MediumRefused(Refusal.TOO_LARGE, detail)

    def _ask(
        self, channel: socket.socket, message: bytes, descriptors: list[int]
    ) -> Reply | CredentialsReply | RefusalReply:
        try:
            socket.send_fds(channel, [message], descriptors)
            self._left -= 1
            answer = channel.recv(MESSAGE_BYTES)
        except TimeoutError as error:
            self._end()
            raise DecoderDied(
                f"decoding took longer than the limit of {self._limits.decode_seconds:g} s", Refusal.TIMED_OUT
            ) from error
        except OSError as error:
            raise self._death() from error
        if not answer:
            raise self._death()
        try:
            reply = _REPLY.validate_json(answer)
        except ValidationError as error:
            self._end()
            raise DecoderDied("the decoder gave a malformed answer") from error
        if isinstance(reply, RefusalReply) and reply.refusal is Refusal.DECODER_DIED:
            self._end()
        return reply

    def _death(self) -> Exception:
        """Why the child hung up in the middle of a request."""
        status = self._end(grace=5.0)
        if self._closed:
            return EngineFailed("the engine was closed while it decoded this medium; submit it again")
        if status == -signal.SIGXCPU:
            limit = self._limits.decode_cpu_seconds
            return DecoderDied(f"decoding took more than {limit} s of processor time", Refusal.TIMED_OUT)
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return DecoderDied(f"the decoder died on this medium ({how})")

    def _living_child(self) -> socket.socket:
        if self._process is not None and (self._left < 1 or self._process.poll() is not None):
            self._end()
        channel = self._channel or self._spawn()
        if self._closed:
            self._end()
            raise EngineFailed("the decoder is closed")
        return channel

    def _spawn(self) -> socket.socket:
        if self._closed:
            raise EngineFailed("the decoder is closed")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-P", "-m", "analysis.decoding.child", str(theirs.fileno())]
            command += [str(os.getpid()), json.dumps(asdict(self._limits))]
            self._process = subprocess.Popen(
                command,
                env=_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._channel, self._left = ours, self._limits.requests_per_child
        ours.settimeout(_START_SECONDS)
        try:
            hello = json.loads(ours.recv(MESSAGE_BYTES))
        except (OSError, ValueError) as error:
            self._end()
            raise EngineFailed("the decoding child did not start; it said why on standard error") from error
        ours.settimeout(self._limits.decode_seconds)
        self.network_isolated = bool(hello["network_isolated"])
        log.debug("decoding child %d started, network isolated: %s", self._process.pid, self.network_isolated)
        return ours

    def _end(self, grace: float = 0.0) -> int:
        """End the child, after some seconds of grace if it is dying by itself, and return its exit status."""
        status = 0
        if self._process is not None:
            try:
                status = self._process.wait(timeout=grace)
            except subprocess.TimeoutExpired:
                self._process.kill()
                status = self._process.wait()
        if self._channel is not None:
            self._channel.close()
        self._process = self._channel = None
        return status


def _environment() -> dict[str, str]:
    """The child's whole environment: nothing of the parent's; one thread where a library would take all."""
    return {
        "PYTHONPATH": str(Path(analysis.__file__).parents[1]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "DECORD_EOF_RETRY_MAX": "64",
        "LC_ALL": "C.UTF-8",
        "PATH": os.defpath,  # decord appends to it when it is imported
    }


def _sha256(medium: int) -> str:
    with os.fdopen(medium, "rb", closefd=False) as file:
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _map(fd: int, dtype: type[T], shape: tuple[int, ...]) -> NDArray[T]:
    """Map a memory file as an array of our own; the child cannot shrink it under us or lie about its size."""
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    size = np.dtype(dtype).itemsize * math.prod(shape)
    if min(shape) < 1 or os.fstat(fd).st_size != size:
        raise DecoderDied("the decoder's answer and its data differ in size")
    memory = mmap.mmap(fd, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    return np.frombuffer(memory, dtype).reshape(shape)
