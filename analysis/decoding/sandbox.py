"""What the decoding child takes away from itself before it touches a stranger's bytes (Linux)."""

from __future__ import annotations

import ctypes
import os
import resource
import signal

from analysis.limits import Limits

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_READ_SEARCH = 1 << 2
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_SOUND_BYTES_PER_SECOND = 16_000 * 4


def isolate_network() -> bool:
    """Move this process into an empty network namespace; say whether the kernel allowed it.

    A new user namespace is the way for unprivileged processes, and only works while there is one thread. A
    privileged process needs none, and would lose its right to read other users' files in it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    return any(libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def drop_privileges_for_good() -> None:
    """Give up every capability but that of reading files, and forbid to gain rights by running programs.

    Root could otherwise step back into its parent's network namespace. Reading stays: the medium is opened
    anew through its descriptor, and need not be root's own.

    Raises:
        OSError: the kernel does not take them; the process must not go on.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header, held = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, held) != 0:
        raise OSError(ctypes.get_errno(), "the child's capabilities cannot be read")
    kept = held[1] & _CAP_DAC_READ_SEARCH  # effective, permitted, inheritable; then their upper halves
    if libc.capset(header, (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)) != 0:
        raise OSError(ctypes.get_errno(), "the child's capabilities cannot be dropped")
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it or its process ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(0)


def limit_resources(limits: Limits) -> None:
    """Set the limits for the life of the process. A write past the file limit fails as an OSError."""
    largest_result = max(limits.max_view_bytes, int(limits.max_audio_seconds * _SOUND_BYTES_PER_SECOND))
    for kind, value in (
        (resource.RLIMIT_AS, limits.decode_memory_bytes),
        (resource.RLIMIT_FSIZE, largest_result),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def limit_cpu(seconds: int) -> None:
    """Have the kernel end this process (SIGXCPU) once it has used so much more processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )
