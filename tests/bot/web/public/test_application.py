"""The public pages, as everyone sees them."""

from __future__ import annotations

import re
import time
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageStat

from analysis.ensemble.combine import ReviewLabel
from analysis.evidence.drawing import EvidencePicture
from analysis.model import Band
from bot.evidence import EvidenceRoom, Progress
from bot.parts import build_writer
from bot.publishing import put_up_again, take_down
from bot.reviews import review
from tests.bot.web.public.conftest import Publish, Published


def test_everyone_can_read_a_verdict_without_signing_in(publish: Publish) -> None:
    bot = publish()
    bot.console.account("ann", "admin")
    answer = bot.visitor().get(bot.page())
    assert answer.status_code == 200
    assert '<html lang="en" dir="ltr">' in answer.text
    assert "verdicts@bot.example" in answer.text
    assert "It can be wrong" in answer.text
    assert bot.visitor().get("/console").status_code == 303


def test_strangers_words_are_not_on_it(publish: Publish) -> None:
    bot = publish()
    bot.world.post("loud", bot.world.medium(77), text="SHOUTED WORDS", author="famous")
    bot.world.mention("m-loud", parent_id="loud", author="nosy", text="@veritag WHISPERED WORDS")
    bot.console.settle()
    page = bot.visitor().get(bot.page("m-loud")).text
    for word in ("SHOUTED", "WHISPERED", "famous", "nosy", "@veritag"):
        assert word not in page


def test_headers_forbid_scripts_cookies_framing_and_finding(publish: Publish) -> None:
    bot = publish()
    answer = bot.visitor().get(bot.page())
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers
    assert "<script" not in answer.text
    assert "style=" not in answer.text


def test_networks_find_its_card(publish: Publish) -> None:
    bot = publish()
    page = bot.visitor().get(bot.page()).text
    image = re.search(r'<meta property="og:image" content="([^"]+)">', page)
    assert image
    assert image[1] == f"https://bot.example{bot.page()}/card.png"
    assert '<meta name="twitter:card" content="summary_large_image">' in page
    card = bot.visitor().get(image[1].removeprefix("https://bot.example"))
    assert card.headers["content-type"] == "image/png"
    assert Image.open(BytesIO(card.content)).size == (1200, 630)
    assert bot.visitor().head(bot.page()).status_code == 200


def test_the_page_is_in_the_askers_language(publish: Publish) -> None:
    bot = publish()
    bot.world.mention("m-arabic", bot.world.medium(5), language="ar", author="zoe")
    bot.console.settle()
    page = bot.visitor().get(bot.page("m-arabic")).text
    assert '<html lang="ar" dir="rtl">' in page
    assert "الاعتراض على هذه الصفحة" in page


def test_a_page_that_is_taken_down_says_so_and_can_come_back(publish: Publish) -> None:
    bot = publish()
    where = bot.page()
    token = where.rpartition("/")[2]
    take_down(bot.store, "ann", token, "asked by mail")
    for address in (where, f"{where}/card.png", f"{where}/medium/1.webp"):
        answer = bot.visitor().get(address)
        assert answer.status_code == 410
        assert "taken down" in answer.text
    put_up_again(bot.store, "ann", token, "")
    assert bot.visitor().get(where).status_code == 200
    assert [row.action for row in bot.store.audit.latest()] == ["put_page_up_again", "take_page_down"]


def test_an_answer_that_was_taken_back_has_no_page(publish: Publish) -> None:
    bot = publish()
    (reply,) = bot.store.outbox.of_mention(bot.mention().id)
    bot.store.outbox.retract(reply.id)
    assert bot.visitor().get(bot.page()).status_code == 410


@pytest.mark.parametrize(
    "path", ["/v/x", "/v/" + "a" * 22, "/v/" + "a" * 500, "/v/..%2f..", "/v/%00", "/v/' OR 1=1"]
)
def test_what_is_not_there_is_said_plainly(publish: Publish, path: str) -> None:
    answer = publish().visitor().get(path)
    assert answer.status_code == 404
    assert "Traceback" not in answer.text


def test_no_other_name_is_answered(publish: Publish) -> None:
    bot = publish()
    assert bot.visitor("evil.example").get(bot.page()).status_code == 404


@pytest.mark.parametrize(("shown", "least", "most"), [("blurred", 0, 25), ("clear", 60, 128)])
def test_the_medium_is_blurred_unless_configured(publish: Publish, shown: str, least: int, most: int) -> None:
    bot = with_stripes(publish(public={"medium": shown}))
    answer = bot.visitor().get(f"{bot.page('m-stripes')}/medium/1.webp")
    contrast = ImageStat.Stat(Image.open(BytesIO(answer.content)).convert("L")).stddev[0]
    assert least <= contrast <= most


def test_what_is_marked_as_sensitive_is_blurred_and_has_no_evidence(publish: Publish) -> None:
    bot = with_stripes(publish(public={"medium": "clear", "evidence": True}), sensitive=True)
    answer = bot.visitor().get(f"{bot.page('m-stripes')}/medium/1.webp")
    assert ImageStat.Stat(Image.open(BytesIO(answer.content)).convert("L")).stddev[0] <= 25
    assert "blurred on purpose" in bot.visitor().get(bot.page("m-stripes")).text
    assert "blurred on purpose" not in bot.visitor().get(bot.page()).text
    for name, status in (("m-picture", 200), ("m-stripes", 404)):
        with_evidence(bot, name)
        assert bot.visitor().get(f"{bot.page(name)}/evidence/1/heatmap-x.png").status_code == status
        assert ("heatmap-x" in bot.visitor().get(bot.page(name)).text) == (status == 200)


def with_stripes(bot: Published, **fields: Any) -> Published:
    """Somebody asks about a picture with sharp edges."""
    picture = Image.new("RGB", (320, 200))
    for left in range(0, 320, 20):
        picture.paste((255, 255, 255), (left, 0, left + 10, 200))
    picture.save(bot.world.folder / "media" / "stripes.png")
    bot.world.mention("m-stripes", "media/stripes.png", author="zoe", **fields)
    bot.console.settle()
    return bot


def test_only_media_that_are_there_have_an_address(publish: Publish) -> None:
    bot = publish()
    where = f"{bot.page()}/medium/1.webp"
    picture = bot.visitor().get(where)
    assert picture.headers["content-type"] == "image/webp"
    assert bot.visitor().get(f"{bot.page()}/medium/2.webp").status_code == 404
    assert bot.visitor().get(f"{bot.page()}/medium/0.webp").status_code == 404
    assert bot.visitor().get(f"{bot.page()}/medium/x.webp").status_code == 404


def with_evidence(bot: Published, name: str = "m-picture") -> None:
    """An operator has had the evidence of a mention's medium drawn."""
    target = bot.mention(name).target_id
    assert target is not None
    (medium,) = bot.store.posts.media(target)
    assert medium.sha256 is not None
    analysis = bot.store.media.analysis(medium.sha256)
    assert analysis is not None
    picture = EvidencePicture("heatmap-x", "Where it looked", b"png", "A heat map")
    parts = bot.console.parts
    room = EvidenceRoom(parts.settings.data_dir / "evidence", parts.resolver.path, lambda *_: [picture])
    deadline = time.monotonic() + 10
    while room.request(analysis).progress is not Progress.READY:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("shown", [False, True])
def test_evidence_is_shown_only_where_configured(publish: Publish, shown: bool) -> None:
    bot = publish(public={"evidence": shown})
    with_evidence(bot)
    assert ("Where it looked" in bot.visitor().get(bot.page()).text) is shown
    answer = bot.visitor().get(f"{bot.page()}/evidence/1/heatmap-x.png")
    assert answer.status_code == (200 if shown else 404)
    assert bot.visitor().get(f"{bot.page()}/evidence/1/index.json.png").status_code == 404


def test_a_deleted_medium_is_gone_from_page_and_card(publish: Publish) -> None:
    bot = with_stripes(publish())
    where, parts = bot.page("m-stripes"), bot.console.parts
    before = bot.visitor().get(f"{where}/card.png").content
    target = bot.mention("m-stripes").target_id
    assert target is not None
    (medium,) = bot.store.posts.media(target)
    assert medium.sha256 is not None
    assert parts.keeper.delete(medium.sha256)
    assert "<img" not in bot.visitor().get(where).text
    assert bot.visitor().get(f"{where}/medium/1.webp").status_code == 404
    after = bot.visitor().get(f"{where}/card.png")
    assert after.status_code == 200
    assert after.content != before


def test_a_correction_stands_in_the_history(publish: Publish) -> None:
    bot = publish()
    (medium,) = bot.store.posts.media(bot.mention().target_id or 0)
    assert medium.sha256 is not None
    rules = {"inbox": bot.console.parts.platforms[0].text_rules}
    writer = build_writer(bot.console.parts.settings, bot.store)
    was_high = bot.mention().band == Band.HIGH
    label = ReviewLabel.REAL if was_high else ReviewLabel.MANIPULATED
    assert review(bot.store, writer, rules, medium.sha256, label, note="SECRET", reviewer="op")
    bot.console.settle()
    page = bot.visitor().get(bot.page()).text
    said = re.findall(r"(First answer|Correction): <span class=\"band band-(\w+)\"", page)
    (first, before), (second, after) = said
    assert (first, second) == ("First answer", "Correction")
    assert before != after == bot.mention().band
    assert f'<body class="band-{after}">' in page
    assert "SECRET" not in page


def test_no_medium_is_shown_where_that_is_configured(publish: Publish) -> None:
    bot = publish(public={"medium": "none"})
    assert "<img" not in bot.visitor().get(bot.page()).text
    assert bot.visitor().get(f"{bot.page()}/medium/1.webp").status_code == 404


def test_whoever_asks_too_often_is_asked_to_wait(publish: Publish) -> None:
    bot = publish(public={"requests_per_minute": 10})
    visitor = bot.visitor()
    answers = [visitor.get(bot.page()).status_code for _ in range(12)]
    assert answers == [200] * 10 + [429] * 2
    assert bot.visitor(address="198.51.100.7").get(bot.page()).status_code == 200


def test_replies_name_the_page_only_where_configured(publish: Publish) -> None:
    bot = publish()
    assert not any("/v/" in reply["text"] for reply in bot.world.replies())


def test_replies_name_the_page(publish: Publish) -> None:
    bot = publish(reply={"link": True})
    (text,) = (r["text"] for r in bot.world.replies() if r["in_reply_to"] == "m-picture")
    assert text.endswith(f"\nhttps://bot.example{bot.page()}")


def test_without_the_setting_there_are_no_pages(publish: Publish) -> None:
    bot = publish(public={"enabled": False})
    assert bot.store.public_pages.of_mention(bot.mention().id) is None
    assert bot.visitor().get("/v/" + "a" * 22).headers["content-type"] == "application/json"


def test_pages_stand_without_the_console(publish: Publish) -> None:
    bot = publish(web={"public_url": "https://bot.example", "console": False})
    answer = bot.visitor().get(bot.page())
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    style = re.search(r'href="(/v/page.css[^"]+)"', answer.text)
    assert style
    assert bot.visitor().get(style[1]).headers["content-type"].startswith("text/css")
