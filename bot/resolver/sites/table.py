"""Every site: which hosts it has, by which routes it is asked and in which order. Data, no logic.

The site is the module `bot.resolver.sites.NAME`; nothing is imported before a URL of that site comes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """One way of asking a site.

    ``needs`` are keys of the section [sites]: without one of them the route is skipped. What a route that is
    not ``sure`` says of a post (gone, private) may be wrong, so the next one is asked all the same. One that
    is not ``asked`` waits for the operator to name it in `sites.routes`. The routes behind one with
    ``same_server`` ask where it asked: its network trouble would be theirs.
    """

    name: str
    needs: tuple[str, ...] = ()
    paid: bool = False
    sure: bool = True
    asked: bool = True
    same_server: bool = False


@dataclass(frozen=True, slots=True)
class SiteRecord:
    """One site: ``supports`` says in words, for the asker, what it reads.

    ``hosts`` are whole host names in lower-case ASCII, none means that every host may be one; ``off`` is the
    reason why a site is not asked unless the operator names its routes.
    """

    name: str
    supports: str
    routes: tuple[Route, ...]
    hosts: frozenset[str] = frozenset()
    off: str | None = None


def _hosts(names: str) -> frozenset[str]:
    return frozenset(names.split())


YT_DLP = Route("yt_dlp", sure=False)
"""yt-dlp, which every site may have among its routes; no module needs to write it."""

SITES: tuple[SiteRecord, ...] = (
    SiteRecord("short_links", "short links of these sites", (Route("redirect"),)),
    SiteRecord(
        "x",
        "posts of X (Twitter)",
        (Route("api", needs=("x_bearer_token",)), Route("embed", sure=False), YT_DLP),
        _hosts("x.com www.x.com mobile.x.com twitter.com www.twitter.com mobile.twitter.com m.twitter.com"),
    ),
    SiteRecord(
        "bluesky",
        "posts of Bluesky",
        (Route("originals"), Route("copies"), YT_DLP),
        _hosts("bsky.app www.bsky.app main.bsky.dev"),
    ),
    SiteRecord(
        "truthsocial",
        "posts of Truth Social",
        (Route("api"), YT_DLP),
        _hosts("truthsocial.com www.truthsocial.com"),
    ),
    SiteRecord(
        "reddit",
        "posts of Reddit",
        (Route("api", needs=("reddit_client_id", "reddit_client_secret")), Route("json"), YT_DLP),
        _hosts(
            "reddit.com www.reddit.com old.reddit.com new.reddit.com np.reddit.com sh.reddit.com "
            "m.reddit.com amp.reddit.com i.reddit.com redd.it www.redd.it v.redd.it"
        ),
    ),
    SiteRecord(
        "tiktok",
        "posts of TikTok",
        (
            Route("embed", sure=False),
            Route("page", sure=False),
            YT_DLP,
            Route("tikly", sure=False, asked=False),
        ),
        _hosts(
            "tiktok.com www.tiktok.com m.tiktok.com vm.tiktok.com vt.tiktok.com tiktokv.com www.tiktokv.com "
            "m.tiktokv.com"
        ),
    ),
    SiteRecord(
        "instagram",
        "posts and reels of Instagram",
        (
            Route("embed", sure=False),
            Route("page", sure=False),
            YT_DLP,
            Route("vetric", needs=("vetric_instagram_token",), paid=True),
            Route("oembed", sure=False),
        ),
        _hosts("instagram.com www.instagram.com m.instagram.com instagr.am www.instagr.am"),
    ),
    SiteRecord(
        "facebook",
        "posts, photos and videos of Facebook",
        (
            Route("page", sure=False),
            Route("embed", sure=False),
            YT_DLP,
            Route("vetric", needs=("vetric_facebook_token",), paid=True),
        ),
        _hosts(
            "facebook.com www.facebook.com m.facebook.com mbasic.facebook.com web.facebook.com fb.com "
            "www.fb.com fb.watch www.fb.watch fb.me"
        ),
    ),
    SiteRecord(
        "google_drive",
        "images, videos and sounds on Google Drive",
        (Route("api", needs=("google_api_key",)), Route("download")),
        _hosts("drive.google.com drive.usercontent.google.com docs.google.com"),
    ),
    SiteRecord(
        "bitchute",
        "videos of BitChute",
        (Route("api"), Route("page", sure=False), YT_DLP),
        _hosts("bitchute.com www.bitchute.com old.bitchute.com"),
    ),
    SiteRecord(
        "youtube",
        "videos of YouTube",
        (YT_DLP,),
        _hosts(
            "youtube.com www.youtube.com m.youtube.com music.youtube.com youtu.be www.youtu.be "
            "youtube-nocookie.com www.youtube-nocookie.com"
        ),
        off=(
            "YouTube is not read: its terms forbid downloads and its servers refuse most of them; "
            'where you may, set sites.routes to ["youtube: yt_dlp"]'
        ),
    ),
    SiteRecord(
        "telegram",
        "posts of public Telegram channels",
        (Route("embed", sure=False), Route("preview"), YT_DLP),
        _hosts("t.me www.t.me telegram.me www.telegram.me telegram.dog"),
    ),
    SiteRecord("mastodon", "posts of Mastodon, on any instance", (Route("api"),)),
    SiteRecord(
        "web",
        "direct links to an image, video or sound file, and pages that name theirs",
        (Route("direct", same_server=True), Route("page", same_server=True), YT_DLP),
    ),
)
"""Asked in this order: the first that matches answers, unless it says that this is not for it after all."""
