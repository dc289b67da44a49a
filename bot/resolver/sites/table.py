"""Every site: which hosts it has, by which routes it is asked and in which order. Data, no logic.

The site is the module `bot.resolver.sites.NAME`; nothing is imported before a URL of that site comes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """One way of asking a site.

    ``needs`` are keys of the section [sites]: without one of them the route is skipped. What a route that is
    not ``sure`` says of a post (gone, private) may be wrong, so the next one is asked all the same. The
    routes behind one with ``same_server`` ask where it asked: its network trouble would be theirs.
    """

    name: str
    needs: tuple[str, ...] = ()
    paid: bool = False
    sure: bool = True
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


YT_DLP = Route("yt_dlp", sure=False)
"""yt-dlp, which every site may have among its routes; no module needs to write it."""

SITES: tuple[SiteRecord, ...] = (
    SiteRecord("web", "direct links to an image, video or sound file", (Route("direct", same_server=True),)),
)
"""Asked in this order: the first that matches answers, unless it says that this is not for it after all."""
