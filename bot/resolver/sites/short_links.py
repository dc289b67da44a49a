"""Short links, and links for sharing: URLs of known sites that say nothing but where they lead.

They are a site of their own, so that one is followed once, whatever becomes of what it leads to.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, Resolution
from bot.resolver.reading.asking import BROWSER_LIKE, asks_to_log_in, refused
from bot.resolver.reading.forms import read_url, url_form
from bot.resolver.urls import Place, in_public

_REDDIT = "reddit.com www.reddit.com old.reddit.com new.reddit.com np.reddit.com sh.reddit.com m.reddit.com"
_FORMS = (
    url_form(r"/(?:r|u|user)/[\w-]{2,60}/s/\w{4,40}|/video/\w{4,40}", hosts=_REDDIT),
    url_form(r"/media", hosts=_REDDIT, url=r"https?://.+"),
    url_form(r"/\w{4,40}", hosts="v.redd.it"),
    url_form(r"/t/\w{4,40}", hosts="tiktok.com www.tiktok.com m.tiktok.com"),
    url_form(r"/\w{4,40}", hosts="vm.tiktok.com vt.tiktok.com"),
    url_form(
        r"/share/(?:(?:p|reel|r)/)?[\w-]{5,60}", hosts="instagram.com www.instagram.com m.instagram.com"
    ),
    url_form(
        r"/share/(?:[prv]/)?[\w-]{5,60}",
        hosts="facebook.com www.facebook.com m.facebook.com web.facebook.com",
    ),
    url_form(r"/[\w-]{5,60}", hosts="fb.watch www.fb.watch fb.me"),
)


def _redirect(place: Place, access: Access) -> Resolution:
    named = (read_url(place, _FORMS) or {}).get("url")
    if named is not None:
        return access.follow(named)
    target = access.fetcher.final_url(place.url)
    if asks_to_log_in(target):
        detail = f"{in_public(place.url)} leads visitors to a log-in"
        raise ResolveError(ResolveFailure.LOGIN_NEEDED, detail)
    if urlsplit(target).path.rstrip("/") == place.path.rstrip("/"):
        raise _nowhere(place, access)
    return access.follow(target)


def _nowhere(place: Place, access: Access) -> ResolveError:
    """Why a link leads nowhere: by what it answers with itself."""
    error = refused(access.fetcher.get(place.url, headers=BROWSER_LIKE))
    shown = in_public(place.url)
    if error is None or error.reason is ResolveFailure.GONE:
        return ResolveError(ResolveFailure.GONE, f"{shown} leads nowhere (any more)")
    if error.reason is ResolveFailure.PRIVATE:  # a short link itself is never private
        return ResolveError(ResolveFailure.LOGIN_NEEDED, f"{shown} turns this client away")
    return error


class ShortLinks:
    """Takes no other URL of these hosts: they belong to their sites."""

    def __init__(self) -> None:
        self.routes = {"redirect": _redirect}

    def matches(self, place: Place) -> bool:
        """Whether the URL has one of the forms."""
        return read_url(place, _FORMS) is not None


SITE = ShortLinks()
