"""Downloads of what was reviewed, from the console."""

from __future__ import annotations

import io
import zipfile

import pytest

from analysis.ensemble.combine import ReviewLabel
from bot.reviews import review
from tests.bot.web.console.conftest import Console


@pytest.fixture
def reviewed(console: Console) -> Console:
    console.settle()
    store = console.parts.store
    mention = next(iter(store.mentions.in_state("answered")))
    (medium,) = store.posts.media(mention.target_id)
    rules = {platform.name: platform.text_rules for platform in console.parts.platforms}
    from bot.parts import build_writer

    writer = build_writer(console.parts.settings, store)
    review(store, writer, rules, medium.sha256, ReviewLabel.FAKE, note="=1+1", reviewer="ann")
    return console


def test_the_page_counts_and_offers(reviewed: Console) -> None:
    text = reviewed.client().get("/console/data").text
    assert "1 fake" in text
    assert 'action="/console/data/export"' in text


@pytest.mark.parametrize(("form", "kind"), [("csv", "text/csv"), ("jsonl", "application/jsonl")])
def test_tables_are_downloads(reviewed: Console, form: str, kind: str) -> None:
    answer = reviewed.client().get(f"/console/data/export?form={form}&label=&since=&platform=")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert "attachment" in answer.headers["content-disposition"]
    assert "fake" in answer.text
    (row,) = [row for row in reviewed.parts.store.audit.latest() if row.action == "export"]
    assert (row.actor, row.data["form"]) == ("local", form)


def test_the_zip_holds_the_medium(reviewed: Console) -> None:
    answer = reviewed.client().get("/console/data/export?form=zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
    assert names[-1] == "manifest.csv"
    assert names[0].startswith("inbox/fake/")


def test_filters_that_match_nothing_give_an_empty_table(reviewed: Console) -> None:
    answer = reviewed.client().get(
        "/console/data/export?form=csv&label=real&since=2001-01-01&before=2001-01-02"
    )
    assert len(answer.text.splitlines()) == 1


@pytest.mark.parametrize("query", ["form=exe", "label=evil", "since=yesterday", "other=1"])
def test_rubbish_is_refused(reviewed: Console, query: str) -> None:
    assert reviewed.client().get(f"/console/data/export?{query}").status_code == 422


def test_viewers_do_not_download(console: Console) -> None:
    console.account("vic", "viewer")
    browser = console.client()
    browser.sign_in("vic")
    assert "Downloads need the role reviewer." in browser.get("/console/data").text
    assert browser.get("/console/data/export").status_code == 403
