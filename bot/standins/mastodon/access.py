"""Who asks the stand-in, and what they may do."""

from __future__ import annotations

from fastapi import Request

from bot.standins.mastodon.network import Member, Network, Refused


def base_of(request: Request) -> str:
    """The address under which the stand-in was asked."""
    return str(request.base_url).rstrip("/")


def token_of(request: Request) -> str:
    """The bearer token of a request, empty where there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def viewer_of(network: Network, request: Request) -> Member | None:
    """Who asks; None without a token.

    Raises:
        Refused: a token that does not hold.
    """
    token = token_of(request)
    if not token:
        return None
    known = network.tokens.get(token)
    if known is None:
        raise Refused(401, "The access token is invalid")
    return network.members[known.account_id]


def member_of(network: Network, request: Request, scope: str) -> Member:
    """Who asks, where the token covers a scope such as `write:media`, or the whole of `write`.

    Raises:
        Refused: no token, or one that does not hold or reach so far.
    """
    viewer = viewer_of(network, request)
    if viewer is None:
        raise Refused(401, "The access token is invalid")
    if {scope, scope.partition(":")[0]}.isdisjoint(network.tokens[token_of(request)].scopes):
        raise Refused(403, "This action is outside the authorized scopes")
    return viewer
