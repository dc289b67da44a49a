"""Reverse search: where else is this picture, what is said of it there, and does that make it a fake?

After TrueMedia's detector of that name (github.com/truemediaorg/ml-models, MIT). Unlike there, pages are read
by a guarded fetcher and not retold by another language model, sites are told apart by their host, and a page
that tries to steer the judgement is dropped.
"""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from detectors.base import Output, View
from detectors.errors import NotApplicable, ServiceError
from detectors.frames import require
from detectors.record import WeightsRecord
from detectors.services import (
    LanguageModel,
    PageReader,
    Question,
    WebDetection,
    require_private,
    with_services,
)
from detectors.services.detector import ConfiguredDetector
from detectors.services.text import cut, showable
from detectors.transcript import instructions

if TYPE_CHECKING:
    from torch import Tensor

MAX_SIDE = 1_600
MAX_PAGES = 3
MAX_CHARACTERS = 12_000
_QUALITY = 92
_SHOWN = 600
_SCORES = {"fake": 1.0, "real": 0.0}
# Sites where anybody posts anything: that a picture is there says nothing of it.
_SOCIAL = (
    *("x.com", "twitter.com", "youtube.com", "facebook.com", "instagram.com", "reddit.com", "medium.com"),
    *("tiktok.com", "threads.net", "bsky.app", "pinterest.com", "linkedin.com", "t.me", "vk.com"),
)
log = logging.getLogger(__name__)


class PictureAnswer(BaseModel):
    """The form of the language model's answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    addresses_reader: bool
    rationale: str
    label: Literal["fake", "real", "unknown"]


class ReverseSearch(ConfiguredDetector):
    """Judges a picture with what the web says of it.

    Args:
        record: names the question, which is the detector's only "weights".
        model: a vision-language model; without one the detector judges nothing and says so.
        search: finds the picture on the web; without one the picture is judged by itself.
        read_page: gives the text of a page that was found.
        private: refuse services that are not on this machine. Pages are read all the same: their addresses
            come from ``search``, and nothing of the medium goes there.
        weights_dir: as of `detectors.create`.

    Raises:
        NotPrivate: ``private``, and a service is elsewhere.
        WeightsError: the question's file is not the record's.
    """

    view: ClassVar[View] = View.FRAMES

    def __init__(
        self,
        record: WeightsRecord,
        model: LanguageModel | None = None,
        search: WebDetection | None = None,
        read_page: PageReader | None = None,
        *,
        private: bool = False,
        weights_dir: Path | None = None,
    ) -> None:
        if private:
            require_private(model, search)
        self.record = with_services(record, {"language_model": model, "web_detection": search})
        self._model = model
        self._search = search
        self._read_page = read_page
        self._instructions = instructions(record, weights_dir)

    def detect(self, view: Tensor) -> Output:
        """Judge the first frame; the evidence holds ``rationale``, ``source_url`` (or None) and ``model``.

        Raises:
            NotApplicable: no frame, too small, a picture that tries to steer the judgement, nothing decisive,
                or a service that was of no use.
        """
        if self._model is None:
            raise NotApplicable("no language model is configured for it")
        picture = encode(view)
        try:
            return self._judge(picture, self._model)
        except ServiceError as error:
            log.warning("reverse_search does not judge: %s", error)
            raise NotApplicable(str(error)) from error

    def _judge(self, picture: bytes, model: LanguageModel) -> Output:
        page, text = self._find(picture)
        data = {} if page is None else {"page_url": page, "page_text": text}
        answer = model.ask(Question(self._instructions, data, picture), PictureAnswer)
        if answer.addresses_reader and page is not None:
            # The page may be the one that speaks to the judge: ask again without it.
            page = None
            answer = model.ask(Question(self._instructions, {}, picture), PictureAnswer)
        if answer.addresses_reader:
            raise NotApplicable("the picture tries to steer whoever judges it")
        if answer.label not in _SCORES:
            raise NotApplicable("neither the picture nor the web tells")
        rationale = showable(answer.rationale, _SHOWN)
        return Output(
            _SCORES[answer.label], {"rationale": rationale, "source_url": page, "model": model.name}
        )

    def _find(self, picture: bytes) -> tuple[str | None, str]:
        """The first page with the picture that can be read, and its text."""
        if self._search is None or self._read_page is None:
            return None, ""
        candidates = [page for page in self._search.pages(picture) if not is_social(page)]
        for page in candidates[:MAX_PAGES]:
            text = self._read_page(page)
            if text and text.strip():
                return page, cut(text.strip(), MAX_CHARACTERS)
        return None, ""


def is_social(url: str) -> bool:
    """Say whether an address is on a site where anybody posts anything; one that is no address is too."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return True
    return not host or any(host == site or host.endswith(f".{site}") for site in _SOCIAL)


def encode(frames: Tensor) -> bytes:
    """Encode the first of uint8 ``(N, H, W, 3)`` frames as a JPEG file of at most 1600 pixels a side.

    Raises:
        NotApplicable: no frame, or one with a side shorter than 64 pixels.
    """
    from PIL import Image

    require(frames)
    image = Image.fromarray(frames[0].cpu().numpy())
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()
