"""Resolver: from a post or URL to media files on this machine, safe with strangers' links.

    url ──router, sites──▶ media refs ──guarded fetcher / files──▶ media store

`Resolver` is the one door for the loops and commands; build it from a `fetcher.GuardedFetcher`, a
`media_store.MediaStore` and a `router.Router`. Importing this package loads no HTTP client.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Attempt, Fetcher, MediumRef, NamesMedium, Resolution, StoredMedium
from bot.resolver.bringing import bring
from bot.resolver.files import copy_file, local_path
from bot.resolver.limits import FetchLimits
from bot.resolver.media_store import MediaStore
from bot.resolver.router import Router, Watch
from bot.resolver.urls import scheme

__all__ = [
    "Attempt",
    "FetchLimits",
    "MediaStore",
    "MediumRef",
    "Resolution",
    "Resolver",
    "Router",
    "StoredMedium",
]


class Resolver:
    """Finds out what media a URL has, and brings media into the store. Safe to use from many threads.

    ``router`` knows the sites; None means all of them, with nothing but the fetcher. ``watch`` is told of
    every route that is tried. ``files`` is the store.
    """

    def __init__(
        self, fetcher: Fetcher, store: MediaStore, router: Router | None = None, watch: Watch | None = None
    ) -> None:
        self._fetcher = fetcher
        self.files = store
        self._router = router or Router(fetcher)
        self._watch = watch

    def __enter__(self) -> Resolver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def into(self, files: MediaStore) -> Resolver:
        """The same resolver, with the same limits and pauses of hosts, bringing media into another store.

        Whoever asked for it closes that store, and never this resolver.
        """
        return Resolver(self._fetcher, files, self._router, self._watch)

    def path(self, sha256: str) -> Path:
        """Where the file with this content is, or would be."""
        return self.files.path(sha256)

    def close(self) -> None:
        """Give up what is running and let go of the store. Safe to call twice."""
        if self._router.extractor is not None:
            self._router.extractor.close()
        self._fetcher.close()
        self.files.close()

    def resolve(self, url: str, watch: Watch | None = None) -> Resolution:
        """What media a URL has; nothing is stored. ``watch`` is told of every route that is tried, too.

        Raises:
            ResolveError: none can be had; UNSUPPORTED where no site knows this URL, or where it leads to a
                page that no site here can read.
        """

        def tell(attempt: Attempt) -> None:
            for each in filter(None, (self._watch, watch)):
                each(attempt)

        return self._router.resolve(url, tell)

    def fetch(self, ref: NamesMedium, *, file_root: Path | None, any_file: bool = False) -> StoredMedium:
        """Bring one medium (a `MediumRef` or a platform's attachment) into the store.

        Local files (file: URLs and paths) are taken from inside ``file_root`` only. Where that is None they
        are refused, unless ``any_file`` says that the user of this very process named them. Sound that is a
        file of its own is joined with its pictures, where the two can be joined.

        Raises:
            ResolveError: it cannot be had; `reason` and `passing` say why, and whether to try again later.
        """
        path = None if scheme(ref.url) in {"http", "https"} else local_path(ref.url)
        if path is not None and file_root is None and not any_file:
            detail = "files of this machine are not open to posts; name a folder for them"
            raise ResolveError(ResolveFailure.BLOCKED_ADDRESS, detail)
        try:
            if path is None:
                medium = ref if isinstance(ref, MediumRef) else MediumRef(ref.url)
                with self.files.workspace() as workspace:
                    brought = bring(medium, workspace, self._fetcher, self._router.extractor)
                    return self.files.adopt(brought)
            with self.files.temporary() as copy:
                limit = self._fetcher.limits.max_bytes
                copy_file(path, copy, root=None if any_file else file_root, max_bytes=limit)
                return self.files.adopt(copy)
        except OSError as error:
            detail = (
                f"the media folder does not take the file: {error.strerror}; make room or mend the folder"
            )
            raise ResolveError(ResolveFailure.NETWORK, detail) from error
