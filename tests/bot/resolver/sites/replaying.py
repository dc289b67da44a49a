"""Sites as the router asks them, from the fixtures beside these tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Attempt, MediumRef, Resolution
from bot.resolver.fetcher import GuardedFetcher
from bot.resolver.limits import FetchLimits
from bot.resolver.replay import Fixture
from bot.resolver.router import Router
from bot.resolver.urls import place_of

FIXTURES = Path(__file__).parent / "fixtures"
KEYS = {
    "x_bearer_token": "key-of-x",
    "reddit_client_id": "id-of-reddit",
    "reddit_client_secret": "secret-of-reddit",
    "google_api_key": "key-of-google",
    "vetric_instagram_token": "key-of-vetric",
    "vetric_facebook_token": "key-of-vetric",
}
POSTED = datetime(2024, 6, 1, 12, tzinfo=UTC)
"""When the posts of most fixtures were made."""
LIMITS = FetchLimits(attempts=1)


@dataclass(frozen=True)
class Replayed:
    """What came of a URL: ``tried`` are routes with their outcomes, ``asked`` the URLs of the requests."""

    found: Resolution | None
    error: ResolveError | None
    tried: tuple[str, ...]
    asked: tuple[str, ...]

    @property
    def reason(self) -> ResolveFailure:
        assert self.error is not None, f"media came by {self.tried}"
        assert len(str(self.error).splitlines()) == 1
        assert not any(key in str(self.error) for key in KEYS.values())
        return self.error.reason

    @property
    def media(self) -> tuple[MediumRef, ...]:
        assert self.found is not None, f"{self.error} by {self.tried}"
        return self.found.media

    @property
    def urls(self) -> list[str]:
        return [medium.url for medium in self.media]


def replay(case: str, *, keys: Mapping[str, str] = {}, order: Mapping[str, tuple[str, ...]] = {}) -> Replayed:
    """The fixture `case.json`, resolved; with yt-dlp if it has answers for it."""
    return resolve(Fixture.load(FIXTURES / f"{case}.json"), keys=keys, order=order)


def resolve(
    fixture: Fixture,
    *,
    keys: Mapping[str, str] = {},
    order: Mapping[str, tuple[str, ...]] = {},
    limits: FetchLimits = LIMITS,
) -> Replayed:
    attempts: list[Attempt] = []
    router = Router(GuardedFetcher(limits, transport=fixture), extractor=fixture, keys=keys, order=order)
    found, error = None, None
    try:
        found = router.resolve(fixture.url, attempts.append)
    except ResolveError as failure:
        error = failure
    tried = tuple(f"{each.route}:{each.outcome}" for each in attempts)
    return Replayed(found, error, tried, tuple(str(each.place) for each in fixture.asked))


def site_for(url: str) -> str | None:
    """The name of the first site that takes this URL; None where nobody does."""
    place = place_of(url)
    if place is None:
        return None
    router = Router(GuardedFetcher(LIMITS, transport=Fixture({})))
    return next((record.name for record in router._matching(place)), None)
