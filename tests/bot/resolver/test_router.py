"""Which route is asked when, and what is said when none has anything; on made-up sites."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, Attempt, MediumRef, Resolution, RunRoute
from bot.resolver.fetcher import GuardedFetcher
from bot.resolver.replay import Fixture
from bot.resolver.router import Router
from bot.resolver.sites.table import SITES, YT_DLP, Route, SiteRecord
from bot.resolver.urls import Place, place_of
from tests.bot.resolver.conftest import failure

MEDIUM = MediumRef("https://cdn.example/1.jpg")
GOOD = Resolution("https://site.example/1", (MEDIUM,))


@dataclass
class Scripted:
    """A site whose routes do what the test says; by default it takes every URL."""

    routes: Mapping[str, RunRoute]
    matching: Callable[[Place], bool] = field(default=lambda place: True)

    def matches(self, place: Place) -> bool:
        return self.matching(place)


def fails(reason: ResolveFailure) -> RunRoute:
    def run(place: Place, access: Access) -> Resolution:
        raise ResolveError(reason, f"it says {reason}")

    return run


def works(place: Place, access: Access) -> Resolution:
    return GOOD


def router(
    sites: Mapping[str, Scripted], *records: SiteRecord, fixture: Fixture | None = None, **more: object
) -> Router:
    fetcher = GuardedFetcher(transport=fixture or Fixture({}))
    return Router(fetcher, records=records, load=sites.__getitem__, **more)  # type: ignore[arg-type]


def one_site(*routes: tuple[Route, RunRoute], **more: object) -> Router:
    site = Scripted({route.name: run for route, run in routes})
    return router({"s": site}, SiteRecord("s", "pages of S", tuple(route for route, _ in routes)), **more)  # type: ignore[arg-type]


def outcomes(asked: Router, url: str = "https://site.example/1") -> tuple[list[str], Resolution | None]:
    attempts: list[Attempt] = []
    try:
        found = asked.resolve(url, attempts.append)
    except ResolveError:
        found = None
    return [f"{each.route}:{each.outcome}" for each in attempts], found


A, B, C = Route("a"), Route("b"), Route("c")
UNSURE, SAME = Route("a", sure=False), Route("a", same_server=True)


@pytest.mark.parametrize(
    ("first", "reason", "asked_next"),
    [
        (A, ResolveFailure.SITE_CHANGED, True), (A, ResolveFailure.NETWORK, True),
        (A, ResolveFailure.RATE_LIMITED, True), (A, ResolveFailure.LOGIN_NEEDED, True),
        (A, ResolveFailure.UNSUPPORTED, True), (A, ResolveFailure.GONE, False),
        (A, ResolveFailure.PRIVATE, False), (A, ResolveFailure.LIVE_STREAM, False),
        (SAME, ResolveFailure.NETWORK, False), (SAME, ResolveFailure.RATE_LIMITED, False),
        (SAME, ResolveFailure.SITE_CHANGED, True),
        (UNSURE, ResolveFailure.GONE, True), (UNSURE, ResolveFailure.PRIVATE, True),
    ],
)  # fmt: skip
def test_the_next_route_is_asked_unless_the_post_itself_is_the_reason(
    first: Route, reason: ResolveFailure, asked_next: bool
) -> None:
    tried, found = outcomes(one_site((first, fails(reason)), (B, works)))
    assert tried == [f"a:{reason}", *(["b:media"] if asked_next else [])]
    assert (found is not None) == asked_next
    if found is not None:
        assert (found.site, found.route) == ("s", "b")


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        (("site_changed", "network"), "network"),
        (("login_needed", "site_changed"), "login_needed"),
        (("site_changed", "unsupported_site", "region"), "region"),
        (("network", "rate_limited"), "rate_limited"),
    ],
)
def test_of_several_failures_the_one_that_says_most_is_told(reasons: tuple[str, ...], told: str) -> None:
    routes = [(route, fails(ResolveFailure(why))) for route, why in zip((A, B, C), reasons, strict=False)]
    assert failure(lambda: one_site(*routes).resolve("https://s.example/", lambda _: None)).reason == told


def test_a_resolution_without_media_says_so() -> None:
    empty = one_site((A, lambda place, access: Resolution(place.url, ())))
    assert outcomes(empty) == (["a:no_media"], None)


def test_routes_without_their_key_or_yt_dlp_are_skipped() -> None:
    paid = Route("paid", needs=("vetric_token",), paid=True)
    keyed: list[str] = []

    def use(place: Place, access: Access) -> Resolution:
        keyed.append(access.key("vetric_token"))
        return GOOD

    assert outcomes(one_site((paid, use), (YT_DLP, works), (B, works)))[0] == [
        "paid:skipped", "yt_dlp:skipped", "b:media",
    ]  # fmt: skip
    assert outcomes(one_site((paid, use), keys={"vetric_token": "k"}))[0] == ["paid:media"]
    assert keyed == ["k"]
    error = failure(lambda: one_site((paid, use)).resolve("https://s.example/", lambda _: None))
    assert "sites.vetric_token" in str(error)


def test_the_operator_sets_the_order_and_switches_sites_on_and_off() -> None:
    routes = ((A, works), (B, works))
    assert outcomes(one_site(*routes, order={"s": ("b", "a")}))[0] == ["b:media"]
    assert outcomes(one_site(*routes, order={"s": ()})) == ([], None)
    off = SiteRecord("s", "pages of S", (A,), off="S does not like to be asked")
    site = {"s": Scripted({"a": works})}
    error = failure(lambda: router(site, off).resolve("https://s.example/", lambda _: None))
    assert error.reason is ResolveFailure.UNSUPPORTED
    assert "does not like" in str(error)
    assert outcomes(router(site, off, order={"s": ("a",)}))[0] == ["a:media"]


def test_what_a_site_does_not_want_goes_to_the_next_that_matches() -> None:
    sites = {"s": Scripted({"a": fails(ResolveFailure.UNSUPPORTED)}), "t": Scripted({"b": works})}
    records = SiteRecord("s", "S", (A,)), SiteRecord("t", "T", (B,))
    assert outcomes(router(sites, *records))[0] == ["a:unsupported_site", "b:media"]


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://site.example/1", True), ("HTTP://SITE.example./1", True),
        ("https://site.example:443/1", True), ("https://site.example.evil.example/1", False),
        ("https://notsite.example/1", False), ("https://evil.example/https://site.example/1", False),
        ("https://site.example@evil.example/1", False),
        ("https://evil.example\\@site.example/1", False), ("https://site.example:8443/1", False),
        ("https://u@site.example/1", False), ("ftp://site.example/1", False), ("site.example/1", False),
        ("https://sıte.example/1", False), ("https://ｓite.example/1", False), ("https:///1", False),
        ("https://site.example\t/1", False), ("https://[site.example/1", False), ("", False),
    ],
)  # fmt: skip
def test_hosts_are_compared_whole(url: str, ours: bool) -> None:
    record = SiteRecord("s", "pages of S", (A,), hosts=frozenset({"site.example"}))
    assert (outcomes(router({"s": Scripted({"a": works})}, record), url)[1] is not None) == ours


def test_a_link_may_lead_to_another_but_not_for_ever() -> None:
    def shorten(place: Place, access: Access) -> Resolution:
        return access.follow("https://long.example/1")

    short = Scripted({"a": shorten}, lambda place: place.host == "short.example")
    loop = Scripted({"c": lambda place, access: access.follow(place.url)}, lambda p: p.host == "loop.example")
    sites = {"short": short, "loop": loop, "long": Scripted({"b": works})}
    records = SiteRecord("short", "", (A,)), SiteRecord("loop", "", (C,)), SiteRecord("long", "", (B,))
    tried, found = outcomes(router(sites, *records), "https://short.example/x")
    assert tried == ["b:media", "a:media"]
    assert found is not None
    assert (found.site, found.route) == ("long", "b")
    sites["long"] = Scripted({"b": fails(ResolveFailure.UNSUPPORTED)})
    tried, found = outcomes(router(sites, *records), "https://loop.example/x")
    assert found is None
    assert len(tried) < 20


def test_places() -> None:
    place = place_of("https://Bücher.example:443/a%20b?x=1&x=2&y=#z")
    assert place is not None
    assert (place.host, place.port, place.path) == ("xn--bcher-kva.example", None, "/a%20b")
    assert place.query == {"x": "1"}


def test_every_site_of_the_table_can_be_had_and_has_its_routes() -> None:
    from bot.resolver.router import site_of

    names = [record.name for record in SITES]
    assert len(set(names)) == len(names)
    for record in SITES:
        assert record.supports
        assert record.routes or record.off
        assert {route.name for route in record.routes} - {"yt_dlp"} <= set(site_of(record.name).routes)
        for host in record.hosts:
            place = place_of(f"https://{host}/")
            assert place is not None, host
            assert place.host == host
