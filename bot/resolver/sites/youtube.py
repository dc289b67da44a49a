"""YouTube: videos by yt-dlp, once the operator allows it (`sites.table` says why it is off)."""

from __future__ import annotations

from bot.resolver.reading.forms import SiteByForms, url_form

_ID = r"(?P<id>[\w-]{11})"
SITE = SiteByForms(
    "a video of YouTube",
    (
        url_form("/watch", v=r"[\w-]{11}"),
        url_form(f"/(?:shorts|live|embed|v|e)/{_ID}"),
        url_form(f"/{_ID}", hosts="youtu.be"),
    ),
    {},
)
