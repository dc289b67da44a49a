"""The fields of Mastodon's API that the bot reads, and no others (docs.joinmastodon.org/entities).

Other servers that speak this API leave fields out, so whatever the bot can do without may be missing.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

TEXT_LIMIT = 500
URL_LENGTH = 23
"""What Mastodon itself allows and counts; an instance may say otherwise."""


def _as_text(value: object) -> object:
    # Ids are numbers in the JSON of some servers.
    return str(value) if isinstance(value, int) else value


def _or_empty(value: object) -> object:
    return [] if value is None else value


Id = Annotated[str, BeforeValidator(_as_text)]
Flag = Annotated[bool, BeforeValidator(bool)]


class AccountFields(BaseModel):
    """Entity `Account`."""

    id: Id
    acct: str
    bot: Flag = False


class AttachmentFields(BaseModel):
    """Entity `MediaAttachment`. Both addresses are null while the server works on the file."""

    id: Id | None = None
    url: str | None = None
    remote_url: str | None = None
    description: str | None = None

    @property
    def ready(self) -> bool:
        """Whether the file can be had."""
        return self.url is not None or self.remote_url is not None


class MentionFields(BaseModel):
    """Entity `Status::Mention`."""

    id: Id


class CardFields(BaseModel):
    """Entity `PreviewCard`."""

    url: str | None = None


class QuotedFields(BaseModel):
    """A quoted status, of which the id is enough."""

    id: Id


class QuoteFields(BaseModel):
    """Entities `Quote` and `ShallowQuote` (4.5); some other servers put the quoted status itself here."""

    id: Id | None = None
    quoted_status: QuotedFields | None = None
    quoted_status_id: Id | None = None

    @property
    def quoted_id(self) -> str | None:
        """The id of what is quoted; None where it may not be seen."""
        return self.quoted_status.id if self.quoted_status else self.quoted_status_id or self.id


class StatusFields(BaseModel):
    """Entity `Status`."""

    id: Id
    created_at: AwareDatetime
    account: AccountFields
    content: str = ""
    url: str | None = None
    uri: str | None = None
    language: str | None = None
    visibility: str = "direct"
    sensitive: bool = False
    in_reply_to_id: Id | None = None
    in_reply_to_account_id: Id | None = None
    media_attachments: Annotated[list[AttachmentFields], BeforeValidator(_or_empty)] = Field(
        default_factory=list
    )
    mentions: Annotated[list[MentionFields], BeforeValidator(_or_empty)] = Field(default_factory=list)
    card: CardFields | None = None
    quote: QuoteFields | None = None
    quote_id: Id | None = None
    """Fedibird's and others' way to quote."""
    reblog: QuotedFields | None = None

    def mentions_account(self, account_id: str) -> bool:
        """Whether it tags that account."""
        return any(mention.id == account_id for mention in self.mentions)


class NotificationFields(BaseModel):
    """Entity `Notification`. Its status is read by itself, so that a bad one spoils no page."""

    id: Id
    type: str
    status: dict[str, object] | None = None


class _StatusRules(BaseModel):
    max_characters: int | None = None
    characters_reserved_per_url: int | None = None


class _Urls(BaseModel):
    streaming: str | None = None


class _Configuration(BaseModel):
    statuses: _StatusRules = _StatusRules()
    urls: _Urls = _Urls()


class _OldUrls(BaseModel):
    streaming_api: str | None = None


class InstanceFields(BaseModel):
    """Entities `Instance` (v2) and `V1::Instance`, with what servers before 3.4 and forks say of lengths."""

    configuration: _Configuration = _Configuration()
    urls: _OldUrls = _OldUrls()
    max_toot_chars: int | None = None

    @property
    def text_limit(self) -> int:
        """Most characters of a status, counted as `bot.platforms.mastodon.length` does."""
        return self.configuration.statuses.max_characters or self.max_toot_chars or TEXT_LIMIT

    @property
    def url_length(self) -> int:
        """What a URL counts."""
        return self.configuration.statuses.characters_reserved_per_url or URL_LENGTH

    @property
    def streaming(self) -> str | None:
        """Where streams are had, if not at the API's own address."""
        return self.configuration.urls.streaming or self.urls.streaming_api
