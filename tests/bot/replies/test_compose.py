"""Replies as they are sent: within every platform's limits, whatever they have to tell."""

from __future__ import annotations

import pytest

from analysis.model import Band, Kind, Reason, Verdict
from bot.errors import ConfigError
from bot.platforms.base import TextRules
from bot.platforms.text import graphemes, weighted
from bot.replies import Context, MediumResult, ReplyKind, ReplyText, compose, languages, slot
from bot.replies.details import details_of
from bot.replies.model import FAILURES, Details, Finding, Rate
from bot.replies.wordings import wordings

RULES = {
    "x": TextRules(280, weighted),
    "bluesky": TextRules(300, graphemes, max_bytes=3000),
    "inbox": TextRules(500, graphemes),
}
LONGEST_HANDLE = {"x": "w" * 15, "bluesky": "a" * 63 + ".example" + ".b" * 91, "inbox": "a" * 300}
ROOMY = TextRules(10_000, graphemes)


def worst_case(band: Band) -> Context:
    media = tuple(
        MediumResult(kind, each)
        for kind in Kind
        for each in (band, None, band, Band.UNKNOWN if band is not Band.UNKNOWN else None)
    )
    return Context(
        (*media, MediumResult(Kind.AUDIO, None, "not_media")) * 3,
        probability=0.99999,
        earlier=True,
        limited_evidence=True,
        licence="CC BY-NC-SA 4.0 International, with an additional clause",
    )


def one(band: Band | None, kind: Kind = Kind.IMAGE, failure: str | None = None) -> MediumResult:
    return MediumResult(kind, band, failure)


def english(kind: ReplyKind, context: Context, rules: TextRules = ROOMY, handle: str | None = None) -> str:
    return compose(kind, context, language="en", rules=rules, turn=0, handle=handle).text


def all_turns(
    kind: ReplyKind, context: Context, language: str, platform: str, handle: str
) -> list[ReplyText]:
    count = len(wordings(language).of(slot(kind, context)))
    return [
        compose(kind, context, language=language, rules=RULES[platform], turn=turn, handle=handle)
        for turn in range(count)
    ]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("platform", RULES)
def test_every_wording_fits_every_platform_at_its_worst(language: str, platform: str) -> None:
    cases = [(kind, worst_case(band)) for kind in (ReplyKind.VERDICT, ReplyKind.CORRECTION) for band in Band]
    cases += [(ReplyKind.FAILURE, Context(failure=code)) for code in FAILURES]
    cases += [(ReplyKind.PENDING, Context())]
    for kind, context in cases:
        replies = all_turns(kind, context, language, platform, LONGEST_HANDLE[platform])
        assert all(RULES[platform].fits(reply.text) for reply in replies)
        assert len({reply.wording for reply in replies}) == len(replies), "a wording never fits"


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("band", Band)
def test_a_handle_of_x_and_limited_evidence_always_fit(language: str, band: Band) -> None:
    context = Context((one(band), one(band, Kind.VIDEO)), limited_evidence=True)
    for reply in all_turns(ReplyKind.VERDICT, context, language, "x", LONGEST_HANDLE["x"]):
        assert "@" + LONGEST_HANDLE["x"] in reply.text
        if band in {Band.LOW, Band.UNCERTAIN, Band.HIGH}:
            assert wordings(language).parts.limited_evidence in reply.text


def test_a_verdict_begins_with_asker_and_sign() -> None:
    text = english(ReplyKind.VERDICT, Context((one(Band.HIGH),)), handle="ann")
    assert text.startswith("@ann 🔴 ")
    assert "this picture" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "handle", ["", "a b", "a\nb", "ann\u202e", "@ann", "a@b@c", "<b>", "{{ 7 }}", "ann/../x", None]
)
def test_a_handle_that_is_none_is_left_out(handle: str | None) -> None:
    assert "@" not in english(ReplyKind.PENDING, Context(), handle=handle)


@pytest.mark.parametrize("handle", ["ann", "ann_b", "ann.bsky.social", "ann@social.example", "ñandú-1"])
def test_the_handles_of_the_platforms_stand(handle: str) -> None:
    assert english(ReplyKind.PENDING, Context(), handle=handle).startswith(f"@{handle} ")


MEDIA_PHRASES = [
    ([(Kind.IMAGE, Band.HIGH)], "this picture"),
    ([(Kind.VIDEO, Band.HIGH)] * 2, "these 2 videos"),
    ([(Kind.AUDIO, Band.HIGH), (Kind.AUDIO, Band.LOW)], "1 of these 2 recordings"),
    ([(Kind.IMAGE, Band.HIGH), (Kind.VIDEO, Band.HIGH)], "these 2 files"),
    ([(Kind.IMAGE, Band.LOW), (Kind.VIDEO, Band.HIGH), (Kind.IMAGE, Band.HIGH)], "2 of these 3 files"),
    ([(Kind.IMAGE, Band.HIGH), (Kind.IMAGE, None)], "1 of these 2 pictures"),
]


@pytest.mark.parametrize(("media", "phrase"), MEDIA_PHRASES)
def test_a_verdict_says_what_it_is_about(media: list[tuple[Kind, Band | None]], phrase: str) -> None:
    context = Context(tuple(MediumResult(kind, band) for kind, band in media))
    assert f"in {phrase}" in english(ReplyKind.VERDICT, context)
    assert slot(ReplyKind.VERDICT, context) == "verdict.high"


GALLERY = Context((one(Band.LOW), one(Band.HIGH, Kind.VIDEO), one(None, Kind.AUDIO, "too_long")))


def test_a_gallery_names_each_medium() -> None:
    assert english(ReplyKind.VERDICT, GALLERY).endswith(
        "\nPicture 1: little evidence; video 2: strong signs; recording 3: not checked (too long)."
    )


def test_a_gallery_of_one_result_needs_no_list() -> None:
    assert "\n" not in english(ReplyKind.VERDICT, Context((one(Band.LOW), one(Band.LOW))))


def test_a_gallery_without_room_tells_the_position() -> None:
    whole = english(ReplyKind.VERDICT, GALLERY)
    text = english(ReplyKind.VERDICT, GALLERY, TextRules(len(whole) - 1, graphemes))
    assert text.endswith("\nPosition in the post: 2.")


def test_a_gallery_of_which_nothing_could_be_checked() -> None:
    media = (one(None, failure="corrupt"), one(None, Kind.VIDEO, "a code from tomorrow"))
    text = english(ReplyKind.FAILURE, Context(media, failure="corrupt"))
    assert text.endswith("Picture 1: not checked (damaged file); video 2: not checked (reason unknown).")


def test_parts_go_least_important_first() -> None:
    context = Context(
        (one(Band.HIGH),), probability=0.7, earlier=True, limited_evidence=True, licence="CC BY-NC 4.0"
    )
    signs_of = {
        "licence": "CC BY-NC",
        "earlier": "checked the same file before",
        "estimate": "70 in 100",
        "handle": "@ann",
        "limited": "weak hint",
    }
    seen: list[tuple[str, ...]] = []
    for room in range(1000, 0, -1):
        try:
            text = english(ReplyKind.VERDICT, context, TextRules(room, graphemes), handle="ann")
        except ConfigError:
            break
        there = tuple(name for name, sign in signs_of.items() if sign in text)
        if not seen or seen[-1] != there:
            seen.append(there)
    order = list(signs_of)
    assert [set(each) for each in seen] == [set(order[dropped:]) for dropped in range(len(order) + 1)]


@pytest.mark.parametrize(("probability", "told"), [(0.704, 70), (1.0, 99), (0.0, 1), (0.999, 99), (0.004, 1)])
def test_an_estimate_never_claims_certainty(probability: float, told: int) -> None:
    text = english(ReplyKind.VERDICT, Context((one(Band.UNCERTAIN),), probability=probability))
    assert f"about {told} in 100 " in text


@pytest.mark.parametrize(
    "context",
    [
        Context((one(Band.HIGH),)),
        Context((one(Band.TRUSTED),), probability=0.1),
        Context((one(Band.UNKNOWN),), probability=0.5),
        Context((one(Band.HIGH), one(Band.HIGH)), probability=0.9),
    ],
)
def test_no_number_without_what_stands_behind_it(context: Context) -> None:
    assert "in 100" not in english(ReplyKind.VERDICT, context)


def test_nothing_but_signed_origin_makes_no_weak_hint() -> None:
    context = Context((one(Band.TRUSTED),), limited_evidence=True, licence="CC BY-NC 4.0")
    assert "\n" not in english(ReplyKind.VERDICT, context)


def test_an_unknown_reason_reads_as_the_default_one() -> None:
    reply = compose(
        ReplyKind.FAILURE, Context(failure="a code from tomorrow"), language="es", rules=ROOMY, turn=0
    )
    assert reply.wording.startswith("es/failure.default/")
    assert slot(ReplyKind.FAILURE, Context()) == "failure.default"


@pytest.mark.parametrize("kind", [ReplyKind.VERDICT, ReplyKind.CORRECTION])
def test_a_verdict_needs_a_judged_medium(kind: ReplyKind) -> None:
    for context in (Context(), Context((one(None, failure="corrupt"),))):
        with pytest.raises(ValueError, match="at least one medium with a band"):
            compose(kind, context, language="en", rules=ROOMY, turn=0)


def test_a_platform_too_small_for_any_wording_is_named() -> None:
    with pytest.raises(ConfigError, match=r"en\.toml: no wording of pending fits into 20"):
        english(ReplyKind.PENDING, Context(), TextRules(20, graphemes))


def test_a_wording_that_does_not_fit_leaves_its_turn_to_another() -> None:
    lengths = sorted(len(text) for text in wordings("en").pending)
    tight = TextRules(lengths[0], graphemes)
    replies = {
        compose(ReplyKind.PENDING, Context(), language="en", rules=tight, turn=turn) for turn in range(6)
    }
    assert {len(reply.text) for reply in replies} == {lengths[0]}


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("band", Band)
def test_a_pointer_tells_the_result_in_short_and_fits_x(language: str, band: Band) -> None:
    media = tuple(one(each, kind) for kind in Kind for each in (band, None))
    for context in (Context((one(band),), pointer=True), Context(media, pointer=True, limited_evidence=True)):
        for reply in all_turns(ReplyKind.VERDICT, context, language, "x", LONGEST_HANDLE["x"]):
            assert reply.wording.startswith(f"{language}/pointer/")
            assert wordings(language).results[band] in reply.text
            assert "www" in reply.text
            assert "\n" not in reply.text


def test_a_link_stands_last_and_goes_before_the_handle() -> None:
    link = "https://social.example/1"
    context = Context((one(Band.HIGH),), pointer=True, link=link)
    text = english(ReplyKind.VERDICT, context, handle="ann")
    assert text.endswith(f"\n{link}")
    short = english(ReplyKind.VERDICT, context, TextRules(len(text) - 1, graphemes), handle="ann")
    assert "http" not in short
    assert short.startswith("@ann ")


DETAILS = Details(
    (Finding("faces", "signs", 1), Finding("picture", "little_sign", 3)), Rate("misses", 1, 60), Kind.IMAGE
)


def test_details_go_when_there_is_no_room_and_their_rates_before_them() -> None:
    context = Context((one(Band.LOW),), details=DETAILS, limited_evidence=True)
    whole = english(ReplyKind.VERDICT, context)
    rates = "In tests, 1 of 60 altered or AI-made pictures had a result like this."
    assert rates in whole
    assert "the whole picture (3 checks): little sign of it" in whole
    shorter = english(ReplyKind.VERDICT, context, TextRules(len(whole) - 1, graphemes))
    assert "What we looked at" in shorter
    assert rates not in shorter
    shortest = english(ReplyKind.VERDICT, context, TextRules(len(shorter) - 1, graphemes))
    assert "What we looked at" not in shortest
    assert "weak hint" in shortest


@pytest.mark.parametrize("language", languages())
def test_details_can_be_told_in_every_language(language: str) -> None:
    checks = ("picture", "faces", "sound", "words", "search")
    findings = ("signs", "little_sign", "undecided", "not_counted")
    found = tuple(Finding(check, finding, n) for check in checks for finding in findings for n in (1, 2))
    for rate in (None, Rate("false_alarms", 0, 1000), Rate("misses", 7, 90)):
        context = Context((one(Band.LOW),), details=Details(found, rate, Kind.AUDIO))
        text = compose(ReplyKind.VERDICT, context, language=language, rules=ROOMY, turn=0).text
        assert "{" not in text
        assert "  " not in text
        assert all(getattr(wordings(language).details, name) in text for name in (*checks, *findings))


def test_a_review_has_no_details_to_tell() -> None:
    verdict = Verdict(Band.HIGH, None, "review", (Reason("human_review", "a person reviewed this"),))
    assert details_of(verdict, Kind.IMAGE) is None
    stored_before = Reason("detector_signs", "npr finds strong signs (score 0.99)")
    assert details_of(Verdict(Band.HIGH, 0.9, "calibrated", (stored_before,)), Kind.IMAGE) is None
