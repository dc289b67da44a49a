"""Direct links: a URL that answers with the bytes of an image, video or sound, whatever its path."""

from __future__ import annotations

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Fetcher, MediumRef, Resolution
from bot.resolver.urls import scheme


class Direct:
    """Takes every http(s) URL, so it is asked last; its fetcher refuses what holds no medium."""

    name = "direct"
    supports = "direct links to an image, video or sound file"

    def matches(self, url: str) -> bool:
        """Any http(s) URL."""
        return scheme(url) in {"http", "https"}

    def resolve(self, url: str, fetcher: Fetcher) -> Resolution:
        """One medium: the URL itself, behind its redirects; UNSUPPORTED where that holds something else."""
        try:
            seen = fetcher.peek(url)
        except ResolveError as error:
            if error.reason is ResolveFailure.NO_MEDIA:  # some page that another site module may read one day
                raise ResolveError(ResolveFailure.UNSUPPORTED, str(error)) from error
            raise
        medium = MediumRef(seen.final_url, kind=seen.mime.partition("/")[0], mime=seen.mime)
        return Resolution(seen.final_url, (medium,), self.name)


SITE = Direct()
