"""A stand-in for Bluesky: PLC directory, PDS and AppView on one address.

It knows what the bot asks for, and what a person needs to post, block and delete:

    POST /xrpc/com.atproto.server.createAccount   {"handle", "password"}
    POST /xrpc/com.atproto.repo.createRecord      posts (app.bsky.feed.post) and blocks (app.bsky.graph.block)

Everything is kept in memory. Tests run the same contract on it and on the real servers.
"""

from __future__ import annotations

from bot.standins.bluesky.app import BlueskyStandIn


def create() -> BlueskyStandIn:
    """A network without any account but the bot's (`veritag.test`)."""
    return BlueskyStandIn()
