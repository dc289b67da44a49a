"""From the API's JSON to posts: media, quotes, boosts, and whether a mention is meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bot.errors import PlatformUnavailable
from bot.platforms.base import Account, Attachment
from bot.platforms.mastodon.fields import StatusFields
from bot.platforms.mastodon.reading import STILL_PROCESSING, is_addressed, to_post

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ME = Account("7", "veritag", is_bot=True)


def status(**fields: Any) -> StatusFields:
    given = {
        "id": "100",
        "created_at": NOW.isoformat(),
        "account": {"id": "5", "acct": "ann@far.example"},
        "content": "<p>look</p>",
        "visibility": "public",
    }
    return StatusFields.model_validate(given | fields)


def test_a_plain_status() -> None:
    post = to_post(status(language="es", url="https://m.example/@ann/100", in_reply_to_id="90"), NOW)
    assert (post.id, post.author, post.text) == ("100", Account("5", "ann@far.example"), "look")
    assert (post.language, post.url, post.parent_id) == ("es", "https://m.example/@ann/100", "90")
    assert post.created_at == NOW


def test_what_may_be_missing_may_be_null() -> None:
    nothing = dict.fromkeys(["media_attachments", "mentions", "card", "quote", "reblog", "language", "url"])
    post = to_post(status(**nothing, uri="https://m.example/1"), NOW)
    assert (post.attachments, post.links, post.quoted_id, post.boosted_id) == ((), (), None, None)
    assert post.url == "https://m.example/1"


def test_ids_may_be_numbers_and_stay_texts() -> None:
    post = to_post(status(id=123, account={"id": 5, "acct": "ann", "bot": None}), NOW)
    assert (post.id, post.author) == ("123", Account("5", "ann"))


def test_the_origin_s_file_comes_first() -> None:
    media = [
        {"id": "1", "url": "https://m.example/copy.png", "remote_url": "https://far.example/a.png"},
        {"id": "2", "url": "https://m.example/b.mp4", "description": "a cat"},
    ]
    assert to_post(status(media_attachments=media), NOW).attachments == (
        Attachment("https://far.example/a.png"),
        Attachment("https://m.example/b.mp4", alt_text="a cat"),
    )


def test_a_file_that_is_worked_on_is_waited_for_a_while() -> None:
    media = [{"id": "1", "url": None}, {"id": "2", "url": "https://m.example/b.png"}]
    young = status(media_attachments=media)
    with pytest.raises(PlatformUnavailable, match="still working"):
        to_post(young, NOW)
    later = NOW + STILL_PROCESSING + timedelta(seconds=1)
    assert [each.url for each in to_post(young, later).attachments] == ["https://m.example/b.png"]


@pytest.mark.parametrize(
    ("fields", "quoted"),
    [
        ({"quote": {"state": "accepted", "quoted_status": {"id": "8"}}}, "8"),
        ({"quote": {"state": "accepted", "quoted_status_id": "8"}}, "8"),
        ({"quote": {"state": "pending", "quoted_status": None}}, None),
        ({"quote": {"id": "8", "content": "the status itself"}}, "8"),
        ({"quote_id": "8"}, "8"),
    ],
)
def test_quotes(fields: dict[str, Any], quoted: str | None) -> None:
    assert to_post(status(**fields), NOW).quoted_id == quoted


def test_a_boost_leads_to_its_original() -> None:
    assert to_post(status(reblog={"id": "8"}), NOW).boosted_id == "8"


def test_the_card_s_link_is_told_once() -> None:
    content = '<p><a href="https://a.example/x">x</a></p>'
    assert to_post(status(content=content, card={"url": "https://a.example/x"}), NOW).links == (
        "https://a.example/x",
    )
    assert to_post(status(card={"url": "https://v.example/"}), NOW).links == ("https://v.example/",)


@pytest.mark.parametrize(
    "broken",
    [{"id": None}, {"account": None}, {"created_at": "yesterday"}, {"content": 5}, {"mentions": "x"}],
)
def test_nonsense_is_no_status(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        status(**broken)


def said(text: str, **fields: Any) -> StatusFields:
    return status(content=f"<p>{text}</p>", **fields)


def parent(*mentioned: str, author: str = "5") -> StatusFields:
    return status(id="90", account={"id": author, "acct": "x"}, mentions=[{"id": each} for each in mentioned])


CASES = {
    "alone": (said("@veritag real?"), None, True),
    "under a post that is not about the bot": (
        said("@veritag @ann real?", in_reply_to_id="90"),
        parent("3"),
        True,
    ),
    "under a post that tags the bot": (said("@ann @veritag me too", in_reply_to_id="90"), parent("7"), False),
    "written in the text all the same": (
        said("@ann @veritag hey @veritag, real?", in_reply_to_id="90"),
        parent("7"),
        True,
    ),
    "of another with a longer name": (
        said("@veritag ask @veritagger", in_reply_to_id="90"),
        parent("7"),
        False,
    ),
    "under the bot's own reply": (
        said("@veritag thanks", in_reply_to_id="90", in_reply_to_account_id="7"),
        None,
        False,
    ),
    "under the bot's own reply, where nothing says so": (
        said("@veritag thanks", in_reply_to_id="90"),
        parent(author="7"),
        False,
    ),
    "under a post that is gone": (said("@veritag real?", in_reply_to_id="90"), None, True),
}


@pytest.mark.parametrize(("mention", "above", "addressed"), CASES.values(), ids=CASES)
def test_who_is_addressed(mention: StatusFields, above: StatusFields | None, addressed: bool) -> None:
    assert is_addressed(mention, ME, lambda _: above) is addressed
