"""The operators' queue: kept by triggers, filtered, sorted, searched, paged along indexes."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.make_state import make_state
from state import derived
from state.model import AnalysisRow, Mode, NewReply, PostMedium, ScoreRow, VerdictRow
from state.store import Store
from state.triage_model import Cursor, Filters, Order
from tests.state.conftest import START, Clock, accept, post

LIVE = Filters(Mode.LIVE)
CASES = [
    {},
    {"bands": ("high",)},
    {"bands": ("uncertain", "high"), "reviews": ("none",)},
    {"states": ("failed",), "platforms": ("x",)},
    {"languages": ("de",), "replies": ("sent",)},
    {"spread": 0.5},
    {"order": Order.SPREAD},
    {"order": Order.DOUBT, "bands": ("uncertain",)},
    {"order": Order.REACH, "reach": 2},
    {"since": START, "until": START + timedelta(days=30000)},
    {"words": "flood"},
    {"words": "storm", "order": Order.DOUBT},
]


def medium(store: Store, name: str, band: str, probability: float, *scores: float) -> PostMedium:
    sha256 = name.rjust(64, "0")
    found = PostMedium(f"https://example.org/{name}", sha256=sha256, mime="image/png", size=1)
    store.media.save(found)
    given = tuple(ScoreRow(f"d{n}", score, True, None) for n, score in enumerate(scores))
    verdict = VerdictRow(band, probability, "calibrated", (), "set 1")
    store.media.save_analysis(AnalysisRow(sha256, "f", "image", scores=given, verdict=verdict))
    return found


def ask(store: Store, name: str, author: str, about: str, *media: PostMedium, band: str | None = None) -> int:
    """A mention of this name, resolved to a post and, with a band, answered."""
    accept(store, post(name, author, text=f"is this real, {name}?"))
    mention = store.row(
        "SELECT m.id FROM mentions m JOIN posts p ON p.id = post_id WHERE platform_id = ?", (name,)
    )
    assert mention is not None
    target = store.posts.save(post(about, "author", text=f"look at {about}"))
    store.posts.set_media(target, media)
    store.mentions.resolved(mention["id"], target)
    if band:
        row = store.mentions.get(mention["id"])
        store.outbox.add(row, NewReply(row.id, "verdict", name, f"it is {band}", "en", "plain", band))
        store.mentions.analysed(row.id, band)
    return int(mention["id"])


def ids(store: Store, **filters: object) -> list[int]:
    return [row.mention_id for row in store.triage.page(replace(LIVE, **filters)).rows]  # type: ignore[arg-type]


def test_a_row_tells_all_that_is_known(store: Store) -> None:
    picture = medium(store, "a", "high", 0.97, 0.2, 0.9)
    first = ask(store, "1", "ann", "p", picture, band="high")
    ask(store, "2", "bob", "p", picture)
    store.reviews.add(picture.sha256 or "", "fake", "a known hoax", "rita")
    reply = next(store.outbox.of_mention(first))
    store.outbox.begin(reply.id)
    store.outbox.sent(reply.id, "r1", None)
    store.mentions.answered(first)
    (row,) = store.triage.rows([first, 99])
    assert (row.asker, row.author, row.target_text, row.state) == ("ann", "author", "look at p", "answered")
    assert (row.band, row.probability, row.reply, row.review, row.reach) == ("high", 0.97, "sent", "fake", 2)
    assert row.spread == pytest.approx(0.7)
    assert [(m.sha256, m.kind, m.calibration, m.deleted) for m in row.media] == [
        (picture.sha256, "image", "set 1", False)
    ]


def test_each_filter_leaves_what_it_says(store: Store) -> None:
    sure = medium(store, "a", "high", 0.97, 0.9, 0.95)
    torn = medium(store, "b", "uncertain", 0.5, 0.1, 0.9)
    high = ask(store, "1", "ann", "p", sure, band="high")
    torn_one = ask(store, "2", "bob", "q", torn, band="uncertain")
    again = ask(store, "3", "cyd", "q", torn, band="uncertain")
    failed = ask(store, "4", "dan", "r", sure)
    store.mentions.failed(failed, "gone", "it is gone")
    assert ids(store) == [failed, again, torn_one, high]
    assert ids(store, bands=("high",)) == [high]
    assert ids(store, bands=("high", "uncertain"), states=("analysed",)) == [again, torn_one, high]
    assert ids(store, states=("failed",)) == [failed]
    assert ids(store, replies=("none",)) == [failed]
    assert ids(store, reviews=("fake",)) == []
    assert ids(store, platforms=("x",)) == []
    assert ids(store, spread=0.5) == [again, torn_one]
    assert ids(store, reach=2) == [torn_one]
    assert ids(store, order=Order.DOUBT) == [again, torn_one, high]
    assert ids(store, order=Order.SPREAD) == [again, torn_one, high]
    assert ids(store, words="BOB") == [torn_one]
    assert ids(store, since=START + timedelta(seconds=1)) == []
    assert ids(store, until=START + timedelta(seconds=1)) == ids(store)
    assert ids(store, mode=Mode.TEST) == []


@pytest.mark.parametrize(
    "words", ['"', "a OR", "NEAR(", "*", "-", "text:x", "(", "' OR 1=1 --", "\0", "x" * 9000]
)
def test_nothing_that_is_searched_for_is_an_error(store: Store, words: str) -> None:
    ask(store, "1", "ann", "p")
    assert ids(store, words=words) == []


def test_words_are_found_wherever_they_stand(store: Store) -> None:
    picture = medium(store, "a", "high", 0.97)
    mention = ask(store, "1", "zoë.example", "p", picture, band="high")
    ask(store, "2", "bob", "q")
    store.reviews.add(picture.sha256 or "", "fake", "seen on hoaxmap", "rita")
    for words in ("zoe.exam", "hoaxm", '"it is high"', "high zoë look"):
        assert ids(store, words=words) == [mention], words
    store.posts.save(post("p", "author", text="edited since"))
    assert ids(store, words="edited") == [mention]
    assert ids(store, words='"look at p"') == []


def test_the_queue_always_says_what_the_rows_say(open_store: Callable[..., Store]) -> None:
    stores = [open_store(Mode.LIVE), open_store(Mode.TEST)]
    dice = random.Random(7)
    media = [medium(stores[0], f"{n:x}", "uncertain", 0.5, 0.1 * n, 0.5) for n in range(5)]
    for number in range(60):
        store = dice.choice(stores)
        about = dice.choice("pqr")
        band = dice.choice([None, "high", "low"])
        mention = ask(store, f"m{number}", dice.choice("abc"), about, media["pqr".index(about)], band=band)
        if dice.random() < 0.3:
            store.mentions.failed(mention, "gone", "gone")
        if dice.random() < 0.3:  # resolved again, to another post
            target = store.posts.save(post(dice.choice("stpq"), "author"))
            store.mentions.resolved(mention, target)
        if dice.random() < 0.3:
            label = dice.choice(["real", "fake"])
            store.reviews.add(dice.choice(media).sha256 or "", label, f"note {number}", "rita")
    for table, view, columns in (
        (
            "triage",
            "derived_triage",
            "mention_id, mode, state, target_id, band, probability, spread, reply, review",
        ),
        ("search", "derived_search", "handles, posts, replies, notes"),
    ):
        order = "mention_id" if table == "triage" else "posts"
        kept = list(stores[0].rows(f"SELECT {columns} FROM {table} ORDER BY {order}"))
        assert kept == list(stores[0].rows(f"SELECT {columns} FROM {view} ORDER BY {order}"))
    reach = (
        "SELECT target_id, mode, max(reach) AS n, count(reach) AS leads FROM triage GROUP BY target_id, mode"
    )
    counted = "SELECT target_id, mode, count(*) AS n, 1 AS leads FROM mentions GROUP BY target_id, mode"
    assert list(stores[0].rows(reach)) == list(stores[0].rows(counted))


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("busy")
    make_state(folder, mentions=1500, pictures=0, seed=3)
    return Store(folder / "state.sqlite3", Mode.LIVE)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_paging_there_and_back_shows_each_mention_once(busy: Store, case: dict[str, object]) -> None:
    filters = replace(LIVE, **case)  # type: ignore[arg-type]
    seen = there_and_back(busy, filters)
    assert len(seen) == len(set(seen)) == busy.triage.count(filters, 10_000) > 0


def test_a_search_goes_on_behind_the_newest_matches(busy: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    filters = replace(LIVE, words="flood")
    every = there_and_back(busy, filters)
    monkeypatch.setattr("state.triage.NEWEST_MATCHES", 80)
    assert there_and_back(busy, filters) == every
    assert len(every) > 200


def there_and_back(busy: Store, filters: Filters) -> list[int]:
    """The mentions of all pages, which are the same in both directions."""
    there = [busy.triage.page(filters, limit=70)]
    while (cursor := there[-1].older) is not None:
        assert Cursor.parse(str(cursor)) == cursor
        there.append(busy.triage.page(filters, cursor, limit=70))
    seen = [row.mention_id for page in there for row in page.rows]
    back = [there[-1]]
    while (cursor := back[0].newer) is not None:
        back.insert(0, busy.triage.page(filters, cursor, limit=70))
    assert [row.mention_id for page in back for row in page.rows] == seen
    return seen


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_table_is_read_as_a_whole(busy: Store, case: dict[str, object]) -> None:
    filters = replace(LIVE, **case)  # type: ignore[arg-type]
    statements: list[str] = []
    busy.db.conn.set_trace_callback(statements.append)
    page = busy.triage.page(filters, limit=20)
    busy.triage.page(filters, page.older, limit=20)
    busy.triage.count(filters, 1000)
    busy.triage.newer(filters, busy.triage.latest(filters) - 3, 100)
    busy.triage.values("platforms", filters)
    busy.db.conn.set_trace_callback(None)
    ours = {sql for sql in statements if sql.startswith(("SELECT", "WITH")) and "'main'.'search_" not in sql}
    assert ours
    for sql in ours:
        plan = [row["detail"] for row in busy.rows("EXPLAIN QUERY PLAN " + sql)]
        # What is walked through: lists in the statement, results of it, and the full-text index's matches.
        harmless = (
            "SCAN wanted VIRTUAL",
            "SCAN search VIRTUAL",
            "SCAN found",
            "SCAN each",
            "SCAN (",
            "SCAN CONSTANT",
            "SCAN main.search_config",  # the full-text index's own settings, a few rows
        )
        scans = [step for step in plan if step.startswith("SCAN") and not step.startswith(harmless)]
        assert not scans, (sql, plan)


def test_counts_stop_where_they_are_told_to(busy: Store) -> None:
    assert busy.triage.count(LIVE, 100) == 100
    assert busy.triage.newer(LIVE, 0, 100) == 100
    assert busy.triage.newer(LIVE, busy.triage.latest(LIVE) - 3, 100) == 3
    assert busy.triage.latest(Filters(Mode.TEST)) == 0


def test_the_values_of_a_filter_are_those_that_occur(busy: Store) -> None:
    assert busy.triage.values("platforms", LIVE) == ("bluesky", "inbox", "mastodon", "x")
    assert busy.triage.values("platforms", Filters(Mode.TEST)) == ()


@pytest.mark.parametrize(
    "text", ["", "after_1", "after_nan_1", "after_1.0_x", "later_1_2", "after_1_-1", f"after_1_{1 << 64}"]
)
def test_only_cursors_are_cursors(text: str) -> None:
    with pytest.raises(ValueError):
        Cursor.parse(text)


def test_what_is_derived_is_made_anew_for_another_version(store: Store, clock: Clock) -> None:
    ask(store, "1", "ann", "p")
    with store.transaction() as db:
        derived.drop(db)
        db.execute("UPDATE triage SET state = 'nonsense'")
    again = Store(store.path, Mode.LIVE, clock)
    assert [row.state for row in again.triage.page(LIVE).rows] == ["resolved"]
    ask(again, "2", "bob", "p")
    assert len(again.triage.page(LIVE).rows) == 2


def test_a_migration_may_rebuild_any_table_while_nothing_derived_stands(tmp_path: Path) -> None:
    db = Store(tmp_path / "state.sqlite3", Mode.LIVE).db.conn
    with pytest.raises(sqlite3.OperationalError, match="derived_triage"):
        db.execute("BEGIN")
        db.execute("DROP TABLE replies")
        db.execute("ALTER TABLE cursors RENAME TO anything")
    db.execute("ROLLBACK")
    db.execute("BEGIN")
    derived.drop(db)
    db.execute("DROP TABLE replies")
    db.execute("ALTER TABLE cursors RENAME TO anything")
    db.execute("ROLLBACK")


def test_views_are_kept_per_operator(store: Store) -> None:
    assert store.saved_views.save("ann", "mine", "band=high")
    assert store.saved_views.save("ann", "mine", "band=low")
    assert store.saved_views.save("bob", "mine", "q=x")
    (view,) = store.saved_views.of("ann")
    assert (view.name, view.query) == ("mine", "band=low")
    assert not store.saved_views.remove("bob", view.id)
    assert store.saved_views.remove("ann", view.id)
    assert store.saved_views.of("ann") == []
    assert all(store.saved_views.save("cyd", str(number), "") for number in range(20))
    assert not store.saved_views.save("cyd", "one more", "")
