"""Asking a site, and what its refusals mean wherever they mean the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.answers import refusal
from bot.resolver.base import Access, Answer
from bot.resolver.reading.markup import Page, read_page
from bot.resolver.reading.payload import Payload
from bot.resolver.urls import in_public

# Some sites send pages that are empty to clients whose name does not begin as browsers' do. It still says
# that a program asks, and which.
BROWSER_LIKE = {"user-agent": "Mozilla/5.0 (compatible; Veritag/0.1)", "accept-language": "en"}
_JSON = {"accept": "application/json"}
_LOGIN = re.compile(r"/(?:login|signin|sign_in|ServiceLogin)(?:\.php|/|$)", re.I)
_CHALLENGES = (b"<title>Just a moment...</title>", b"_cf_chl_opt", b"_wafchallengeid", b"SlardarWAF")


def refused(answer: Answer) -> ResolveError | None:
    """The error that an answer means by itself; None for one that holds what was asked for (status 200).

    A page that wants to see a browser at work is a refusal for now (RATE_LIMITED), one that asks to log in
    is LOGIN_NEEDED, whatever their status.
    """
    shown = in_public(answer.url)
    if "challenge" in answer.headers.get("cf-mitigated", "") or _is_challenge(answer):
        return ResolveError(ResolveFailure.RATE_LIMITED, f"{shown} wants proof that a browser asks")
    if asks_to_log_in(answer.url):
        return ResolveError(ResolveFailure.LOGIN_NEEDED, f"{shown} asks visitors to log in")
    return refusal(answer.status, answer.headers, shown)


def asks_to_log_in(url: str) -> bool:
    """Whether a URL that one was led to is that of a log-in."""
    return _LOGIN.search(urlsplit(url).path) is not None


def ask(access: Access, url: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with status 200.

    Raises:
        ResolveError: as `refused`, or as the fetcher.
    """
    answer = access.fetcher.get(url, headers=headers)
    error = refused(answer)
    if error is not None:
        raise error
    return answer


def ask_json(access: Access, site: str, url: str, headers: Mapping[str, str] | None = None) -> Payload:
    """The JSON of an answer with status 200.

    Raises:
        ResolveError: as `ask`; SITE_CHANGED for what is no JSON.
    """
    return Payload(site, ask(access, url, {**_JSON, **(headers or {})}).json())


def ask_whatever(
    access: Access, site: str, url: str, headers: Mapping[str, str] | None = None
) -> tuple[int, Payload]:
    """Status and JSON of an answer whose errors the site explains in JSON too.

    Raises:
        ResolveError: as `refused` where there is no JSON; SITE_CHANGED if that came with status 200.
    """
    return status_and_json(access.fetcher.get(url, headers={**_JSON, **(headers or {})}), site)


def post_json(access: Access, site: str, url: str, content: Mapping[str, Any]) -> tuple[int, Payload]:
    """Status and JSON of the answer to JSON; as `ask_whatever`."""
    headers = {**_JSON, "content-type": "application/json"}
    return status_and_json(access.fetcher.post(url, json.dumps(content).encode(), headers=headers), site)


def status_and_json(answer: Answer, site: str) -> tuple[int, Payload]:
    """An answer as `ask_whatever` gives it."""
    error = refused(answer)
    try:
        return answer.status, Payload(site, answer.json())
    except ResolveError as no_json:
        if error is not None and error.reason is ResolveFailure.PRIVATE:  # of a post it would say so in JSON
            detail = f"{site} turns this client away with HTTP {answer.status}"
            raise ResolveError(ResolveFailure.LOGIN_NEEDED, detail) from None
        raise error or no_json from None


def ask_page(access: Access, url: str, headers: Mapping[str, str] | None = None) -> Page:
    """A web page with status 200.

    Raises:
        ResolveError: as `ask`.
    """
    answer = ask(access, url, {**BROWSER_LIKE, **(headers or {})})
    return read_page(answer.text(), answer.url)


def _is_challenge(answer: Answer) -> bool:
    head = answer.body[:20_000]
    return any(sign in head for sign in _CHALLENGES)
