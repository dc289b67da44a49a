"""Requests to one instance: Mastodon.py makes them, and what came back is read and named here.

Mastodon.py keeps neither the status of an answer nor its headers, and turns ids into numbers. So its session
notes each answer, and the JSON is read from there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from mastodon import Mastodon
from mastodon.errors import MastodonError
from pydantic import BaseModel, ValidationError
from typing_extensions import override
from urllib3.exceptions import NewConnectionError

from bot.clock import Clock
from bot.errors import (
    ConfigError,
    CredentialsRefused,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    PostGone,
    PostHidden,
    RateLimited,
    ReplyRefused,
)
from bot.platforms.access import Access
from bot.platforms.gate import Call
from bot.redact import printable
from bot.resolver.answers import asked_to_wait

T = TypeVar("T", bound=BaseModel)
Meanings = Mapping[int, type[PlatformError]]

OF_A_POST: Meanings = {401: PostHidden, 403: PostHidden, 404: PostGone, 410: PostGone}
OF_A_REPLY: Meanings = {404: PostGone, 410: PostGone, 400: ReplyRefused, 413: ReplyRefused, 422: ReplyRefused}
_ALWAYS: Meanings = {401: CredentialsRefused, 403: CredentialsRefused}
_BUDGET_HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
_KNOWN_VERSION = "4.3.0"
"""The API that the bot speaks. Mastodon.py, unless told, asks the server; an older one it asks for ever."""


class Session(requests.Session):
    """Notes what became of the last request of each thread. Keeps no cookies."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._local = threading.local()

    @override
    def request(self, method: str, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """Make a request, as `requests.Session.request`."""
        self.begin()
        # A redirected POST would become a GET and be taken for a success.
        kwargs["allow_redirects"] = method == "GET"
        try:
            answer = super().request(method, url, *args, **kwargs)
        except requests.ConnectionError as error:
            self._local.left = not _never_connected(error)
            raise
        self._local.budget = {name: answer.headers.pop(name, None) for name in _BUDGET_HEADERS}
        self._local.answer = answer
        return answer

    def begin(self) -> None:
        """Forget the last request of this thread."""
        self._local.answer, self._local.budget, self._local.left = None, {}, True

    @property
    def answer(self) -> requests.Response | None:
        """The last answer to this thread, None where none came."""
        answer: requests.Response | None = self._local.answer
        return answer

    @property
    def left(self) -> bool:
        """Whether this thread's last request may have reached the server."""
        return bool(self._local.left)

    @property
    def budget(self) -> dict[str, str]:
        """The headers of the last answer that tell how many requests are left.

        They are taken out of the answer: Mastodon.py fails on those that it cannot read, whatever was done.
        """
        return {name: value for name, value in self._local.budget.items() if value is not None}


class Client:
    """One account on one instance. Safe to use from several threads."""

    def __init__(self, url: str, access: Access, clock: Clock, *, timeout: float) -> None:
        """``timeout`` is the longest silence of the server, in seconds."""
        self.url = url.rstrip("/")
        self.host = urlsplit(self.url).netloc
        self.gate = access.gate
        self.session = Session()
        self.timeout = timeout
        self._credentials = access.credentials
        self._clock = clock
        self._guard = threading.Lock()
        self._library: tuple[str, Mastodon] | None = None

    def token(self) -> str:
        """The access token that holds now.

        Raises:
            CredentialsRefused: there is none, or its file cannot be used.
        """
        try:
            token = self._credentials.all().get("access_token")
        except ConfigError as error:
            raise CredentialsRefused(str(error)) from error
        if not token:
            raise CredentialsRefused("there is no access token; run `veritag authorize mastodon`")
        return token

    def ask(
        self,
        endpoint: str,
        request: Callable[[Mastodon], object],
        read: type[T],
        meanings: Meanings | None = None,
        *,
        posts: bool = False,
    ) -> T:
        """Make one request and read the object that it answers.

        Args:
            endpoint: the budget that it counts against, by a name of ours.
            request: what to ask of Mastodon.py; it must make one request.
            meanings: errors by HTTP status, where they say more than that something went wrong.
            posts: it may leave something that others see, so an unclear answer is an `OutcomeUnknown`.

        Raises:
            PlatformError: by the answer's status.
        """
        return read_as(read, self._ask(endpoint, request, meanings or {}, posts), self.host, posts=posts)

    def ask_list(self, endpoint: str, request: Callable[[Mastodon], object], read: type[T]) -> list[T]:
        """As `ask`, for a list."""
        found = self._ask(endpoint, request, {}, posts=False)
        if not isinstance(found, list):
            raise PlatformUnavailable(f"{self.host} answers {endpoint} with something that is no list")
        return [read_as(read, each, self.host) for each in found]

    def open_stream(self, endpoint: str, url: str, *, silence: float) -> requests.Response:
        """Begin to read an endless answer, which the caller closes; ``silence`` in seconds ends it."""
        headers = {"Authorization": f"Bearer {self.token()}", "Accept": "text/event-stream"}
        with self.gate.call(endpoint) as call:
            try:
                answer = self.session.get(url, headers=headers, stream=True, timeout=(self.timeout, silence))
            except requests.RequestException as error:
                cause = type(error).__name__
                raise PlatformUnavailable(f"{self.host} gives no answer to {endpoint} ({cause})") from error
            self._note_budget(call)
            if answer.status_code != 200:
                with answer:
                    raise self._refusal(endpoint, answer, {}, posts=False)
        return answer

    def close(self) -> None:
        """Release connections."""
        self.session.close()

    def _ask(
        self, endpoint: str, request: Callable[[Mastodon], object], meanings: Meanings, posts: bool
    ) -> object:
        library = self._mastodon()
        unclear = OutcomeUnknown if posts else PlatformUnavailable
        with self.gate.call(endpoint) as call:
            self.session.begin()
            try:
                request(library)
            except MastodonError as error:
                problem: MastodonError | None = error
            else:
                problem = None
            answer = self.session.answer
            if answer is None:
                kind = unclear if self.session.left else PlatformUnavailable
                cause = type(problem.__context__).__name__ if problem is not None else "no request"
                raise kind(f"{self.host} gives no answer to {endpoint} ({cause})") from problem
            self._note_budget(call)
            if not 200 <= answer.status_code < 300:
                raise self._refusal(endpoint, answer, meanings, posts=posts) from problem
            try:
                return answer.json()
            except ValueError as error:
                raise unclear(f"{self.host} answers {endpoint} with something that is no JSON") from error

    def _mastodon(self) -> Mastodon:
        token = self.token()
        with self._guard:
            if self._library is None or self._library[0] != token:
                self._library = (
                    token,
                    Mastodon(
                        api_base_url=self.url,
                        access_token=token,
                        ratelimit_method="throw",
                        request_timeout=self.timeout,
                        mastodon_version=_KNOWN_VERSION,
                        version_check_mode="created",
                        session=self.session,
                        user_agent="Veritag",
                    ),
                )
            return self._library[1]

    def _note_budget(self, call: Call) -> None:
        budget = self.session.budget
        if "x-ratelimit-remaining" in budget:
            call.budget(
                limit=_whole(budget.get("x-ratelimit-limit")),
                remaining=_whole(budget["x-ratelimit-remaining"]),
                reset_at=self._wait({"x-ratelimit-reset": budget.get("x-ratelimit-reset", "")}),
            )

    def _wait(self, headers: Mapping[str, str]) -> datetime | None:
        """The time that headers name, by this machine's clock; None where none lies ahead."""
        now = self._clock.now()
        theirs = _server_time(self.session.answer) or now
        until = asked_to_wait(headers, theirs)
        return now + (until - theirs) if until is not None and until > theirs else None

    def _refusal(
        self, endpoint: str, answer: requests.Response, meanings: Meanings, *, posts: bool
    ) -> PlatformError:
        status = answer.status_code
        said = f"{self.host} answers {endpoint} with HTTP {status}{_reason(answer)}"
        if status == 429:
            after = {"retry-after": answer.headers["Retry-After"]} if "Retry-After" in answer.headers else {}
            return RateLimited(said, self._wait(self.session.budget | after))
        if status in meanings:
            return meanings[status](said)
        if status in _ALWAYS:
            return _ALWAYS[status](f"{said}; run `veritag authorize mastodon` again")
        if status < 400:
            return PlatformUnavailable(f"{said}; is mastodon.url right?")
        return (OutcomeUnknown if posts and status >= 500 else PlatformUnavailable)(said)


def read_as(read: type[T], found: object, host: str, *, posts: bool = False) -> T:
    """JSON as the object that it should be.

    Raises:
        PlatformUnavailable: it is not; `OutcomeUnknown` where it is the answer to a post.
    """
    try:
        return read.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or read.__name__
        unclear = OutcomeUnknown if posts else PlatformUnavailable
        raise unclear(
            f"{host} answers with something else than expected ({where}: {first['msg']})"
        ) from error


def _never_connected(error: requests.ConnectionError) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)


def _server_time(answer: requests.Response | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(answer.headers["Date"]) if answer is not None else None
    except (KeyError, ValueError):
        return None
    return found if found is not None and found.tzinfo is not None else None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _reason(answer: requests.Response) -> str:
    """What the server says of its refusal, in a few words, where it does."""
    try:
        said = answer.json().get("error")
    except (ValueError, AttributeError):
        return ""
    return f": {printable(' '.join(said.split()))[:120]}" if isinstance(said, str) and said else ""
