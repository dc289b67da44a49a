"""Any URL: one that answers with the bytes of an image, video or sound, whatever its path."""

from __future__ import annotations

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, MediumRef, Resolution
from bot.resolver.urls import Place


class Web:
    """Takes every http(s) URL, so it is asked last."""

    def __init__(self) -> None:
        self.routes = {"direct": _direct}

    def matches(self, place: Place) -> bool:
        """Any of them."""
        del place
        return True


def _direct(place: Place, access: Access) -> Resolution:
    """One medium: the URL itself, behind its redirects; UNSUPPORTED where that holds something else."""
    try:
        seen = access.fetcher.peek(place.url)
    except ResolveError as error:
        if error.reason is ResolveFailure.NO_MEDIA:  # some page, which another route or site may read
            raise ResolveError(ResolveFailure.UNSUPPORTED, str(error)) from error
        raise
    medium = MediumRef(seen.final_url, kind=seen.mime.partition("/")[0], mime=seen.mime, size=seen.size)
    return Resolution(seen.final_url, (medium,))


SITE = Web()
