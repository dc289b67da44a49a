"""The stand-in's JSON, as docs.joinmastodon.org/entities has it."""

from __future__ import annotations

import re
from datetime import datetime
from html import escape
from typing import Any

from bot.standins.mastodon.network import Medium, Member, Network, Notification, Refused, Status

_LINK_OR_HANDLE = re.compile(r"(https?://[^\s<>\"]+)|(?<![=/\w])@([\w.-]+\w(?:@[\w.-]+\w)?)", re.ASCII)
SHOWN_OF_A_LINK = 30


class Renderer:
    """Entities of one network, as served at one address."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def account(self, member: Member, base: str) -> dict[str, Any]:
        """Entity `Account`."""
        return {
            "id": member.id,
            "username": member.handle.partition("@")[0],
            "acct": member.handle,
            "display_name": member.handle,
            "bot": member.bot,
            "locked": False,
            "url": f"{base}/@{member.handle}",
        }

    def status(self, status: Status, base: str, *, viewer: Member | None = None) -> dict[str, Any]:
        """Entity `Status`."""
        network = self._network
        author = network.author(status)
        parent = network.statuses.get(status.parent_id or "")
        return {
            "id": status.id,
            "created_at": moment(status.created_at),
            "in_reply_to_id": status.parent_id,
            "in_reply_to_account_id": parent.author_id if parent else None,
            "sensitive": status.sensitive,
            "spoiler_text": "",
            "visibility": status.visibility,
            "language": status.language,
            "uri": f"{base}/users/{author.handle}/statuses/{status.id}",
            "url": f"{base}/@{author.handle}/{status.id}",
            "content": self.html(status.text, base),
            "account": self.account(author, base),
            "reblog": self._other(status.boosted_id, base, viewer),
            "quote": self._quote(status, base, viewer),
            "media_attachments": [
                self.medium(medium, base) for each in status.media if (medium := network.media.get(each))
            ],
            "mentions": [
                {"id": each, "acct": network.members[each].handle, "username": network.members[each].handle}
                for each in status.mentioned
            ],
            "tags": [],
            "emojis": [],
            "card": None,
            "poll": None,
        }

    def medium(self, medium: Medium, base: str) -> dict[str, Any]:
        """Entity `MediaAttachment`; without an address while it is worked on."""
        url = f"{base}/media/{medium.id}/original" if not medium.looks_left else None
        return {
            "id": medium.id,
            "type": medium.mime.partition("/")[0],
            "url": url,
            "preview_url": url,
            "remote_url": None,
            "meta": {},
            "description": medium.description,
        }

    def notification(self, told: Notification, base: str) -> dict[str, Any]:
        """Entity `Notification`."""
        status = self._network.statuses[told.status_id]
        owner = self._network.members[told.owner_id]
        return {
            "id": told.id,
            "type": "mention",
            "created_at": moment(told.created_at),
            "account": self.account(self._network.author(status), base),
            "status": self.status(status, base, viewer=owner),
        }

    def instance(self, base: str, *, old: bool) -> dict[str, Any]:
        """Entity `Instance`, or `V1::Instance`."""
        host = base.partition("://")[2]
        streams = base.replace("http", "ws", 1)
        limits = {
            "statuses": {"max_characters": self._network.max_characters, "characters_reserved_per_url": 23},
        }
        if old:
            return {
                "uri": host,
                "version": "3.5.3",
                "urls": {"streaming_api": streams},
                "configuration": limits,
            }
        return {
            "domain": host,
            "version": "4.4.0",
            "api_versions": {"mastodon": 5},
            "configuration": {"urls": {"streaming": streams}, **limits},
        }

    def html(self, text: str, base: str) -> str:
        """A status's text as Mastodon formats it."""

        def link(match: re.Match[str]) -> str:
            if match[1]:
                return _shortened(match[1])
            handle = match[2]
            if self._network.member(handle) is None:
                return escape(match[0])
            return (
                f'<span class="h-card"><a href="{base}/@{escape(handle)}" class="u-url mention">'
                f"@<span>{escape(handle.partition('@')[0])}</span></a></span>"
            )

        paragraphs = []
        for paragraph in re.split(r"\n{2,}", text):
            done, parts = 0, []
            for match in _LINK_OR_HANDLE.finditer(paragraph):
                parts += [escape(paragraph[done : match.start()]), link(match)]
                done = match.end()
            parts.append(escape(paragraph[done:]))
            paragraphs.append("".join(parts).replace("\n", "<br />"))
        return "".join(f"<p>{each}</p>" for each in paragraphs)

    def _other(self, status_id: str | None, base: str, viewer: Member | None) -> dict[str, Any] | None:
        if status_id is None:
            return None
        try:
            return self.status(self._network.fetch(status_id, viewer), base, viewer=viewer)
        except Refused:
            return None

    def _quote(self, status: Status, base: str, viewer: Member | None) -> dict[str, Any] | None:
        if status.quoted_id is None:
            return None
        quoted = self._other(status.quoted_id, base, viewer)
        return {"state": "accepted" if quoted else "deleted", "quoted_status": quoted}


def moment(at: datetime) -> str:
    """A time as Mastodon writes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shortened(url: str) -> str:
    """A link of which the reader sees host and a little more."""
    scheme, _, rest = url.partition("://")
    shown, hidden = escape(rest[:SHOWN_OF_A_LINK]), escape(rest[SHOWN_OF_A_LINK:])
    kind = "ellipsis" if hidden else ""
    return (
        f'<a href="{escape(url)}" target="_blank" rel="nofollow noopener">'
        f'<span class="invisible">{scheme}://</span><span class="{kind}">{shown}</span>'
        f'<span class="invisible">{hidden}</span></a>'
    )
