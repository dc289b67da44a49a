"""Public pages of verdicts: their addresses, and taking them down."""

from __future__ import annotations

import re

from bot.errors import BotError
from state.store import Store

PREFIX = "/v"
_TOKEN = re.compile(r"(?:.*/v/)?([\w-]{22})/?")


class NoSuchPage(BotError):
    """There is no public page of that name, or it is not in the state that the action needs."""


def address(public_url: str, token: str) -> str:
    """Where a page is."""
    return f"{public_url.rstrip('/')}{PREFIX}/{token}"


def token_in(text: str) -> str:
    """The token in a page's address, or the token itself.

    Raises:
        NoSuchPage: there is none in it.
    """
    found = _TOKEN.fullmatch(text.strip())
    if found is None:
        raise NoSuchPage(f"{text!r} is no public page's address; give that, or what stands behind /v/ in it")
    return found[1]


def take_down(store: Store, actor: str, token: str, reason: str) -> int:
    """Take a page down, noted in the audit log; returns the number of that note.

    Raises:
        NotFound: there is none.
        NoSuchPage: it is down already.
    """
    page = store.public_pages.get(token)
    with store.transaction():
        if not store.public_pages.remove(token):
            raise NoSuchPage("the page was taken down before")
        return store.audit.add(actor, "take_page_down", f"mention:{page.mention_id}", {"reason": reason})


def put_up_again(store: Store, actor: str, token: str, reason: str) -> int:
    """Show a page again, noted in the audit log; returns the number of that note.

    Raises:
        NotFound: there is none.
        NoSuchPage: it is up.
    """
    page = store.public_pages.get(token)
    with store.transaction():
        if not store.public_pages.restore(token):
            raise NoSuchPage("the page was never taken down")
        return store.audit.add(actor, "put_page_up_again", f"mention:{page.mention_id}", {"reason": reason})
