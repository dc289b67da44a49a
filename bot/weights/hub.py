"""Files in Hugging Face repositories, through their own client: it resumes, and knows logins and mirrors."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.errors import FetchFailed
from bot.weights.download import Progress
from detectors.record import HubFile, WeightsFile

_COMMIT = re.compile(r"[0-9a-f]{40}")
_ADDRESS = re.compile(r"https://huggingface\.co/([\w.-]+/[\w.-]+)/(?:resolve|blob)/([^/?]+)/([^?]+)")


def as_hub_file(file: WeightsFile) -> HubFile | None:
    """Return the hub file that a record names, be it only by the hub's plain address."""
    if file.hub is None and (found := _ADDRESS.match(file.url or "")):
        return HubFile(repo=found[1], revision=found[2], file=found[3])
    return file.hub


def download_from_hub(source: HubFile, directory: Path, on_progress: Progress) -> tuple[Path, HubFile]:
    """Bring a file into a folder. ``HF_ENDPOINT`` names a mirror, ``HF_TOKEN`` a login.

    Returns:
        Where it is, and what it is: the commit that a branch stood at when it was brought.

    Raises:
        FetchFailed: it cannot be had; what came stays for another call.
    """
    from huggingface_hub import constants, hf_hub_download

    if constants.is_offline_mode():
        raise FetchFailed(f"{source}: HF_HUB_OFFLINE is set; unset it to fetch")
    with _named_failures(source):
        pinned = source if _COMMIT.fullmatch(source.revision) else _at_its_commit(source)
        path = hf_hub_download(
            pinned.repo,
            pinned.file,
            revision=pinned.revision,
            local_dir=directory,
            endpoint=os.environ.get("HF_ENDPOINT"),
            tqdm_class=_bar(on_progress),
        )
        return Path(path), pinned


def _at_its_commit(source: HubFile) -> HubFile:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(
        source.repo, source.file, revision=source.revision, endpoint=os.environ.get("HF_ENDPOINT")
    )
    commit = get_hf_file_metadata(url).commit_hash
    return source.model_copy(update={"revision": commit}) if commit else source


@contextmanager
def _named_failures(source: HubFile) -> Iterator[None]:
    import httpx2  # what huggingface_hub speaks HTTP with
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        reason = f"needs a login: accept its terms at https://huggingface.co/{source.repo} and set HF_TOKEN"
        raise FetchFailed(f"{source} {reason}") from error
    except errors.RevisionNotFoundError as error:
        raise FetchFailed(f"{source}: the repository has no such revision any more; {_BY_HAND}") from error
    except errors.RemoteEntryNotFoundError as error:
        raise FetchFailed(f"{source}: the repository has no such file any more; {_BY_HAND}") from error
    except errors.RepositoryNotFoundError as error:
        raise FetchFailed(
            f"{source}: there is no such repository, or it needs HF_TOKEN; {_BY_HAND}"
        ) from error
    except (errors.LocalEntryNotFoundError, errors.HfHubHTTPError, httpx2.HTTPError, OSError) as error:
        reason = " ".join(str(error.__cause__ or error).split())[:200]
        raise FetchFailed(
            f"{source}: it broke off ({reason or type(error).__name__}); "
            "run the same command again: it goes on where it stopped"
        ) from error


_BY_HAND = "get it by hand and use `veritag weights import`"


def _bar(on_progress: Progress) -> Any:
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
        """The client's progress bar, shown by ours."""

        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **options | {"file": io.StringIO(), "disable": False})
            on_progress(int(self.n), self.total)

        def update(self, n: float | None = 1) -> bool | None:
            done: bool | None = super().update(n)
            on_progress(int(self.n), self.total)
            return done

    return Bar
