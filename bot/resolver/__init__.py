"""Resolver: from a post or URL to media files on this machine, safe with strangers' links.

    url ──sites──▶ media refs ──guarded fetcher / files──▶ media store

`Resolver` is the one door for the loops and commands; build it from a `fetcher.GuardedFetcher` and a
`media_store.MediaStore`. Importing this package loads no HTTP client.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Fetcher, MediumRef, NamesMedium, Resolution, Site, StoredMedium
from bot.resolver.files import copy_file, local_path
from bot.resolver.limits import FetchLimits
from bot.resolver.media_store import MediaStore
from bot.resolver.sites import all_sites
from bot.resolver.urls import in_public, scheme

__all__ = ["FetchLimits", "MediaStore", "MediumRef", "Resolution", "Resolver", "StoredMedium"]


class Resolver:
    """Finds out what media a URL has, and brings media into the store. Safe to use from many threads.

    ``sites`` are asked in order, the first that matches answers; None means every known one.
    """

    def __init__(self, fetcher: Fetcher, store: MediaStore, sites: Sequence[Site] | None = None) -> None:
        self._fetcher = fetcher
        self._store = store
        self._sites = sites

    def __enter__(self) -> Resolver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def path(self, sha256: str) -> Path:
        """Where the file with this content is, or would be."""
        return self._store.path(sha256)

    def close(self) -> None:
        """Give up what is running and let go of the store. Safe to call twice."""
        self._fetcher.close()
        self._store.close()

    def resolve(self, url: str) -> Resolution:
        """What media a URL has; nothing is stored.

        Raises:
            ResolveError: none can be had; UNSUPPORTED where no site knows this URL, or where it leads to a
                page that no site here can read.
        """
        sites = all_sites() if self._sites is None else self._sites
        supported = "; ".join(site.supports for site in sites)
        reason = f"{in_public(url)} is nothing that can be resolved"
        for site in sites:
            if site.matches(url):
                try:
                    return site.resolve(url, self._fetcher)
                except ResolveError as error:
                    if error.reason is not ResolveFailure.UNSUPPORTED:
                        raise
                    reason = str(error)
                    break
        raise ResolveError(ResolveFailure.UNSUPPORTED, f"{reason}; supported: {supported}")

    def fetch(self, ref: NamesMedium, *, file_root: Path | None, any_file: bool = False) -> StoredMedium:
        """Bring one medium (a `MediumRef` or a platform's attachment) into the store.

        Local files (file: URLs and paths) are taken from inside ``file_root`` only. Where that is None they
        are refused, unless ``any_file`` says that the user of this very process named them.

        Raises:
            ResolveError: it cannot be had; `reason` and `passing` say why, and whether to try again later.
        """
        path = None if scheme(ref.url) in {"http", "https"} else local_path(ref.url)
        if path is not None and file_root is None and not any_file:
            detail = "files of this machine are not open to posts; name a folder for them"
            raise ResolveError(ResolveFailure.BLOCKED_ADDRESS, detail)
        try:
            with self._store.temporary() as temporary:
                if path is None:
                    self._fetcher.download(ref.url, temporary)
                else:
                    limit = self._fetcher.limits.max_bytes
                    copy_file(path, temporary, root=None if any_file else file_root, max_bytes=limit)
                return self._store.adopt(temporary)
        except OSError as error:
            detail = (
                f"the media folder does not take the file: {error.strerror}; make room or mend the folder"
            )
            raise ResolveError(ResolveFailure.NETWORK, detail) from error
