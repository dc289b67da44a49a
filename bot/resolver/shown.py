"""Resolutions and attempts as JSON: what commands and pages show. Keys and headers never are among it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bot.errors import ResolveError
from bot.resolver.base import Attempt, MediumRef, Resolution


def medium_json(medium: MediumRef) -> dict[str, Any]:
    """One medium as its site describes it."""
    fields = {name: getattr(medium, name) for name in _SHOWN}
    return fields | {"audio": medium_json(medium.audio) if medium.audio else None}


def resolution_json(resolution: Resolution) -> dict[str, Any]:
    """What is known of the post, without its media."""
    return {
        "url": resolution.canonical_url,
        "site": resolution.site,
        "route": resolution.route,
        "author": resolution.author,
        "posted_at": resolution.posted_at.isoformat() if resolution.posted_at else None,
    }


def error_json(error: ResolveError) -> dict[str, Any]:
    """Why there is nothing, and until when it makes no sense to ask again."""
    until = error.retry_at.isoformat() if error.retry_at else None
    return {"reason": error.reason.value, "message": str(error), "retry_at": until}


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """One route that was tried."""
    return asdict(attempt) | {"seconds": round(attempt.seconds, 3)}


_SHOWN = (
    "url", "kind", "mime", "alt_text", "width", "height", "duration", "size", "bit_rate", "thumbnail",
)  # fmt: skip
