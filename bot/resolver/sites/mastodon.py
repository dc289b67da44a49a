"""Mastodon: any instance, by its public API (docs.joinmastodon.org); also what speaks the same (Akkoma)."""

from __future__ import annotations

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, MediumRef, Resolution
from bot.resolver.reading.asking import ask_whatever
from bot.resolver.reading.forms import read_url, url_form
from bot.resolver.reading.payload import Payload
from bot.resolver.urls import Place

_KINDS = {"image": "image", "video": "video", "gifv": "video", "audio": "audio"}
# What a host that has no such API says on its path, in a web page.
_NOT_MASTODON = {
    ResolveFailure.SITE_CHANGED,
    ResolveFailure.GONE,
    ResolveFailure.PRIVATE,
    ResolveFailure.LOGIN_NEEDED,
    ResolveFailure.NO_MEDIA,
}
_FORMS = (
    # /@user@elsewhere/1 is the copy that this host keeps of a post from elsewhere; the id is this host's.
    url_form(r"/(?:web/|deck/)?@\w[\w.-]*(?:@[\w.-]+)?/(?P<id>\d{1,30})"),
    url_form(r"/users/\w[\w.-]*/statuses/(?P<id>\d{1,30})"),
    url_form(r"/web/statuses/(?P<id>\d{1,30})"),
    url_form(r"/notice/(?P<id>[A-Za-z0-9]{1,30})"),
)


def read_status(payload: Payload, canonical_url: str) -> Resolution:
    """A status as the API has it: its own media, else those of what it boosts or quotes."""
    boosted = payload.find("reblog")
    quoted = payload.find("quote", "quoted_status")
    for status in (payload, boosted, quoted):
        if status is None:
            continue
        attachments = status.must_have_items("media_attachments")
        if attachments:
            meant = payload if status is quoted else status
            return Resolution(
                meant.maybe_url("url") or canonical_url,
                tuple(_medium(each) for each in attachments),
                meant.at("account").maybe_text("acct"),
                meant.maybe_time("created_at"),
            )
    raise ResolveError(ResolveFailure.NO_MEDIA, f"the post on {payload.site} has no image, video or sound")


def read_refusal(status: int, payload: Payload) -> ResolveError:
    """The error behind `{"error": ...}`."""
    said = payload.text("error")
    reason = {401: ResolveFailure.LOGIN_NEEDED, 403: ResolveFailure.PRIVATE}.get(status, ResolveFailure.GONE)
    if "authenticated user" in said or "sign in" in said.lower():
        reason = ResolveFailure.LOGIN_NEEDED
    return ResolveError(reason, f"{payload.site} returned an error: {' '.join(said.split())[:120]}")


def ask_status(access: Access, host: str, status_id: str, canonical_url: str) -> Resolution:
    """A status of an instance, without logging in.

    Raises:
        ResolveError: as `read_status`, `read_refusal`; UNSUPPORTED where the host speaks no such API.
    """
    try:
        status, payload = ask_whatever(access, host, f"https://{host}/api/v1/statuses/{status_id}")
    except ResolveError as error:
        if error.reason in _NOT_MASTODON:
            detail = f"{host} does not answer as Mastodon does"
            raise ResolveError(ResolveFailure.UNSUPPORTED, detail) from error
        raise
    if status != 200 or payload.find("error") is not None:
        raise read_refusal(status, payload)
    return read_status(payload, canonical_url)


def _medium(attachment: Payload) -> MediumRef:
    """One attachment. The origin's own file comes before this host's copy of it."""
    url = attachment.maybe_url("remote_url") or attachment.maybe_url("url")
    if url is None:
        detail = f"{attachment.site} is still working on the media of this post"
        raise ResolveError(ResolveFailure.NETWORK, detail)
    facts = ("meta", "original")
    return MediumRef(
        url,
        _KINDS.get(attachment.text("type")),
        None,
        attachment.maybe_text("description"),
        *attachment.maybe_size(*facts),
        attachment.maybe_number(*facts, "duration"),
        bit_rate=attachment.maybe_whole(*facts, "bitrate"),
        thumbnail=attachment.maybe_url("preview_url"),
    )


def _api(place: Place, access: Access) -> Resolution:
    parts = read_url(place, _FORMS) or {}
    return ask_status(access, place.host, parts["id"], place.url)


class Mastodon:
    """Any host may be an instance: the path alone says whether it is worth asking."""

    def __init__(self) -> None:
        self.routes = {"api": _api}

    def matches(self, place: Place) -> bool:
        """Paths of posts, on every host with a dot in its name."""
        return "." in place.host and read_url(place, _FORMS) is not None


SITE = Mastodon()
