"""Bands and calibration: looked at by everyone, changed by admins, and put back."""

from __future__ import annotations

import re

import pytest

from bot.bands import BandLimits, band_limits
from tests.bot.judged_media import fill
from tests.bot.web.console.conftest import Console, OpenConsole

PAGE = "/console/calibration"
WAITS = "It counts from the next start of the bot on."


@pytest.fixture
def judged(console: Console) -> Console:
    fill(console.parts.store, 150, reviewed=60)
    return console


def test_nothing_judged_is_said(console: Console) -> None:
    text = console.client().get(f"{PAGE}?high=1&low=1").text
    assert "<strong>0 would change</strong>" in text
    assert "Nothing was ever changed here." in text


def test_a_preview_changes_nothing(judged: Console) -> None:
    text = judged.client().get(f"{PAGE}?high=0.1&low=20&latest=100").text
    assert "100 of the latest verdicts" in text
    assert re.search(r"<strong>[1-9]\d* would change</strong>", text)
    assert "What would change with 0.1 and 20 of 100" in text
    assert not judged.parts.settings.own_bands.exists()
    assert WAITS not in text


def test_changed_verdicts_lead_to_their_mention(console: Console) -> None:
    console.settle()
    store = console.parts.store
    fill(store, 150)
    mention = next(iter(store.mentions.in_state("answered")))
    high = next(medium for medium in store.judged.latest(150) if medium.band == "high")
    with store.transaction() as db:
        db.execute(
            "UPDATE post_media SET media_id = (SELECT id FROM media WHERE sha256 = ?) WHERE post_id = ?",
            (high.sha256, mention.target_id),
        )
    text = console.client().get(f"{PAGE}?high=0.1&low=20&latest=200").text
    assert f'href="/console/mentions/{mention.id}"' in text


def test_limits_are_used_shown_and_undone(judged: Console) -> None:
    browser, settings = judged.client(), judged.parts.settings
    assert browser.submit(f"{PAGE}/bands", high="2.5", low="30").status_code == 303
    assert band_limits(settings) == BandLimits(high_false_alarms=0.025, low_misses=0.3)
    text = browser.get(PAGE).text
    assert WAITS in text
    assert "Operators have set this; the settings say 5 and 20." in text
    undo = re.search(rf'action="({PAGE}/undo/\d+)"', text)
    assert undo
    assert browser.submit(undo[1]).status_code == 303
    assert not settings.own_bands.exists()
    assert WAITS not in browser.get(PAGE).text
    assert browser.submit(undo[1]).status_code == 409


def test_going_back_to_the_settings_is_an_action_too(judged: Console) -> None:
    browser = judged.client()
    browser.submit(f"{PAGE}/bands", high="2.5", low="30")
    assert browser.submit(f"{PAGE}/bands/discard").status_code == 303
    assert not judged.parts.settings.own_bands.exists()
    assert len(judged.parts.store.audit.of("bands")) == 2


def test_a_fit_is_looked_at_before_it_is_used(judged: Console) -> None:
    browser, own = judged.client(), judged.parts.settings.own_calibration
    where = browser.submit(f"{PAGE}/fit", method="platt").headers["location"]
    text = browser.get(where).text
    reals, fakes = map(int, re.findall(r"(\d+) real and (\d+) fake media that people reviewed", text)[0])
    assert reals + fakes == 60
    assert "not in use" in text
    assert "Before and after" in text
    assert not own.exists()
    picture = browser.get(f"{where}/0.svg")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert browser.get(f"{where}/99.svg").status_code == 404
    assert browser.submit(f"{where}/use").status_code == 303
    assert own.exists()
    assert "in use from the next start on" in browser.get(where).text
    assert "reviews of inbox" in own.read_text()
    page = browser.get(PAGE).text
    assert WAITS in page
    assert "A calibration of yours" in page
    assert browser.submit(f"{PAGE}/discard").status_code == 303
    assert not own.exists()


def test_viewers_look_and_reviewers_fit(judged: Console) -> None:
    for name, role in (("vic", "viewer"), ("rea", "reviewer")):
        judged.account(name, role)
    viewer = judged.client()
    viewer.sign_in("vic")
    assert viewer.get(f"{PAGE}?high=1&low=1").status_code == 200
    assert viewer.submit(f"{PAGE}/fit").status_code == 403
    reviewer = judged.client()
    reviewer.sign_in("rea")
    where = reviewer.submit(f"{PAGE}/fit").headers["location"]
    assert "Using it needs the role admin." in reviewer.get(where).text
    for address in (f"{where}/use", f"{PAGE}/discard", f"{PAGE}/bands/discard", f"{PAGE}/undo/1"):
        assert reviewer.submit(address).status_code == 403
    assert reviewer.submit(f"{PAGE}/bands", high="1", low="1").status_code == 403


def test_forms_need_their_proof(judged: Console) -> None:
    browser = judged.client()
    browser.get(PAGE)
    for address in ("bands", "bands/discard", "discard", "fit", "undo/1"):
        assert browser.post(f"{PAGE}/{address}", data={"high": "1", "low": "1"}).status_code == 403


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("high=0", 422),
        ("high=100", 422),
        ("low=nan", 422),
        ("high=1e-400", 422),
        ("latest=0", 422),
        ("latest=1000000", 422),
        ("high=", 422),
    ],
)
def test_rubbish_is_refused(console: Console, query: str, status: int) -> None:
    assert console.client().get(f"{PAGE}?{query}").status_code == status


def test_a_forgotten_fit_and_other_actions_are_named(console: Console) -> None:
    browser = console.client()
    assert browser.get(f"{PAGE}/fit/{'0' * 16}").status_code == 404
    assert browser.get(f"{PAGE}/fit/x").status_code == 422
    assert browser.submit(f"{PAGE}/undo/12345").status_code == 404
    other = console.parts.store.audit.add("ann", "export", "reviews")
    assert browser.submit(f"{PAGE}/undo/{other}").status_code == 409


def test_without_scores_a_fit_says_why(open_console: OpenConsole) -> None:
    answer = open_console(analysis={"detectors": ["npr"]}).client().submit(f"{PAGE}/fit")
    assert answer.status_code == 409
    assert "nothing was reviewed" in answer.text


def test_another_policy_is_named(open_console: OpenConsole) -> None:
    assert (
        "The policy in use is <code>vote</code>"
        in open_console(analysis={"policy": "vote"}).client().get(PAGE).text
    )
