"""Truth Social: the API of Mastodon, behind a gate that knows browsers by their TLS handshake.

An ordinary client is mostly refused there (RATE_LIMITED: it is asked for proof that a browser asks).
"""

from __future__ import annotations

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, Resolution
from bot.resolver.reading.forms import SiteByForms, url_form
from bot.resolver.reading.payload import site_changed
from bot.resolver.sites.mastodon import ask_status
from bot.resolver.urls import Place


def _api(place: Place, access: Access) -> Resolution:
    parts = SITE.parts(place)
    canonical = f"https://truthsocial.com/@{parts['user']}/{parts['id']}"
    try:
        return ask_status(access, "truthsocial.com", parts["id"], canonical)
    except ResolveError as error:
        if error.reason is ResolveFailure.UNSUPPORTED:
            raise site_changed("Truth Social", "no JSON of its API") from error
        raise


SITE = SiteByForms(
    "a post of Truth Social",
    (
        url_form(r"/@(?P<user>[\w.-]{1,60})/(?:posts/)?(?P<id>\d{1,30})"),
        url_form(r"/users/(?P<user>[\w.-]{1,60})/statuses/(?P<id>\d{1,30})"),
    ),
    {"api": _api},
)
