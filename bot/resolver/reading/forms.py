"""The URLs that a site knows, as data: compiled once, always matched whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, Resolution, RunRoute
from bot.resolver.urls import Place, in_public

_SLASHES = re.compile(r"/{2,}")
_FILE = re.compile(
    r".*\.(?:avif|gif|heic|jpe?g|png|webp|m4[av]|mkv|mov|mp[34]|og[gv]|opus|wav|webm)", re.I | re.S
)


def is_file(path: str) -> bool:
    """Whether a path ends as the names of images, videos and sounds do."""
    return _FILE.fullmatch(path) is not None


@dataclass(frozen=True, slots=True)
class UrlForm:
    """One form of URL; make it with `url_form`. No ``hosts``: any that the site's record names."""

    path: re.Pattern[str]
    query: tuple[tuple[str, re.Pattern[str]], ...] = ()
    hosts: frozenset[str] = frozenset()

    def parts(self, place: Place) -> dict[str, str] | None:
        """The named parts of a URL in this form; None for any other URL, and for one with a port."""
        if place.port is not None or (self.hosts and place.host not in self.hosts):
            return None
        found = self.path.fullmatch(_SLASHES.sub("/", unquote(place.path)))
        if found is None:
            return None
        parts = {name: value for name, value in found.groupdict().items() if value is not None}
        for name, pattern in self.query:
            value = pattern.fullmatch(place.query.get(name, ""))
            if value is None:
                return None
            parts[name] = value[0]
        return parts


def url_form(path: str, *, hosts: str = "", **query: str) -> UrlForm:
    """A form from regular expressions for the whole path and for query values that must be there.

    The path is matched after percent-decoding, with repeated slashes as one, and may end in a slash.
    ``hosts`` are host names divided by blanks.
    """
    wanted = tuple((name, re.compile(pattern)) for name, pattern in query.items())
    return UrlForm(re.compile(f"(?:{path})/?"), wanted, frozenset(hosts.split()))


def read_url(place: Place, forms: Sequence[UrlForm]) -> dict[str, str] | None:
    """The named parts of a URL by the first form that it has; None where it has none of them."""
    return next((parts for form in forms if (parts := form.parts(place)) is not None), None)


class SiteByForms:
    """A `bot.resolver.base.Site` that knows its URLs by their forms, and reads no others by any route.

    Args:
        wants: says in words what it reads.
        forms: the URLs that it reads; of those that more than one form fits, the first is meant.
        routes: as the site's record names them; `yt_dlp` is there for all.
        refused: by the name of a part, why URLs that have it cannot be read, with a sentence for it.
    """

    def __init__(
        self,
        wants: str,
        forms: Sequence[UrlForm],
        routes: Mapping[str, RunRoute],
        refused: Mapping[str, tuple[ResolveFailure, str]] | None = None,
    ) -> None:
        self._wants = wants
        self._forms = tuple(forms)
        self._refused = dict(refused or {})
        self.routes: Mapping[str, RunRoute] = {"yt_dlp": self._yt_dlp, **routes}

    def matches(self, place: Place) -> bool:
        """Every URL of the record's hosts but those of files, which need no site to be had.

        Were this true of posts only, another site would read (say) a profile's picture out of its page.
        """
        return not is_file(place.path)

    def parts(self, place: Place) -> dict[str, str]:
        """The named parts of a URL.

        Raises:
            ResolveError: NO_MEDIA where it has none of the forms; the reason of a part that is refused.
        """
        parts = read_url(place, self._forms)
        if parts is None:
            detail = f"{in_public(place.url)} is not a link to {self._wants}"
            raise ResolveError(ResolveFailure.NO_MEDIA, detail)
        for name, (reason, detail) in self._refused.items():
            if name in parts:
                raise ResolveError(reason, detail)
        return parts

    def _yt_dlp(self, place: Place, access: Access) -> Resolution:
        from bot.resolver.extracted import yt_dlp_route

        self.parts(place)
        return yt_dlp_route(place, access)
