"""The state of the stand-in: accounts, sessions, records, blobs, and what follows from them."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.platforms.bluesky import lexicon
from bot.resolver.reading.payload import iso_time

BLOCK = "app.bsky.graph.block"
ACCESS_LIFE = timedelta(hours=2)
_TID_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
_MILLISECONDS = "milliseconds"


class Refused(Exception):
    """An answer of XRPC that is an error."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status, self.error, self.message = status, error, message


@dataclass(slots=True)
class Account:
    """One account; ``app_passwords`` by name."""

    did: str
    handle: str
    password: str
    app_passwords: dict[str, str] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Record:
    """One record, with the moment at which the AppView came to know it."""

    uri: str
    cid: str
    value: dict[str, Any]
    indexed_at: datetime

    @property
    def did(self) -> str:
        """Whose it is."""
        return self.uri.split("/")[2]

    @property
    def collection(self) -> str:
        """What it is."""
        return self.uri.split("/")[3]

    @property
    def sort_at(self) -> str:
        """The time by which the AppView orders: the claimed one, at most that of the indexing."""
        claimed = iso_time(str(self.value.get("createdAt")))
        return to_text(min(claimed or self.indexed_at, self.indexed_at))


class Network:
    """Everything that is there. Every method may be called from any thread."""

    def __init__(self) -> None:
        self.guard = threading.RLock()
        self.accounts: dict[str, Account] = {}
        self.records: dict[str, Record] = {}
        self.blobs: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.sessions_made = 0
        self._access: dict[str, tuple[str, datetime]] = {}
        self._refresh: dict[str, tuple[str, str]] = {}
        self._last_tid = 0

    # -- accounts and sessions ---------------------------------------------------------------------------

    def join(self, handle: str, password: str) -> Account:
        """A new account."""
        with self.guard:
            if any(account.handle == handle for account in self.accounts.values()):
                raise Refused(400, "HandleNotAvailable", f"Handle already taken: {handle}")
            did = "did:plc:" + _base32(secrets.token_bytes(15))
            self.accounts[did] = Account(did, handle, password)
            return self.accounts[did]

    def find(self, who: str) -> Account | None:
        """The account of a handle or DID."""
        with self.guard:
            by_handle = (account for account in self.accounts.values() if account.handle == who)
            return self.accounts.get(who) or next(by_handle, None)

    def sign_in(self, who: str, password: str) -> dict[str, Any]:
        """A new session."""
        with self.guard:
            account = self.find(who)
            if account is None or password not in {account.password, *account.app_passwords.values()}:
                raise Refused(401, "AuthenticationRequired", "Invalid identifier or password")
            self.sessions_made += 1
            return self.session(account, password)

    def session(self, account: Account, password: str) -> dict[str, Any]:
        """The answer that brings tokens; their scope tells an app password from the account's own."""
        scope = "com.atproto.access" if password == account.password else "com.atproto.appPass"
        access, refresh = _token(scope, account.did), _token("com.atproto.refresh", account.did)
        with self.guard:
            self._access[access] = account.did, datetime.now(UTC) + ACCESS_LIFE
            self._refresh[refresh] = account.did, password
        told = {"did": account.did, "handle": account.handle, "accessJwt": access, "refreshJwt": refresh}
        return {**told, "active": True}

    def renew(self, refresh: str) -> dict[str, Any]:
        """New tokens for a refresh token, which is good once."""
        with self.guard:
            did, password = self._refresh.pop(refresh, ("", ""))
            account = self.accounts.get(did)
            if account is None or password not in {account.password, *account.app_passwords.values()}:
                raise Refused(400, "ExpiredToken", "Token has been revoked")
            return self.session(account, password)

    def caller(self, access: str) -> Account:
        """Whose access token this is."""
        with self.guard:
            did, until = self._access.get(access, ("", datetime.now(UTC)))
            if did not in self.accounts:
                raise Refused(400, "InvalidToken", "Token could not be verified")
            if until <= datetime.now(UTC):
                raise Refused(400, "ExpiredToken", "Token has expired")
            return self.accounts[did]

    def expire_tokens(self) -> None:
        """All access tokens have run out."""
        with self.guard:
            past = datetime.now(UTC) - ACCESS_LIFE
            self._access = {token: (did, past) for token, (did, _) in self._access.items()}

    def revoke(self, account: Account) -> None:
        """All app passwords of an account, and the sessions that were had with them, are worth nothing."""
        with self.guard:
            account.app_passwords.clear()
            self._access = {token: known for token, known in self._access.items() if known[0] != account.did}

    # -- records -----------------------------------------------------------------------------------------

    def write(self, uri: str, value: dict[str, Any]) -> Record:
        """A record takes its place."""
        record = Record(uri, f"bafyrei{_digest(repr((uri, value)).encode())}", value, datetime.now(UTC))
        with self.guard:
            self.records[uri] = record
        return record

    def keep_blob(self, did: str, mime: str, content: bytes) -> dict[str, Any]:
        """A file is uploaded; how records refer to it."""
        cid = f"bafkrei{_digest(content)}"
        with self.guard:
            self.blobs[did, cid] = mime, content
        return {"$type": "blob", "ref": {"$link": cid}, "mimeType": mime, "size": len(content)}

    def new_key(self) -> str:
        """A record key of now, later than all before it."""
        with self.guard:
            now = int(datetime.now(UTC).timestamp() * 1_000_000)
            self._last_tid = max(now, self._last_tid + 1)
            number = self._last_tid << 10
        return "".join(_TID_LETTERS[number >> shift & 31] for shift in range(60, -1, -5))

    def block_between(self, one: str, other: str) -> bool:
        """Whether either account blocks the other."""
        pairs = {(one, other), (other, one)}
        return any((r.did, r.value.get("subject")) in pairs for r in self._in(BLOCK))

    def notifications(self, did: str) -> list[tuple[str, Record]]:
        """Reason and post of each notification, newest first; one for each post."""
        found = []
        for record in self._in(lexicon.POST):
            reason = self._reason(record, did)
            if reason is not None and record.did != did and not self.block_between(record.did, did):
                found.append((reason, record))
        return sorted(found, key=lambda each: (each[1].sort_at, each[1].uri), reverse=True)

    def _in(self, collection: str) -> list[Record]:
        with self.guard:
            return [record for record in self.records.values() if record.collection == collection]

    def _reason(self, record: Record, did: str) -> str | None:
        facets = record.value.get("facets", [])
        features = [feature for facet in facets for feature in facet["features"]]
        if any(feature.get("did") == did for feature in features):
            return "mention"
        quote = record.value.get("embed", {}).get("record", {})
        if f"//{did}/" in str(quote.get("uri") or quote.get("record", {}).get("uri")):
            return "quote"
        parent = record.value.get("reply", {}).get("parent", {}).get("uri", "")
        return "reply" if f"//{did}/" in parent else None


def to_text(time: datetime) -> str:
    """A moment as records write it."""
    return time.astimezone(UTC).isoformat(timespec=_MILLISECONDS).replace("+00:00", "Z")


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().lower()


def _digest(raw: bytes) -> str:
    return _base32(hashlib.sha256(raw).digest()).rstrip("=")


def _token(scope: str, did: str) -> str:
    """A token in the form of a JWT: the scope can be read from it, its signature is chance."""
    body = base64.urlsafe_b64encode(f'{{"scope":"{scope}","sub":"{did}"}}'.encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{body}.{secrets.token_urlsafe(16)}"
