"""Google Drive: files that anyone with the link may see; the official API says beforehand what a file is.

Media are always fetched from the public download address: the API's own would carry the key in every URL.
"""

from __future__ import annotations

from urllib.parse import urlencode

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, MediumRef, Resolution
from bot.resolver.reading.asking import ask_whatever
from bot.resolver.reading.forms import SiteByForms, url_form
from bot.resolver.reading.payload import Payload, site_changed
from bot.resolver.urls import Place

_API = "https://www.googleapis.com/drive/v3/files/"
_FIELDS = "id,mimeType,size,imageMediaMetadata(width,height),videoMediaMetadata(width,height,durationMillis)"
_DOWNLOAD = "https://drive.usercontent.google.com/download"
_MEND = "the link must be open to anyone who has it, and so must the folder that it is in"


def read_file(payload: Payload, file_id: str) -> Resolution:
    """The metadata of one file (developers.google.com/drive/api/reference/rest/v3/files)."""
    mime = payload.text("mimeType")
    kind = mime.partition("/")[0]
    if kind not in {"image", "video", "audio"}:
        detail = f"the file on Google Drive is {mime[:60]}, not an image, video or sound"
        raise ResolveError(ResolveFailure.NO_MEDIA, detail)
    facts = payload.find(f"{kind}MediaMetadata") or payload
    milliseconds = facts.maybe_whole("durationMillis")
    medium = MediumRef(
        download_url(file_id),
        kind,
        mime,
        None,
        *facts.maybe_size(),
        milliseconds / 1000 if milliseconds else None,
        size=payload.maybe_whole("size"),
    )
    return Resolution(_canonical(file_id), (medium,))


def read_refusal(status: int, payload: Payload) -> ResolveError:
    """The error behind `{"error": {"code", "message", "errors"}}`."""
    error = payload.at("error")
    said = (error.maybe_text("message") or "no reason given")[:120]
    why = next((each.maybe_text("reason") or "" for each in error.items("errors")), "")
    if status == 429 or "LimitExceeded" in why or "limitExceeded" in why:
        return ResolveError(ResolveFailure.RATE_LIMITED, f"Google Drive: {said}")
    if (
        status == 400
        or "key" in why.lower()
        or why in {"forbidden", "accessNotConfigured", "ipRefererBlocked"}
    ):
        # About our key, not about the file: the other route needs none.
        return ResolveError(ResolveFailure.LOGIN_NEEDED, f"Google Drive refuses sites.google_api_key: {said}")
    if status == 404:  # also what it says of files that are not shared
        return ResolveError(ResolveFailure.PRIVATE, f"Google Drive: {said}; {_MEND}")
    if status in {401, 403}:
        return ResolveError(ResolveFailure.PRIVATE, f"Google Drive: {said}; {_MEND}")
    return site_changed(payload.site, f"HTTP {status} with {why[:40] or 'no reason'}")


def download_url(file_id: str) -> str:
    """Where the bytes of a public file are, also of one too large for Google to look through for viruses."""
    return f"{_DOWNLOAD}?{urlencode({'id': file_id, 'export': 'download', 'confirm': 't'})}"


def _canonical(file_id: str) -> str:
    return f"https://drive.google.com/file/d/{file_id}/view"


def _api(place: Place, access: Access) -> Resolution:
    file_id = SITE.parts(place)["id"]
    query = urlencode({"fields": _FIELDS, "supportsAllDrives": "true"})
    key = {"x-goog-api-key": access.key("google_api_key")}
    status, payload = ask_whatever(access, "Google Drive", f"{_API}{file_id}?{query}", key)
    if status != 200:
        raise read_refusal(status, payload)
    return read_file(payload, file_id)


def _download(place: Place, access: Access) -> Resolution:
    """Without a key: how the bytes at the public download address begin."""
    file_id = SITE.parts(place)["id"]
    try:
        seen = access.fetcher.peek(download_url(file_id))
    except ResolveError as error:
        if error.reason is ResolveFailure.NO_MEDIA:
            detail = f"Google Drive gives no image, video or sound there; {_MEND}"
            raise ResolveError(ResolveFailure.NO_MEDIA, detail) from error
        raise
    kind = seen.mime.partition("/")[0]
    medium = MediumRef(download_url(file_id), kind, seen.mime, size=seen.size)
    return Resolution(_canonical(file_id), (medium,))


_ID = r"(?P<id>[\w-]{10,120})"
SITE = SiteByForms(
    "a file on Google Drive",
    (
        url_form(rf"(?:/u/\d+)?/file/(?:u/\d+/)?d/{_ID}(?:/.*)?"),
        url_form(r"(?:/u/\d+)?/(?:open|uc|download|thumbnail)", id=r"[\w-]{10,120}"),
    ),
    {"api": _api, "download": _download},
)
