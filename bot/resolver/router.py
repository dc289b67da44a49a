"""Which site a URL belongs to, and by which routes it is asked, one after the other.

    url ──sites in order──▶ site ──routes in order──▶ media, or the reason that says most

A route that fails for itself (a changed page, a refusal, the network) leaves the word to the next. A route
that is sure of what the post is (gone, private, without media) ends the search.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, Attempt, Extractor, Fetcher, Resolution, RunRoute, Site
from bot.resolver.sites.table import SITES, Route, SiteRecord
from bot.resolver.tokens import Tokens
from bot.resolver.urls import Place, in_public, place_of

MAX_STEPS = 4
"""How many URLs one may lead to the next (short link, shared post, its own link)."""
MEDIA, SKIPPED = "media", "skipped"
Watch = Callable[[Attempt], None]

# What another route cannot change; everything else may be the route's own trouble.
_OF_THE_POST = frozenset(
    {
        ResolveFailure.GONE,
        ResolveFailure.PRIVATE,
        ResolveFailure.NO_MEDIA,
        ResolveFailure.LIVE_STREAM,
        ResolveFailure.TOO_LARGE,
        ResolveFailure.TOO_LONG,
        ResolveFailure.BLOCKED_ADDRESS,
    }
)
# Where all routes failed: what may pass comes first, then what is about the post (what is seldom guessed
# before what often is), then what is about us.
_TELLING = (
    ResolveFailure.RATE_LIMITED,
    ResolveFailure.NETWORK,
    ResolveFailure.LIVE_STREAM,
    ResolveFailure.TOO_LARGE,
    ResolveFailure.TOO_LONG,
    ResolveFailure.BLOCKED_ADDRESS,
    ResolveFailure.AGE_GATED,
    ResolveFailure.REGION,
    ResolveFailure.PRIVATE,
    ResolveFailure.GONE,
    ResolveFailure.NO_MEDIA,
    ResolveFailure.LOGIN_NEEDED,
    ResolveFailure.SITE_CHANGED,
    ResolveFailure.UNSUPPORTED,
)


@cache
def site_of(name: str) -> Site:
    """The site of this name, imported at the first call."""
    site: Site = import_module(f"bot.resolver.sites.{name}").SITE
    return site


class Router:
    """Turns a URL into a `Resolution`. Safe to use from many threads.

    Args:
        fetcher: the way to the network.
        extractor: yt-dlp; None where it may not be used.
        keys: the section [sites]'s keys, by name; only those that are set.
        order: by site, the names of its routes in the operator's order, in place of the table's.
        records: the sites, in order.
        load: gets a site by its name.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        *,
        extractor: Extractor | None = None,
        keys: Mapping[str, str] | None = None,
        order: Mapping[str, Sequence[str]] | None = None,
        records: Sequence[SiteRecord] = SITES,
        load: Callable[[str], Site] = site_of,
    ) -> None:
        self.fetcher = fetcher
        self.extractor = extractor
        self._keys = dict(keys or {})
        self._order = dict(order or {})
        self._records = tuple(records)
        self._load = load
        self._tokens = Tokens()

    def resolve(self, url: str, watch: Watch, step: int = 0) -> Resolution:
        """The media of a URL; ``watch`` is told of every route that is tried or skipped.

        Raises:
            ResolveError: none can be had.
        """
        place = place_of(url)
        refusal = f"{in_public(url)} is nothing that can be resolved"
        if place is not None:
            for record in self._matching(place):
                try:
                    return self._ask(record, place, watch, step)
                except ResolveError as error:
                    if error.reason is not ResolveFailure.UNSUPPORTED:
                        raise
                    refusal = str(error)
        supported = "; ".join(record.supports for record in self._records if self._routes(record))
        raise ResolveError(ResolveFailure.UNSUPPORTED, f"{refusal}; supported: {supported}")

    def _matching(self, place: Place) -> Iterator[SiteRecord]:
        for record in self._records:
            if record.hosts and (place.port is not None or place.host not in record.hosts):
                continue
            if self._load(record.name).matches(place):
                yield record

    def _routes(self, record: SiteRecord) -> tuple[Route, ...]:
        """The site's routes in the order that holds here; none where it is off."""
        if record.name not in self._order:
            return () if record.off else tuple(route for route in record.routes if route.asked)
        known = {route.name: route for route in record.routes}
        return tuple(known[name] for name in self._order[record.name])

    def _ask(self, record: SiteRecord, place: Place, watch: Watch, step: int) -> Resolution:
        routes = self._routes(record)
        if not routes:
            raise ResolveError(ResolveFailure.UNSUPPORTED, record.off or f"{record.name} is switched off")
        failures: list[ResolveError] = []
        for route in routes:
            try:
                return self._try(record, route, place, watch, step)
            except ResolveError as error:
                failures.append(error)
                settled = route.sure and error.reason in _OF_THE_POST
                if settled or (route.same_server and error.passing):
                    break
        raise min(failures, key=lambda failure: _TELLING.index(failure.reason))

    def _try(self, record: SiteRecord, route: Route, place: Place, watch: Watch, step: int) -> Resolution:
        began = time.monotonic()

        def tell(outcome: str, detail: str) -> None:
            watch(Attempt(place.url, record.name, route.name, outcome, detail, time.monotonic() - began))

        missing = self._missing(route)
        if missing is not None:
            tell(SKIPPED, missing)
            raise ResolveError(ResolveFailure.UNSUPPORTED, f"{record.name}: {missing}")
        access = _Access(self, route, watch, step)
        try:
            found = self._runner(record, route)(place, access)
            if not found.media:
                raise ResolveError(ResolveFailure.NO_MEDIA, f"{in_public(place.url)} has no media")
        except ResolveError as error:
            tell(error.reason.value, str(error))
            raise
        tell(MEDIA, f"{len(found.media)} of them")
        return found if found.site else replace(found, site=record.name, route=route.name)

    def _missing(self, route: Route) -> str | None:
        """What a route lacks here, in words; None where it can be tried."""
        keys = [f"sites.{name}" for name in route.needs if name not in self._keys]
        if keys:
            return f"the route {route.name} needs {' and '.join(keys)}"
        if route.name == "yt_dlp" and self.extractor is None:
            return "yt-dlp is switched off"
        return None

    def _runner(self, record: SiteRecord, route: Route) -> RunRoute:
        routes = self._load(record.name).routes
        if route.name == "yt_dlp" and route.name not in routes:
            from bot.resolver.extracted import yt_dlp_route

            return yt_dlp_route
        return routes[route.name]


@dataclass(frozen=True, slots=True)
class _Access(Access):
    """What one route of one URL may use."""

    _router: Router
    _route: Route
    _watch: Watch
    _step: int

    @property
    def fetcher(self) -> Fetcher:
        return self._router.fetcher

    @property
    def extractor(self) -> Extractor | None:
        return self._router.extractor

    @property
    def tokens(self) -> Tokens:
        return self._router._tokens

    def key(self, name: str) -> str:
        assert name in self._route.needs, f"the record of the route {self._route.name} names no key {name}"
        return self._router._keys[name]

    def follow(self, url: str) -> Resolution:
        if self._step >= MAX_STEPS:
            detail = f"{in_public(url)} is one of too many links that lead to the next"
            raise ResolveError(ResolveFailure.UNSUPPORTED, detail)
        return self._router.resolve(url, self._watch, self._step + 1)
