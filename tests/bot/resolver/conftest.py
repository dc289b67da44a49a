from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.addresses import Lookup
from bot.resolver.fetcher import GuardedFetcher
from bot.resolver.limits import FetchLimits
from tests.bot.resolver.server import Server

# Short enough for tests, long enough for a busy machine.
QUICK = {
    "max_bytes": 200_000,
    "total_seconds": 8.0,
    "lookup_seconds": 2.0,
    "connect_seconds": 2.0,
    "read_seconds": 2.0,
    "min_rate": 1000.0,
    "rate_window": 0.3,
    "backoff_seconds": 0.01,
}
MakeFetcher = Callable[..., GuardedFetcher]


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def make_fetcher(server: Server) -> MakeFetcher:
    """A fetcher for which 127.0.0.1, and no other loopback address, counts as the operator's own."""

    def make(
        lookup: Lookup | None = None, allow: tuple[str, ...] = ("127.0.0.1/32",), **limits: object
    ) -> GuardedFetcher:
        numbers = FetchLimits(**{**QUICK, "ports": frozenset({server.port}), **limits})  # type: ignore[arg-type]
        return GuardedFetcher(numbers, allow_networks=allow, lookup=lookup or no_lookup)

    return make


@pytest.fixture
def fetcher(make_fetcher: MakeFetcher) -> GuardedFetcher:
    return make_fetcher()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """Where to download to; after the test, whatever happened in it, nothing else lies beside it."""
    target = tmp_path / "media" / "download"
    target.parent.mkdir()
    yield target
    assert list(target.parent.iterdir()) in ([], [target])


def no_lookup(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


def failure(act: Callable[[], object]) -> ResolveError:
    """The `ResolveError` that this must raise; whatever it is, its detail is one line without a query."""
    with pytest.raises(ResolveError) as caught:
        act()
    assert len(str(caught.value).splitlines()) == 1
    assert "secret" not in str(caught.value)
    return caught.value


def reason(act: Callable[[], object]) -> ResolveFailure:
    return failure(act).reason
