"""From a status, as the API has it, to a `Post`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.errors import PlatformUnavailable
from bot.platforms.base import Account, Attachment, Post
from bot.platforms.mastodon.fields import AccountFields, AttachmentFields, StatusFields
from bot.platforms.mastodon.plain import plain

STILL_PROCESSING = timedelta(minutes=10)
"""So long a file without an address is waited for; then it is passed over."""

_LEADING_HANDLES = re.compile(r"^(?:\s*@[\w.-]+(?:@[\w.-]+)?[,:]?)+(?=\s|$)")


def to_account(fields: AccountFields) -> Account:
    """An account; accounts of other servers have handles with their domain."""
    return Account(fields.id, fields.acct, fields.bot)


def to_post(status: StatusFields, now: datetime, *, addressed: bool = True) -> Post:
    """A status as a post.

    Raises:
        PlatformUnavailable: the server is still working on one of its files.
    """
    said = plain(status.content)
    card = status.card.url if status.card else None
    links = (*said.links, card) if card and card.startswith(("http://", "https://")) else said.links
    young = now - status.created_at < STILL_PROCESSING
    found = [_attachment(each, young, status.sensitive) for each in status.media_attachments]
    return Post(
        id=status.id,
        author=to_account(status.account),
        created_at=status.created_at,
        text=said.text,
        url=status.url or status.uri,
        language=status.language or None,
        attachments=tuple(each for each in found if each is not None),
        links=tuple(dict.fromkeys(links)),
        parent_id=status.in_reply_to_id,
        quoted_id=status.quote.quoted_id if status.quote else status.quote_id,
        boosted_id=status.reblog.id if status.reblog else None,
        addressed=addressed,
    )


def _attachment(fields: AttachmentFields, young: bool, sensitive: bool) -> Attachment | None:
    """One medium. The origin's own file comes before this server's copy of it."""
    url = fields.remote_url or fields.url
    if url is not None:
        return Attachment(url, alt_text=fields.description or None, sensitive=sensitive)
    if young:
        raise PlatformUnavailable("the server is still working on the media of this post")
    return None


def without_leading_handles(text: str) -> str:
    """The text behind the run of handles that it may begin with."""
    return _LEADING_HANDLES.sub("", text)


def is_addressed(status: StatusFields, me: Account, parent_of: Callable[[str], StatusFields | None]) -> bool:
    """Whether the author tagged the bot, and not their client on its own.

    Clients put the handles of everybody in a thread in front of an answer. So a handle that stands only
    there says nothing where the post above is by the bot, or tags it already.
    """
    if status.in_reply_to_id is None:
        return True
    written = without_leading_handles(plain(status.content).text)
    if re.search(rf"@{re.escape(me.handle)}(?!\w)", written, re.IGNORECASE):
        return True
    if status.in_reply_to_account_id == me.id:
        return False
    parent = parent_of(status.in_reply_to_id)
    return parent is None or not (parent.account.id == me.id or parent.mentions_account(me.id))
