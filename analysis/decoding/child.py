"""The decoding child: `python -m analysis.decoding.child SOCKET PARENT LIMITS`, started by `Decoder` alone.

It takes its privileges away, says hello, and answers one request after another until its parent hangs up.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from analysis.decoding import sandbox
from analysis.errors import MediumRefused, Refusal
from analysis.limits import Limits, Sampling

MESSAGE_BYTES = 1 << 16


def main(arguments: list[str]) -> None:
    """Serve requests on an inherited socket until it is closed."""
    channel = socket.socket(fileno=int(arguments[0]))
    fields = json.loads(arguments[2])
    limits = Limits(**{**fields, "sampling": Sampling(fields["sampling"])})
    isolated = sandbox.isolate_network()  # before the decoders' libraries start threads
    sandbox.drop_privileges_for_good()
    sandbox.die_with_parent(int(arguments[1]))
    from analysis.decoding import work

    anchors = None if limits.trust_anchors is None else Path(limits.trust_anchors).read_text("ascii")
    sandbox.limit_resources(limits)
    channel.send(json.dumps({"network_isolated": isolated}).encode())
    _silence()  # from here on, only what a stranger's file makes a library say
    for _ in range(limits.requests_per_child):
        message, descriptors, _, _ = socket.recv_fds(channel, MESSAGE_BYTES, 4)
        if not message:
            return
        try:
            sandbox.limit_cpu(limits.decode_cpu_seconds)
            reply, healthy = _answer(work, json.loads(message), descriptors, limits, anchors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        channel.send(json.dumps(reply).encode())
        if not healthy:
            return


def _answer(
    work: Any, tracks: dict[str, bool], descriptors: list[int], limits: Limits, anchors: str | None
) -> tuple[dict[str, Any], bool]:
    """The reply, and whether this process is fit for another request. The process edge of this child."""
    try:
        if not tracks:
            return work.credentials(descriptors[0], anchors), True
        request = work.Request(**tracks, descriptors=work.Descriptors(*descriptors))
        return work.perform(request, limits), True
    except MediumRefused as refusal:
        return {"refusal": refusal.reason, "detail": str(refusal)[:500]}, True
    except MemoryError:
        limit = limits.decode_memory_bytes >> 20
        detail = f"decoding the medium takes more memory than the limit of {limit} MiB"
    except Exception as error:  # noqa: BLE001 - whatever a decoder raises on hostile bytes ends here
        detail = f"the decoder failed on the medium ({type(error).__name__}: {error})"[:500]
    return {"refusal": Refusal.DECODER_DIED, "detail": detail}, False


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)


if __name__ == "__main__":
    main(sys.argv[1:])
