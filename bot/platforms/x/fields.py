"""X's names for things: what is asked for, and the JSON that comes. No other module knows them.

The names are those of X's OpenAPI document 2.159, which tweepy 4.17 sends; 2.167 renames some.
"""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

EXPANSIONS = [
    "author_id",
    "attachments.media_keys",
    "referenced_tweets.id",
    "referenced_tweets.id.author_id",
    "referenced_tweets.id.attachments.media_keys",
]
TWEET_FIELDS = [
    "attachments",
    "author_id",
    "conversation_id",
    "created_at",
    "display_text_range",
    "entities",
    "lang",
    "note_tweet",
    "possibly_sensitive",
    "referenced_tweets",
    "text",
]
OWN_TWEET_FIELDS = ["author_id", "created_at", "entities", "note_tweet", "referenced_tweets", "text"]
MEDIA_FIELDS = ["alt_text", "media_key", "preview_image_url", "type", "url", "variants"]
USER_FIELDS = ["username"]

REPLIED_TO = "replied_to"
QUOTED = "quoted"
RETWEETED = "retweeted"
PHOTO = "photo"

LEAST_RESULTS = 5
"""X refuses to list fewer at once."""

MOST_RESULTS = 100

WINDOWS = ("x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour")
"""What X counts in: 15 minutes, and days of the account and the app. Each with the endings below."""

LIMIT, REMAINING, RESET = "-limit", "-remaining", "-reset"
ACCESS_HEADER = "x-access-level"

MEDIA_UPLOAD = "/2/media/upload"
MEDIA_METADATA = "/2/media/metadata"
MEDIA_CATEGORY = "tweet_image"
LONGEST_ALT_TEXT = 1000

_PROBLEMS = "https://api.twitter.com/2/problems/"
NOT_FOUND = f"{_PROBLEMS}resource-not-found"
NOT_AUTHORIZED = f"{_PROBLEMS}not-authorized-for-resource"
CLIENT_FORBIDDEN = f"{_PROBLEMS}client-forbidden"
OAUTH1_PERMISSIONS = f"{_PROBLEMS}oauth1-permissions"
UNSUPPORTED_AUTHENTICATION = f"{_PROBLEMS}unsupported-authentication"
INVALID_REQUEST = f"{_PROBLEMS}invalid-request"


class _Json(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class UrlEntity(_Json):
    """A link in a text; ``url`` is the t.co form that stands there."""

    url: str
    expanded_url: str | None = None
    unwound_url: str | None = None
    media_key: str | None = None


class MentionEntity(_Json):
    """A handle in a text."""

    username: str
    id: str | None = None


class Entities(_Json):
    """What X recognised in a text."""

    urls: tuple[UrlEntity, ...] = ()
    mentions: tuple[MentionEntity, ...] = ()


class Note(_Json):
    """The whole text of a post of more than 280 characters."""

    text: str
    entities: Entities = Entities()


class Reference(_Json):
    """A post that another leads to."""

    type: str
    id: str


class Attached(_Json):
    """The media of a post, by key."""

    media_keys: tuple[str, ...] = ()


class Tweet(_Json):
    """A post."""

    id: str
    text: str
    author_id: str
    created_at: AwareDatetime
    conversation_id: str | None = None
    lang: str | None = None
    display_text_range: tuple[int, int] | None = None
    entities: Entities = Entities()
    note_tweet: Note | None = None
    possibly_sensitive: bool = False
    attachments: Attached = Attached()
    referenced_tweets: tuple[Reference, ...] = ()


class Variant(_Json):
    """One encoding of a video."""

    url: str
    content_type: str | None = None
    bit_rate: int = 0


class Medium(_Json):
    """A picture or a video."""

    media_key: str
    type: str
    url: str | None = None
    preview_image_url: str | None = None
    alt_text: str | None = None
    variants: tuple[Variant, ...] = ()


class User(_Json):
    """An account."""

    id: str
    username: str


class Problem(_Json):
    """Why something is missing from an answer, or why there is none (RFC 7807)."""

    type: str = "about:blank"
    title: str = ""
    detail: str = ""
    message: str = ""
    value: str | None = None
    resource_id: str | None = None


class Meta(_Json):
    """Where a list goes on."""

    next_token: str | None = None


class Includes(_Json):
    """What an answer's posts lead to. Posts are checked one by one, so that an odd one spoils no page."""

    tweets: tuple[Any, ...] = ()
    users: tuple[User, ...] = ()
    media: tuple[Medium, ...] = ()


class Listing(_Json):
    """An answer that holds posts."""

    data: tuple[Any, ...] = ()
    includes: Includes = Includes()
    errors: tuple[Problem, ...] = ()
    meta: Meta = Meta()


class Single(_Json):
    """An answer that holds one thing with an id: an account, a new post, an uploaded medium."""

    class Data(_Json):
        """The thing."""

        id: str
        username: str = ""

    data: Data


class Answer(_Json):
    """An answer of which nothing but its coming counts."""


class Refused(_Json):
    """The body of an error status; old parts of X say `message` where new ones say `detail`."""

    type: str = "about:blank"
    title: str = ""
    detail: str = ""
    errors: tuple[Problem, ...] = ()

    def words(self) -> str:
        """Everything that it says, in one line."""
        said = [self.title, self.detail, *(each.detail or each.message for each in self.errors)]
        return " ".join(" ".join(dict.fromkeys(filter(None, said))).split())

    def types(self) -> frozenset[str]:
        """Every problem type that it names."""
        return frozenset({self.type, *(each.type for each in self.errors)})


class Token(_Json):
    """The answer of the OAuth 2.0 token endpoint; ``expires_in`` is in seconds."""

    access_token: str
    expires_in: int = 7200
    refresh_token: str | None = None
    scope: str = ""
