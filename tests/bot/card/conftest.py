"""Replies as the outbox holds them."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image

from analysis.model import Band
from state.model import ReplyRow, ReplyState
from tests.state.conftest import START

MakeReply = Callable[..., ReplyRow]


@pytest.fixture
def make_reply() -> MakeReply:
    """A verdict's row; its wording is the language's first one unless another is named."""

    def make(
        language: str = "en", band: Band = Band.HIGH, kind: str = "verdict", wording: str | None = None
    ) -> ReplyRow:
        return ReplyRow(
            id=1,
            mention_id=1,
            kind=kind,
            revision=0,
            key="a-key",
            state=ReplyState.QUEUED,
            in_reply_to="m-1",
            text="@ann said something",
            language=language,
            wording=wording or f"{language}/{kind}.{band}/0",
            band=band,
            created_at=START,
            sent_at=None,
            platform_id=None,
            url=None,
        )

    return make


@pytest.fixture
def stripes() -> bytes:
    """A small picture with sharp edges, as `bot.thumbnails` makes them."""
    picture = Image.new("RGB", (320, 200))
    for left in range(0, 320, 20):
        picture.paste((255, 255, 255), (left, 0, left + 10, 200))
    content = BytesIO()
    picture.save(content, "WEBP", quality=90)
    return content.getvalue()
