"""The names that Bluesky's lexicons give: methods, types, fields and limits, in this one place.

Source: github.com/bluesky-social/atproto, `lexicons/`. Field names that are read are in `reading`, by the
path at which they stand.
"""

from __future__ import annotations

# Methods
CREATE_SESSION = "com.atproto.server.createSession"
REFRESH_SESSION = "com.atproto.server.refreshSession"
GET_SESSION = "com.atproto.server.getSession"
GET_RECORD = "com.atproto.repo.getRecord"
PUT_RECORD = "com.atproto.repo.putRecord"
DELETE_RECORD = "com.atproto.repo.deleteRecord"
UPLOAD_BLOB = "com.atproto.repo.uploadBlob"
RESOLVE_HANDLE = "com.atproto.identity.resolveHandle"
LIST_NOTIFICATIONS = "app.bsky.notification.listNotifications"
GET_POSTS = "app.bsky.feed.getPosts"
GET_POST_THREAD = "app.bsky.feed.getPostThread"

# Types
POST = "app.bsky.feed.post"
MENTION = "app.bsky.richtext.facet#mention"
LINK = "app.bsky.richtext.facet#link"
IMAGES = "app.bsky.embed.images"

# Reasons of notifications whose post may mention the bot
REASONS = ("mention", "reply", "quote")

# Names of errors
NO_RECORD = "RecordNotFound"
NO_POST = "NotFound"
ALREADY_THERE = "InvalidSwap"
STALE_TOKEN = frozenset({"ExpiredToken", "InvalidToken", "AuthMissing", "AuthenticationRequired", "BadJwt"})
CLOSED_ACCOUNT = frozenset({"AccountTakedown", "AccountDeactivated", "AccountSuspended", "RepoDeactivated"})
SECOND_FACTOR = "AuthFactorTokenRequired"

# Scopes of access tokens
APP_PASSWORD_SCOPES = frozenset({"com.atproto.appPass", "com.atproto.appPassPrivileged"})

# The author's own label that says: this account is a bot
BOT_LABEL = "bot"

# What authors and the platform's moderators label media that are nothing for everybody
SENSITIVE_LABELS = frozenset({"porn", "sexual", "nudity", "graphic-media", "gore", "!warn", "!hide"})

# Limits of a post
MAX_GRAPHEMES = 300
MAX_BYTES = 3000
MAX_IMAGE_BYTES = 1_000_000
