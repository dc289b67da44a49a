"""Which server holds an account's files: what its DID document says, remembered for a while.

A `did:plc` document comes from the directory, which is as well known as Bluesky itself. A `did:web` document
comes from a host that any stranger may name: it is asked through the guarded fetcher, briefly, and what it
does wrong holds up nobody else.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta

import httpx

from bot.errors import PlatformUnavailable, RateLimited, ResolveError
from bot.platforms.bluesky.service import SITE
from bot.platforms.gate import Gate
from bot.resolver import FetchLimits
from bot.resolver.fetcher import GuardedFetcher
from bot.resolver.reading.atproto import blob_url, did_document_url, is_did, read_did_document
from bot.resolver.reading.payload import Payload, parse_json

_KEPT = timedelta(hours=1)
_MOST_KEPT = 10_000
_PATIENCE = FetchLimits(total_seconds=10, connect_seconds=5, lookup_seconds=5, read_seconds=5, attempts=1)


class Servers:
    """The servers of accounts. Safe to use from several threads.

    ``otherwise`` is the server that is named where an account's own cannot be found: the download then fails
    with a reason of its own, and only that medium does.
    """

    def __init__(self, gate: Gate, plc_url: str, otherwise: str, timeout: httpx.Timeout) -> None:
        self._gate = gate
        self._plc_url = plc_url
        self._otherwise = otherwise
        self._client = httpx.Client(timeout=timeout)
        self._fetcher = GuardedFetcher(_PATIENCE)
        self._guard = threading.Lock()
        self._known: OrderedDict[str, tuple[str, datetime]] = OrderedDict()

    def close(self) -> None:
        """Let go of the connections. Safe to call twice."""
        self._client.close()
        self._fetcher.close()

    def blob_url(self, did: str, cid: str) -> str:
        """Where the original of an account's file is had.

        Raises:
            RateLimited, PlatformUnavailable: the PLC directory cannot be asked now.
        """
        return blob_url(self._origin(did), did, cid)

    def _origin(self, did: str) -> str:
        now = datetime.now(UTC)
        with self._guard:
            known = self._known.get(did)
        if known is not None and now < known[1]:
            return known[0]
        origin = self._look_up(did)
        with self._guard:
            self._known[did] = origin, now + _KEPT
            self._known.move_to_end(did)
            if len(self._known) > _MOST_KEPT:
                self._known.popitem(last=False)
        return origin

    def _look_up(self, did: str) -> str:
        if not is_did(did):
            return self._otherwise
        by_web = did.startswith("did:web:")
        try:
            document = self._from_host(did) if by_web else self._from_directory(did)
            return read_did_document(document, did)
        except ResolveError:
            # Who is a host by name mostly is one for the files too.
            return f"https://{did.removeprefix('did:web:')}" if by_web else self._otherwise

    def _from_host(self, did: str) -> Payload:
        return Payload(SITE, self._fetcher.get(did_document_url(did)).json())

    def _from_directory(self, did: str) -> Payload:
        with self._gate.call("PLC directory"):
            try:
                answer = self._client.get(did_document_url(did, self._plc_url))
            except httpx.HTTPError as error:
                raise PlatformUnavailable(f"the PLC directory does not answer ({error})") from error
            if answer.status_code == 429:
                raise RateLimited("the PLC directory asks to wait")
            if answer.status_code >= 500:
                raise PlatformUnavailable(f"the PLC directory answers with HTTP {answer.status_code}")
        return parse_json("the PLC directory", answer.text)
