"""The verdict page, the media route and the forms, against a bot over a small inbox."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

import detectors
from analysis.model import Band
from state.model import AnalysisRow, MentionRow, PostMedium, ReplyState, ScoreRow, Step, VerdictRow
from tests.bot.web.console.conftest import Console

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}"
CSP = "sandbox; default-src 'none'"


@pytest.fixture
def bot(console: Console) -> Console:
    console.settle()
    return console


def finish(console: Console) -> None:
    """Until everything is done, by whomever: a form wakes the bot's own workers."""
    steps = [step for step in Step if step is not Step.NOTICE]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        console.settle()
        if console.parts.store.queue.open_count(["inbox"], *steps) == 0:
            return
        time.sleep(0.02)
    raise AssertionError("something is still open")


def mention(console: Console, name: str = "m-picture") -> MentionRow:
    store = console.parts.store
    row = store.row(
        "SELECT m.id FROM mentions m JOIN posts p ON p.id = post_id WHERE platform_id = ?", (name,)
    )
    assert row is not None
    return store.mentions.get(row["id"])


def digest(console: Console, name: str = "m-picture") -> str:
    target = mention(console, name).target_id
    assert target is not None
    sha256 = console.parts.store.posts.media(target)[0].sha256
    assert sha256 is not None
    return sha256


def kept_bytes(console: Console, content: bytes) -> str:
    """Put a file into the media store as if a post had carried it."""
    files = console.parts.resolver.files
    with files.temporary() as partial:
        partial.write_bytes(content)
        stored = files.adopt(partial)
    console.parts.store.media.save(PostMedium("", sha256=stored.sha256, mime=stored.mime, size=stored.size))
    return stored.sha256


def test_the_page_shows_everything_of_a_mention(bot: Console) -> None:
    row = mention(bot)
    page = bot.client().get(f"/console/mentions/{row.id}")
    assert page.status_code == 200
    for words in (
        "@ann asked on inbox",
        "is this real?",
        "What happened",
        "reply queued",
        "Judge again",
        "stub",
    ):
        assert words in page.text
    reply = next(iter(bot.parts.store.outbox.of_mention(row.id)))
    assert reply.text.split("\n")[0][:30] in page.text
    assert f"/console/media/{digest(bot)}/file" in page.text
    assert "style=" not in page.text
    assert "<script>" not in page.text


def test_why_a_detector_did_not_judge_is_said_once(bot: Console) -> None:
    scores = (ScoreRow("image", 0.5, True, None), ScoreRow("voice", None, False, "judges sound only"))
    told = (
        {"code": "not_strong_enough", "text": "the evidence is not strong enough"},
        {"code": "not_applicable", "text": "voice did not judge this image: judges sound only"},
    )
    verdict = VerdictRow("uncertain", 0.5, "calibrated", told, "set 1")
    bot.parts.store.media.save_analysis(
        AnalysisRow(digest(bot), "later", "image", scores=scores, verdict=verdict)
    )
    text = bot.client().get(f"/console/media/{digest(bot)}").text
    assert "<li>the evidence is not strong enough</li>" in text
    assert text.count("judges sound only") == 1


@pytest.mark.parametrize("name", ["m-gallery", "m-no-media", "m-gone", "m-chat", "m-asked-already"])
def test_every_kind_of_mention_has_a_page(bot: Console, name: str) -> None:
    row = mention(bot, name)
    page = bot.client().get(f"/console/mentions/{row.id}")
    assert page.status_code == 200
    assert (row.reason or row.state).replace("_", " ") in page.text


@pytest.mark.parametrize("path", ["mentions/999", "media/" + "0" * 64, "media/" + "0" * 64 + "/file"])
def test_what_is_not_there_is_said_so(bot: Console, path: str) -> None:
    page = bot.client().get(f"/console/{path}")
    assert page.status_code == 404
    assert "was ever seen" in page.text or "there is no mention" in page.text


def test_strangers_words_are_only_ever_words(console: Console) -> None:
    world, store = console.world, console.parts.store
    world.post("evil", world.medium(7), text=EVIL)
    world.mention("m-evil", text=f"@veritag {EVIL}", parent_id="evil", author="eve")
    console.settle()
    row = mention(console, "m-evil")
    sha256 = digest(console, "m-evil")
    with store.transaction() as db:
        db.execute("UPDATE askers SET handle = ?", (EVIL,))
        db.execute("UPDATE replies SET text = ?, url = 'javascript:alert(5)'", (EVIL,))
        db.execute("UPDATE posts SET url = 'javascript:alert(3)'")
        db.execute("UPDATE post_media SET alt_text = ?", (EVIL,))
        db.execute("UPDATE scores SET reason = ?, evidence = ?", (EVIL, json.dumps({"faces": EVIL})))
    store.events.add("postponed", row.id, {"detail": EVIL, EVIL: 1})
    browser = console.client()
    for action, fields in (
        ("review", {"sha256": sha256, "label": "fake", "note": EVIL}),
        ("correct", {"mention_id": row.id, "text": EVIL}),
        ("block", {"mention_id": row.id, "note": EVIL}),
    ):
        browser.submit(f"/console/actions/{action}", **fields)
    for path in (f"mentions/{row.id}", f"media/{sha256}"):
        page = browser.get(f"/console/{path}").text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert 'href="javascript:' not in page
        assert "49" not in re.findall(r"\"'(.*?)</", page)
        assert "&lt;script&gt;" in page


class TestMediaRoute:
    def test_a_picture_is_shown_in_a_sandbox(self, bot: Console) -> None:
        answer = bot.client().get(f"/console/media/{digest(bot)}/file")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"].startswith("inline")
        assert answer.content.startswith(b"\x89PNG")

    @pytest.mark.parametrize(
        "content",
        [
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            b"<!doctype html><script>alert(1)</script>",
            b"<?xml version='1.0'?><x/>",
            b"%PDF-1.7 ...",
            b"II*\0 a tiff that no browser shows" + bytes(64),
        ],
    )
    def test_what_could_run_is_never_shown(self, bot: Console, content: bytes) -> None:
        answer = bot.client().get(f"/console/media/{kept_bytes(bot, content)}/file")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-security-policy"] == CSP

    def test_ranges_are_served(self, bot: Console) -> None:
        content = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 40
        address = f"/console/media/{kept_bytes(bot, content)}/file"
        part = bot.client().get(address, headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, content[100:200])
        assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
        assert part.headers["content-type"] == "video/mp4"
        assert part.headers["content-security-policy"] == CSP
        assert bot.client().get(address, headers={"Range": "bytes=-5"}).content == content[-5:]
        assert bot.client().get(address, headers={"Range": "bytes=99999-"}).status_code == 416

    @pytest.mark.parametrize(
        "path",
        [
            "../../state.sqlite3",
            "..%2f..%2fstate.sqlite3",
            "%2e%2e/%2e%2e/lock/file",
            "partial/file",
            "lock/file",
            "A" * 64 + "/file",
            "0" * 64 + "/evidence/..%2findex.png",
            "0" * 64 + "/evidence/../index.json",
        ],
    )
    def test_nothing_else_can_be_reached(self, bot: Console, path: str) -> None:
        answer = bot.client().get(f"/console/media/{path}")
        assert answer.status_code in {404, 422}
        assert b"SQLite" not in answer.content

    def test_a_deleted_file_is_said_to_be_gone(self, bot: Console) -> None:
        sha256, browser = digest(bot), bot.client()
        browser.submit("/console/actions/delete_medium", sha256=sha256)
        assert browser.get(f"/console/media/{sha256}/file").status_code == 404
        for path in (f"mentions/{mention(bot).id}", f"media/{sha256}"):
            page = browser.get(f"/console/{path}").text
            assert "not on this machine any more" in page
            assert f"{sha256}/file" not in page

    def test_a_file_that_vanished_by_itself_is_said_to_be_gone(self, bot: Console) -> None:
        sha256 = digest(bot)
        bot.parts.resolver.path(sha256).unlink()
        assert bot.client().get(f"/console/media/{sha256}/file").status_code == 404
        assert "not on this machine" in bot.client().get(f"/console/media/{sha256}").text


def test_a_label_is_stored_and_undone_from_the_page(bot: Console) -> None:
    browser, row = bot.client(), mention(bot)
    page = f"/console/mentions/{row.id}"
    fields = {"sha256": digest(bot), "label": "satire", "note": "see the source", "back": page}
    answer = browser.submit("/console/actions/review", **fields)
    assert answer.status_code == 303
    shown = browser.get(answer.headers["location"]).text
    assert "Done: labelled satire: see the source." in shown
    number = re.search(r'/actions/undo.*?name="number" value="(\d+)"', shown, re.S)
    assert number
    answer = browser.submit("/console/actions/undo", number=number[1], back=page)
    assert answer.status_code == 303
    assert bot.parts.store.reviews.latest(digest(bot)) is None
    assert "undid: review" in browser.get(answer.headers["location"]).text


def test_a_reply_is_retracted_and_corrected_from_the_page(bot: Console) -> None:
    browser, row = bot.client(), mention(bot)
    reply = next(iter(bot.parts.store.outbox.of_mention(row.id)))
    assert browser.submit("/console/actions/retract", number=reply.id).status_code == 303
    finish(bot)
    assert bot.parts.store.outbox.get(reply.id).state is ReplyState.RETRACTED
    assert "retracted" in browser.get(f"/console/mentions/{row.id}").text
    answer = browser.submit("/console/actions/correct", mention_id=row.id, text="x" * 501)
    assert answer.status_code == 409
    assert "takes 500, this is 501" in answer.text
    answer = browser.submit("/console/actions/correct", mention_id=row.id, text="We were wrong.", band="low")
    assert answer.status_code == 303
    finish(bot)
    assert bot.parts.store.mentions.get(row.id).band == Band.LOW
    assert "We were wrong." in [reply["text"] for reply in bot.world.replies()]


def test_a_form_that_stays_on_its_page_gets_its_words(bot: Console) -> None:
    browser, row = bot.client(), mention(bot)
    csrf = browser.csrf()
    headers = {"HX-Request": "true", "X-CSRF-Token": csrf}
    answer = browser.post(
        "/console/actions/correct", data={"mention_id": row.id, "text": ""}, headers=headers
    )
    assert "There are no words" in answer.text
    answer = browser.post("/console/actions/analyse_again", data={"mention_id": row.id}, headers=headers)
    assert "It is judged again." in answer.text
    assert "<html" not in answer.text


def test_many_mentions_are_acted_on_at_once(bot: Console) -> None:
    ids = [mention(bot, name).id for name in ("m-picture", "m-second-asker", "m-chat")]
    answer = bot.client().submit(
        "/console/actions/analyse_again", mention_id=ids, back="/console?state=answered"
    )
    assert answer.status_code == 303
    assert re.fullmatch(r"/console\?state=answered&done=\d+%2C\d+&refused=1", answer.headers["location"])
    finish(bot)
    assert [mention(bot, name).state for name in ("m-picture", "m-second-asker")] == ["answered"] * 2


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/console/../..", "javascript:alert(1)"]
)
def test_no_form_leads_to_another_site(bot: Console, back: str) -> None:
    answer = bot.client().submit("/console/actions/analyse_again", mention_id=mention(bot).id, back=back)
    assert answer.headers["location"].startswith("/console")


@pytest.mark.parametrize(
    ("name", "fields", "status"),
    [
        ("dance", {}, 404),
        ("review", {"sha256": "0" * 64}, 422),
        ("review", {"sha256": "../..", "label": "fake"}, 422),
        ("review", {"sha256": "0" * 64, "label": "purple"}, 422),
        ("review", {"sha256": "0" * 64, "label": "fake"}, 409),
        ("retract", {"number": 999}, 409),
        ("retract", {"number": 2**70}, 422),
        ("undo", {"number": 999}, 404),
        ("analyse_again", {}, 409),
        ("analyse_again", {"mention_id": 999}, 409),
    ],
)
def test_rubbish_is_refused(bot: Console, name: str, fields: dict[str, Any], status: int) -> None:
    assert bot.client().submit(f"/console/actions/{name}", **fields).status_code == status
    assert bot.parts.store.audit.latest() == []


def test_without_the_forms_proof_nothing_is_done(bot: Console) -> None:
    answer = bot.client().post("/console/actions/analyse_again", data={"mention_id": mention(bot).id})
    assert answer.status_code == 403
    assert bot.parts.store.audit.latest() == []


@pytest.mark.parametrize(
    ("role", "name", "allowed"),
    [
        ("viewer", "review", False),
        ("viewer", "undo", False),
        ("reviewer", "review", True),
        ("reviewer", "delete_medium", False),
        ("reviewer", "block", False),
        ("admin", "block", True),
    ],
)
def test_roles_limit_what_one_may_do(bot: Console, role: str, name: str, allowed: bool) -> None:
    bot.account("sam", role)
    done = bot.parts.store.audit.add("ann", "review", f"medium:{digest(bot)}", {"label": "fake", "note": ""})
    browser = bot.client()
    browser.sign_in("sam")
    row = mention(bot)
    fields = {"mention_id": row.id, "sha256": digest(bot), "label": "real", "number": done}
    answer = browser.submit(f"/console/actions/{name}", **fields)
    assert answer.status_code == (303 if allowed else 403)
    page = browser.get(f"/console/mentions/{row.id}").text
    assert ("/actions/review" in page) == (role != "viewer")
    assert ("/actions/block" in page) == (role == "admin" and not allowed)


def test_a_blocked_asker_can_be_let_in_only_by_whoever_may_block(bot: Console) -> None:
    browser, row = bot.client(), mention(bot)
    browser.submit("/console/actions/block", mention_id=row.id)
    number = bot.parts.store.audit.latest()[0].id
    bot.account("sam", "reviewer")
    sam = bot.client()
    sam.sign_in("sam")
    assert sam.submit("/console/actions/undo", number=number).status_code == 403


def test_a_mention_of_the_other_mode_is_shown_and_left_alone(bot: Console) -> None:
    row = mention(bot)
    with bot.parts.store.transaction() as db:
        db.execute("UPDATE mentions SET mode = 'test' WHERE id = ?", (row.id,))
    page = bot.client().get(f"/console/mentions/{row.id}").text
    assert "This came in test mode" in page
    assert "Simulated verdict" in page
    assert "/actions/retract" not in page
    assert "/actions/analyse_again" not in page
    answer = bot.client().submit("/console/actions/analyse_again", mention_id=row.id)
    assert answer.status_code == 409


def test_every_number_says_what_it_rests_on(bot: Console) -> None:
    """A video judged by two detectors that were never fitted for clips, and one that could not judge."""
    sha256 = kept_bytes(bot, b"\0\0\0\x18ftypmp42" + bytes(64))
    evidence = {"frame_scores": [0.1, 0.9], "faces": [{"frame": 1, "box": [10, 20, 110, 220]}]}
    bot.parts.store.media.save_analysis(
        AnalysisRow(
            sha256,
            "engine",
            kind="video",
            probe={"width": 640, "height": 360, "frame_seconds": [0.0, 2.5]},
            timing={"decode": 1.0, "total": 2.0},
            scores=(
                ScoreRow("genconvit", 0.8, True, None, evidence),
                ScoreRow("veritag_image", 0.9, True, None),
                ScoreRow("aasist", None, False, "there is no sound"),
            ),
            verdict=VerdictRow("uncertain", 0.61, "calibrated", ({"code": "x", "text": "because"},), "sets"),
        )
    )
    page = bot.client().get(f"/console/media/{sha256}").text
    for words in (
        "61 %",
        "sets",
        "because",
        "Not fitted",
        "Did not judge this: there is no sound",
        'data-seconds="2.5"',
        "Go to 2.5 s, score 0.90",
        'viewBox="0 0 640 360"',
        '<rect class="over" x="10.0" y="20.0" width="100.0" height="200.0"/>',
        "/console/detectors/genconvit",
    ):
        assert words in page, words


def test_a_fitted_detector_shows_how_often_it_errs(bot: Console) -> None:
    sha256 = kept_bytes(bot, b"\xff\xd8\xff\xe0" + bytes(64))
    verdict = VerdictRow("high", 0.9, "calibrated", (), None)
    scores = (ScoreRow("veritag_image", 0.97, True, None),)
    bot.parts.store.media.save_analysis(
        AnalysisRow(sha256, "engine", kind="image", scores=scores, verdict=verdict)
    )
    page = bot.client().get(f"/console/media/{sha256}").text
    assert re.search(r"Alone, such a score is \d+\.\d times as likely from fakes", page)
    assert re.search(r"Errs on about \d+ of 100 media \(95 % interval \d+ to \d+\)", page)
    assert re.search(r"Fitted on \d+ real and \d+ fake media", page)


def test_frames_of_a_few_clips_do_not_tell_how_often_a_detector_errs(
    bot: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = kept_bytes(bot, b"\xff\xd8\xff\xe0" + bytes(64))
    of_frames = [
        figure.model_copy(update={"clips": (1, 1)}) for figure in detectors.record("veritag_image").measured
    ]
    record = detectors.record("veritag_image").model_copy(update={"measured": tuple(of_frames)})
    monkeypatch.setattr(detectors, "record", lambda _: record)
    scores = (ScoreRow("veritag_image", 0.97, True, None),)
    verdict = VerdictRow("high", 0.9, "calibrated", (), None)
    bot.parts.store.media.save_analysis(
        AnalysisRow(sha256, "engine", kind="image", scores=scores, verdict=verdict)
    )
    page = bot.client().get(f"/console/media/{sha256}").text
    assert "Alone, such a score is" in page
    assert "95 % interval" not in page


def test_where_the_engine_cannot_say_the_page_says_so(bot: Console) -> None:
    browser, sha256 = bot.client(), digest(bot)
    headers = {"HX-Request": "true", "X-CSRF-Token": browser.csrf()}
    answer = browser.post(f"/console/media/{sha256}/evidence", headers=headers)
    assert "This engine draws no evidence" in answer.text
    assert browser.get(f"/console/media/{sha256}/evidence/heatmap-stub.png").status_code == 404
