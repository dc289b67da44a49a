"""Web detection by the REST interface of Google Cloud Vision."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from detectors.services.budget import Budget
from detectors.services.http import HttpClient, HttpService, Patience, bearer

PER_CALL = 0.0035  # dollars, list price of web detection
_MAX_PAGES = 20
_MAX_ADDRESS = 2_000


class GoogleWebDetection(HttpClient):
    """Implements `WebDetection`.

    Args:
        key: an API key that may use the Cloud Vision API.
        budget: pays for the calls.
        per_call: dollars for one picture.
        base_url: where the interface is.

    Raises:
        ValueError: a key or an address that cannot be used.
    """

    def __init__(
        self,
        key: str,
        *,
        budget: Budget,
        per_call: float = PER_CALL,
        base_url: str = "https://vision.googleapis.com/v1",
        patience: Patience | None = None,
    ) -> None:
        token = bearer(key)["authorization"].removeprefix("Bearer ")
        self._service = HttpService(
            base_url, "web detection", headers={"x-goog-api-key": token}, budget=budget, patience=patience
        )
        self._per_call = per_call

    def pages(self, picture: bytes) -> Sequence[str]:
        """See `WebDetection`."""
        request = {
            "image": {"content": base64.b64encode(picture).decode("ascii")},
            "features": [{"type": "WEB_DETECTION", "maxResults": _MAX_PAGES}],
        }
        return self._service.post(
            "images:annotate", self._read, most=self._per_call, json={"requests": [request]}
        )

    def _read(self, reply: Any) -> tuple[list[str], float]:
        answer = reply["responses"][0]
        if "error" in answer:
            raise ValueError("the picture could not be looked up")
        listed = answer.get("webDetection", {}).get("pagesWithMatchingImages", [])
        addresses = [page["url"] for page in listed[:_MAX_PAGES]]
        usable = [
            address
            for address in addresses
            if isinstance(address, str)
            and address.startswith(("https://", "http://"))
            and len(address) <= _MAX_ADDRESS
        ]
        return usable, self._per_call
