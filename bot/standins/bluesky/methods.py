"""The methods that the stand-in serves, by their names: from what was asked to what is answered."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from bot.platforms.bluesky import lexicon
from bot.platforms.text import graphemes
from bot.standins.bluesky.network import Account, Network, Record, Refused, to_text

_TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
_AT_URI = re.compile(r"at://[a-z0-9.:-]+/[a-zA-Z.]+/[A-Za-z0-9._:~-]+")
Answer = dict[str, Any]


class Parameters:
    """What a request brings: names and values, from its query or its body."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def text(self, name: str, otherwise: str | None = None) -> str:
        """The text of that name, which must be there unless there is another for it."""
        value = self.values.get(name, otherwise)
        if not isinstance(value, str):
            raise Refused(400, "InvalidRequest", f'Error: Params must have the property "{name}"')
        return value

    def texts(self, name: str) -> list[str]:
        """All texts of that name."""
        values = self.values.get(name, [])
        return values if isinstance(values, list) else [values]


def create_account(network: Network, asked: Parameters) -> Answer:
    """com.atproto.server.createAccount."""
    password = asked.text("password")
    return network.session(network.join(asked.text("handle"), password), password)


def create_session(network: Network, asked: Parameters) -> Answer:
    """com.atproto.server.createSession."""
    return network.sign_in(asked.text("identifier"), asked.text("password"))


def get_session(_network: Network, me: Account, _asked: Parameters) -> Answer:
    """com.atproto.server.getSession."""
    return {"did": me.did, "handle": me.handle, "active": True}


def create_app_password(network: Network, me: Account, asked: Parameters) -> Answer:
    """com.atproto.server.createAppPassword."""
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    with network.guard:
        me.app_passwords[asked.text("name")] = password
    return {"name": asked.text("name"), "password": password, "privileged": False}


def resolve_handle(network: Network, asked: Parameters) -> Answer:
    """com.atproto.identity.resolveHandle."""
    account = network.find(asked.text("handle"))
    if account is None:
        raise Refused(400, "InvalidRequest", "Unable to resolve handle")
    return {"did": account.did}


def create_record(network: Network, me: Account, asked: Parameters) -> Answer:
    """com.atproto.repo.createRecord; as on the real server, a key that is taken is an internal error."""
    uri, value = _order(network, me, asked)
    with network.guard:
        if uri in network.records:
            raise Refused(500, "InternalServerError", "Internal Server Error")
        return _written(network.write(uri, value))


def put_record(network: Network, me: Account, asked: Parameters) -> Answer:
    """com.atproto.repo.putRecord."""
    uri, value = _order(network, me, asked)
    with network.guard:
        standing = network.records.get(uri)
        if standing is not None and "swapRecord" in asked.values:
            raise Refused(400, "InvalidSwap", f"Record was at {standing.cid}")
        return _written(network.write(uri, value))


def delete_record(network: Network, me: Account, asked: Parameters) -> Answer:
    """com.atproto.repo.deleteRecord; one that is not there is fine."""
    with network.guard:
        network.records.pop(f"at://{me.did}/{asked.text('collection')}/{asked.text('rkey')}", None)
    return {}


def get_record(network: Network, asked: Parameters) -> Answer:
    """com.atproto.repo.getRecord."""
    uri = f"at://{asked.text('repo')}/{asked.text('collection')}/{asked.text('rkey')}"
    record = network.records.get(uri)
    if record is None:
        raise Refused(400, "RecordNotFound", f"Could not locate record: {uri}")
    return {"uri": uri, "cid": record.cid, "value": record.value}


def list_records(network: Network, asked: Parameters) -> Answer:
    """com.atproto.repo.listRecords, without pages."""
    start = f"at://{asked.text('repo')}/{asked.text('collection')}/"
    with network.guard:
        found = [record for uri, record in network.records.items() if uri.startswith(start)]
    return {"records": [{"uri": r.uri, "cid": r.cid, "value": r.value} for r in found]}


def list_notifications(network: Network, me: Account, asked: Parameters) -> Answer:
    """app.bsky.notification.listNotifications; its cursor is a time, and what is as old is left out."""
    reasons, cursor = asked.texts("reasons"), asked.text("cursor", "")
    limit = int(asked.text("limit", "50"))
    listed = [
        (reason, record)
        for reason, record in network.notifications(me.did)
        if (not reasons or reason in reasons) and (not cursor or record.sort_at < cursor)
    ]
    page = listed[:limit]
    views = [
        {**_view(network, record), "reason": reason, "isRead": False, "indexedAt": record.sort_at}
        for reason, record in page
    ]
    further = {"cursor": page[-1][1].sort_at} if page else {}
    return {"notifications": views, "priority": False, **further}


def get_posts(network: Network, me: Account, asked: Parameters) -> Answer:
    """app.bsky.feed.getPosts: what is gone is left out, and so is what a block hides."""
    found = (network.records.get(uri) for uri in map(_at_uri, asked.texts("uris")))
    return {"posts": [_view(network, r) for r in found if r and not network.block_between(r.did, me.did)]}


def get_post_thread(network: Network, me: Account, asked: Parameters) -> Answer:
    """app.bsky.feed.getPostThread, of the post alone."""
    uri = _at_uri(asked.text("uri"))
    record = network.records.get(uri)
    if record is None:
        raise Refused(400, "NotFound", f"Post not found: {uri}")
    if network.block_between(record.did, me.did):
        hidden = {"$type": "app.bsky.feed.defs#blockedPost", "uri": uri, "blocked": True}
        return {"thread": {**hidden, "author": {"did": record.did, "viewer": {"blockedBy": True}}}}
    return {"thread": {"$type": "app.bsky.feed.defs#threadViewPost", "post": _view(network, record)}}


def _order(network: Network, me: Account, asked: Parameters) -> tuple[str, dict[str, Any]]:
    """Where a record shall go, and what it is, if it may."""
    collection, key = asked.text("collection"), asked.text("rkey", network.new_key())
    value = asked.values.get("record")
    if not isinstance(value, dict):
        raise Refused(400, "InvalidRequest", 'Input must have the property "record"')
    if collection == lexicon.POST:
        _check_post(key, value)
    return f"at://{me.did}/{collection}/{key}", value


def _check_post(key: str, value: dict[str, Any]) -> None:
    start = f"Invalid {lexicon.POST} record: "
    text = value.get("text")
    if not _TID.fullmatch(key):
        raise Refused(400, "InvalidRequest", f'Invalid record key: Invalid TID string (got "{key}")')
    if not isinstance(text, str) or not isinstance(value.get("createdAt"), str):
        raise Refused(400, "InvalidRequest", f"{start}text and createdAt are required")
    if graphemes(text) > lexicon.MAX_GRAPHEMES or len(text.encode()) > lexicon.MAX_BYTES:
        raise Refused(400, "InvalidRequest", f"{start}grapheme too big (maximum 300) at $.record.text")
    for image in value.get("embed", {}).get("images", []):
        if image["image"]["size"] > lexicon.MAX_IMAGE_BYTES:
            raise Refused(400, "BlobTooLarge", f"{start}blob too big (maximum 1000000)")


def _written(record: Record) -> Answer:
    return {"uri": record.uri, "cid": record.cid, "validationStatus": "valid"}


def _view(network: Network, record: Record) -> Answer:
    account = network.accounts[record.did]
    labels = [{"src": account.did, "uri": account.did, "val": label} for label in account.labels]
    author = {"did": account.did, "handle": account.handle, "labels": labels, "viewer": {"blockedBy": False}}
    own = [each["val"] for each in record.value.get("labels", {}).get("values", [])]
    told: Answer = {"uri": record.uri, "cid": record.cid, "author": author, "record": record.value}
    told["labels"] = [{"src": account.did, "uri": record.uri, "val": label} for label in own]
    return {**told, "indexedAt": to_text(record.indexed_at), "viewer": {}}


def _at_uri(uri: str) -> str:
    if not _AT_URI.fullmatch(uri):
        raise Refused(400, "InvalidRequest", "Error: uris/0 must be a valid at-uri")
    return uri


OPEN: dict[str, Callable[[Network, Parameters], Answer]] = {
    "com.atproto.server.createAccount": create_account,
    lexicon.CREATE_SESSION: create_session,
    lexicon.RESOLVE_HANDLE: resolve_handle,
    lexicon.GET_RECORD: get_record,
    "com.atproto.repo.listRecords": list_records,
}
"""For everybody."""

SIGNED: dict[str, Callable[[Network, Account, Parameters], Answer]] = {
    lexicon.GET_SESSION: get_session,
    "com.atproto.server.createAppPassword": create_app_password,
    "com.atproto.repo.createRecord": create_record,
    lexicon.PUT_RECORD: put_record,
    lexicon.DELETE_RECORD: delete_record,
    lexicon.LIST_NOTIFICATIONS: list_notifications,
    lexicon.GET_POSTS: get_posts,
    lexicon.GET_POST_THREAD: get_post_thread,
}
"""For an account with a session."""
