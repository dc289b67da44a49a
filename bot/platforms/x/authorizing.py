"""`veritag authorize x`: OAuth 1.0a with a PIN, or OAuth 2.0 with PKCE (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
import tweepy
from pydantic import ValidationError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth1Session

from bot.config import Settings
from bot.credentials import Credentials
from bot.errors import CredentialsRefused, PlatformUnavailable
from bot.platforms.authorizing import Grant, Terminal
from bot.platforms.x import fields
from bot.platforms.x.client import TOKEN_URL, Model, Patience, Session, as_user
from bot.platforms.x.fields import Single, Token
from bot.platforms.x.refusals import error_of

SCOPES = ("tweet.read", "tweet.write", "users.read", "media.write", "offline.access")
_NEEDED = frozenset(SCOPES)
_REDIRECT = "http://127.0.0.1/callback"
_REAL_API = "https://api.x.com"
_CONSENT = "https://x.com/i/oauth2/authorize"
_MEND = "give the app at X the permission to read and write, then run `veritag authorize x` again"


def authorize(terminal: Terminal, settings: Settings, credentials: Credentials) -> Grant:
    """Lead somebody to a grant for the account that they are logged in with at X.

    Raises:
        CredentialsRefused: X refuses, or the bot would not be allowed to post.
        PlatformUnavailable: X cannot be reached.
    """
    chosen = settings.x
    session = Session(chosen.api_url, Patience(chosen.connect_timeout, chosen.read_timeout))
    known = credentials.all()
    terminal.say("Log in at X, in your browser, as the account that the bot shall speak for.")
    way = terminal.ask("OAuth 1 (a PIN, and tokens that last) or OAuth 2 (tokens that change)?", default="1")
    if way not in {"1", "2"}:
        raise CredentialsRefused(f"{way!r} is neither 1 nor 2; run `veritag authorize x` again")
    try:
        if way == "1":
            return _by_pin(terminal, known, session, chosen.api_url)
        return _by_code(terminal, known, session, chosen.api_url)
    except requests.RequestException as error:
        raise PlatformUnavailable(f"X cannot be reached ({type(error).__name__}); try again later") from None


def _by_pin(terminal: Terminal, known: Mapping[str, str], session: Session, api_url: str) -> Grant:
    key = _known(terminal, known, "api_key", "API key of the app")
    secret = _known(terminal, known, "api_secret", "API key secret of the app")
    asked = _oauth1(session, f"{api_url}/oauth/request_token", key, secret, callback_uri="oob")
    terminal.say(
        f"Open this page in your browser, and allow the app:\n{_page(api_url, asked['oauth_token'])}"
    )
    granted = _oauth1(
        session,
        f"{api_url}/oauth/access_token",
        key,
        secret,
        resource_owner_key=asked["oauth_token"],
        resource_owner_secret=asked["oauth_token_secret"],
        verifier=terminal.ask("The PIN that X shows"),
    )
    token, token_secret = granted["oauth_token"], granted["oauth_token_secret"]
    handle = _who(session, tweepy.Client(None, key, secret, token, token_secret))
    account = {"access_token": token, "access_token_secret": token_secret}
    return Grant(f"@{handle}", {"api_key": key, "api_secret": secret, **account, "refresh_token": ""})


def _by_code(terminal: Terminal, known: Mapping[str, str], session: Session, api_url: str) -> Grant:
    client_id = _known(terminal, known, "client_id", "Client id of the app")
    typed = known.get("client_secret") or terminal.ask_secret("Client secret (none: -)")
    client_secret = typed.removeprefix("-")
    redirect = terminal.ask("Callback address, as the app at X has it", default=_REDIRECT)
    verifier, state = secrets.token_urlsafe(64), secrets.token_urlsafe(16)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect,
        "scope": " ".join(SCOPES),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    consent = _CONSENT if api_url == _REAL_API else f"{api_url}/i/oauth2/authorize"
    terminal.say(f"Open this page in your browser, and allow the app:\n{consent}?{urlencode(asked)}")
    terminal.say("Your browser then goes to the callback address; it need not load.")
    code = _code(terminal.ask("The whole address that it shows"), state)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect,
        "code_verifier": verifier,
        "client_id": client_id,
    }
    auth = HTTPBasicAuth(client_id, client_secret) if client_secret else None
    response = session.request("POST", TOKEN_URL, data=form, auth=auth)
    if not response.ok:
        raise error_of(response, effect=False)
    token = _read(response, Token)
    missing = _NEEDED - set(token.scope.split())
    if missing or token.refresh_token is None:
        raise CredentialsRefused(f"X granted less than the bot needs ({', '.join(sorted(missing))}); {_MEND}")
    handle = _who(session, tweepy.Client(token.access_token))
    granted = {"client_id": client_id, "client_secret": client_secret, "refresh_token": token.refresh_token}
    return Grant(f"@{handle}", granted | {"access_token": "", "access_token_secret": ""})


def _known(terminal: Terminal, known: Mapping[str, str], name: str, question: str) -> str:
    return known.get(name) or terminal.ask_secret(question)


def _oauth1(session: Session, url: str, key: str, secret: str, **more: str) -> Mapping[str, str]:
    """The answer to a signed request of the OAuth 1.0a dance."""
    signing = OAuth1Session(key, client_secret=secret, **more).auth
    response = session.request("POST", url, auth=signing)
    if not response.ok:
        raise error_of(response, effect=False)
    answer = {name: values[0] for name, values in parse_qs(response.text).items()}
    if not {"oauth_token", "oauth_token_secret"} <= answer.keys():
        raise PlatformUnavailable("X's answer cannot be read; try again later")
    return answer


def _page(api_url: str, token: str) -> str:
    return f"{api_url}/oauth/authorize?{urlencode({'oauth_token': token})}"


def _code(address: str, state: str) -> str:
    told = parse_qs(urlsplit(address).query)
    if told.get("state") != [state] or "code" not in told:
        raise CredentialsRefused("that is not the address X sent you to; run `veritag authorize x` again")
    return told["code"][0]


def _who(session: Session, api: tweepy.Client) -> str:
    """The handle that the tokens speak for, once it is sure that they may post."""
    api.session, api.return_type = session, requests.Response
    try:
        response = api.get_me(user_fields=fields.USER_FIELDS, user_auth=as_user(api))
    except tweepy.HTTPException as error:
        raise error_of(error.response, effect=False) from None
    level = response.headers.get(fields.ACCESS_HEADER)
    if level is not None and "write" not in level:
        raise CredentialsRefused(f"these tokens may only {level}; {_MEND}")
    return _read(response, Single).data.username


def _read(response: requests.Response, answer: type[Model]) -> Model:
    try:
        return answer.model_validate_json(response.content)
    except ValidationError:
        raise PlatformUnavailable("X's answer cannot be read; try again later") from None
