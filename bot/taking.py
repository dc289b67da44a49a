"""Getting a request's media onto this machine, each with its file or its reason."""

from __future__ import annotations

from pathlib import Path

from bot.errors import ResolveError
from bot.platforms.base import Attachment
from bot.request import Request
from bot.resolver import MediumRef, Resolver
from state.model import PostMedium

UNKNOWN_TYPE = "application/octet-stream"


def take_media(
    resolver: Resolver, request: Request, *, file_root: Path | None, last_try: bool
) -> list[PostMedium]:
    """Fetch every medium of a request, in order.

    Args:
        resolver: the way to strangers' files.
        request: what is to be checked.
        file_root: the folder that `file:` attachments must lie in; None where the platform has none.
        last_try: take what could be had instead of asking for another try.

    Raises:
        ResolveError: another try later may get more, and this is not the last one.
    """
    media = []
    for attachment in request.attachments:
        try:
            media.append(_take(resolver, attachment, file_root))
        except ResolveError as problem:
            if problem.passing and not last_try:
                raise
            media.append(
                PostMedium(
                    attachment.url,
                    attachment.alt_text,
                    mime=attachment.mime,
                    reason=problem.reason,
                    detail=str(problem),
                    sensitive=is_sensitive(attachment),
                )
            )
    return media


def _take(resolver: Resolver, attachment: Attachment | MediumRef, file_root: Path | None) -> PostMedium:
    stored = resolver.fetch(attachment, file_root=file_root)
    # Bytes that say nothing of their type are kept under what the platform calls them; the engine will see.
    mime = stored.mime if stored.mime != UNKNOWN_TYPE else attachment.mime or UNKNOWN_TYPE
    return PostMedium(
        attachment.url,
        attachment.alt_text,
        stored.sha256,
        mime,
        stored.size,
        sensitive=is_sensitive(attachment),
    )


def is_sensitive(attachment: Attachment | MediumRef) -> bool:
    """Whether it is marked so; what a link leads to bears no such mark."""
    return isinstance(attachment, Attachment) and attachment.sensitive
