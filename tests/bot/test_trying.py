"""Tries: the whole way, in bounds, and nothing left of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from analysis.errors import EngineFailed, MediumRefused, Refusal
from analysis.model import Analysis
from analysis.stub import StubAnalyzer
from bot.assembly import build_resolver
from bot.config import Settings
from bot.resolver import Resolver
from bot.serve.desk import State
from bot.tried import Try
from bot.trying import MOST, NoRoom, TryRoom
from state.model import Mode
from state.store import Store
from tests.bot.world import png

DETECTORS = 1


class Held(StubAnalyzer):
    """Keeps media until they are let go; then fails with ``error``, if there is one."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self._error = error
        self.let_go = threading.Event()
        self.futures: list[Future[Analysis]] = []

    def submit(self, path: Path, *, on_stage: Callable[[str], None] | None = None) -> Future[Analysis]:
        assert on_stage is not None
        found = super().submit(path).result()
        future: Future[Analysis] = Future()
        self.futures.append(future)
        on_stage("probe")
        threading.Thread(target=self._settle, args=(future, found), daemon=True).start()
        return future

    def _settle(self, future: Future[Analysis], found: Analysis) -> None:
        self.let_go.wait(10)
        if not future.set_running_or_notify_cancel():
            return
        if self._error is None:
            future.set_result(found)
        else:
            future.set_exception(self._error)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web site with one picture, on this machine; its address."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "one.png").write_bytes(png(1))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "site")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def resolver(tmp_path: Path, site: str) -> Iterator[Resolver]:
    port = int(site.rpartition(":")[2])
    fetch = {"allow_networks": ["127.0.0.0/8"], "ports": [port], "attempts": 1}
    with build_resolver(Settings(data_dir=tmp_path / "data", fetch=fetch, sites={"yt_dlp": False})) as made:
        yield made


def room_of(tmp_path: Path, resolver: Resolver, analyzer: StubAnalyzer, **more: float) -> TryRoom:
    return TryRoom(tmp_path / "tries", resolver, analyzer, **more)


def file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "upload"
    path.write_bytes(content)
    return path


def wait(until: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not until():
        assert time.monotonic() < deadline, "it did not come to its end"
        time.sleep(0.01)


def over(each: Try) -> Try:
    wait(lambda: each.ended)
    return each


def test_a_link_goes_the_whole_way(tmp_path: Path, resolver: Resolver, site: str) -> None:
    each = over(room_of(tmp_path, resolver, StubAnalyzer()).begin_url(f"{site}/one.png", "ann"))
    assert (each.state, each.fault) == (State.DONE, None)
    assert [(attempt.route, attempt.outcome) for attempt in each.attempts] == [("direct", "media")]
    (medium,) = each.media
    assert medium.stages[0].name == "fetch"
    assert f"{len(png(1))} bytes, image/png" in medium.stages[0].detail
    assert medium.analysis is not None
    assert medium.analysis.verdict is not None
    assert each.progress(DETECTORS) == 1.0


def test_what_is_fetched_for_a_try_stays_out_of_the_media_folder(
    tmp_path: Path, resolver: Resolver, site: str
) -> None:
    over(room_of(tmp_path, resolver, StubAnalyzer()).begin_url(f"{site}/one.png", "ann"))
    assert resolver.files.contents() == []


def test_a_file_is_moved_and_judged(tmp_path: Path, resolver: Resolver) -> None:
    upload = file(tmp_path, png(2))
    each = over(room_of(tmp_path, resolver, StubAnalyzer()).begin_file(upload, "mine.png", "ann"))
    assert not upload.exists()
    assert (each.state, each.given, each.attempts) == (State.DONE, "mine.png", [])
    assert each.media[0].stages[0].name == "received"


@pytest.mark.parametrize(("address", "reason"), [("/gone.png", "gone"), ("/", "unsupported_site")])
def test_a_link_without_media_says_why(
    tmp_path: Path, resolver: Resolver, site: str, address: str, reason: str
) -> None:
    each = over(room_of(tmp_path, resolver, StubAnalyzer()).begin_url(site + address, "ann"))
    assert each.state is State.FAILED
    assert each.fault is not None
    assert each.fault.reason == reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [(MediumRefused(Refusal.CORRUPT, "it ends early"), "corrupt"), (EngineFailed("closed"), "engine_failed")],
)
def test_what_cannot_be_judged_says_why(
    tmp_path: Path, resolver: Resolver, error: Exception, reason: str
) -> None:
    engine = Held(error)
    engine.let_go.set()
    store = Store(tmp_path / "state.sqlite3", Mode.TEST)
    each = over(room_of(tmp_path, resolver, engine).begin_file(file(tmp_path, png(2)), "a", "ann"))
    assert each.state is State.FAILED
    assert each.fault is not None
    assert each.fault.reason == reason
    judged = each.judgement(store)
    assert judged is not None
    assert judged.failure is not None
    assert judged.failure[0] == reason
    store.close()


def test_rubbish_is_refused_in_words(tmp_path: Path, resolver: Resolver) -> None:
    room = room_of(tmp_path, resolver, StubAnalyzer())
    each = over(room.begin_file(file(tmp_path, b"nothing"), "a", "ann"))
    assert each.fault is not None
    assert each.fault.reason == "not_media"


def test_an_operator_has_one_under_way(tmp_path: Path, resolver: Resolver) -> None:
    engine = Held()
    room = room_of(tmp_path, resolver, engine)
    first = room.begin_file(file(tmp_path, png(1)), "a", "ann")
    with pytest.raises(NoRoom, match="still under way"):
        room.begin_file(file(tmp_path, png(2)), "b", "ann")
    other = room.begin_file(file(tmp_path, png(3)), "c", "bob")
    engine.let_go.set()
    over(first)
    over(other)
    assert room.of("ann") == [first]
    over(room.begin_file(file(tmp_path, png(2)), "b", "ann"))
    assert [each.given for each in room.of("ann")] == ["b", "a"]


def test_so_many_are_under_way_and_no_more(tmp_path: Path, resolver: Resolver) -> None:
    engine = Held()
    room = room_of(tmp_path, resolver, engine)
    begun = [room.begin_file(file(tmp_path, png(number)), "a", f"operator{number}") for number in range(MOST)]
    with pytest.raises(NoRoom, match="too many"):
        room.begin_file(file(tmp_path, png(0)), "b", "one more")
    assert len(engine.futures) <= 2
    engine.let_go.set()
    for each in begun:
        assert over(each).state is State.DONE


def test_how_far_it_is_can_be_seen(tmp_path: Path, resolver: Resolver) -> None:
    engine = Held()
    room = room_of(tmp_path, resolver, engine)
    each = room.begin_file(file(tmp_path, png(1)), "a", "ann")
    wait(lambda: engine.futures)
    assert room.find(each.id) is each
    assert each.state is State.ANALYSING
    progress = each.progress(DETECTORS)
    assert progress is not None
    assert 0 < progress < 1
    assert [stage.name for stage in each.media[0].stages] == ["received", "probe"]
    engine.let_go.set()
    over(each)


def test_what_is_forgotten_is_gone(tmp_path: Path, resolver: Resolver, site: str) -> None:
    room = room_of(tmp_path, resolver, StubAnalyzer())
    each = over(room.begin_url(f"{site}/one.png", "ann"))
    room.forget(each.id)
    room.forget(each.id)
    assert room.find(each.id) is None
    assert room.of("ann") == []
    assert list((tmp_path / "tries").iterdir()) == []


def test_what_is_given_up_ends_and_is_gone(tmp_path: Path, resolver: Resolver) -> None:
    engine = Held()
    room = room_of(tmp_path, resolver, engine)
    each = room.begin_file(file(tmp_path, png(1)), "a", "ann")
    wait(lambda: engine.futures)
    room.forget(each.id)
    assert over(each).state is State.CANCELLED
    assert engine.futures[0].cancelled()
    wait(lambda: list((tmp_path / "tries").iterdir()) == [])


def test_after_its_time_it_is_gone(tmp_path: Path, resolver: Resolver) -> None:
    room = room_of(tmp_path, resolver, StubAnalyzer(), keep_seconds=0.05)
    each = room.begin_file(file(tmp_path, png(1)), "a", "ann")
    wait(lambda: room.find(each.id) is None)
    wait(lambda: list((tmp_path / "tries").iterdir()) == [])


def test_the_next_start_clears_what_was_left(tmp_path: Path, resolver: Resolver) -> None:
    left = tmp_path / "tries" / "left" / "media"
    left.mkdir(parents=True)
    room_of(tmp_path, resolver, StubAnalyzer())
    assert not left.exists()


def test_an_upload_goes_unless_it_was_taken(tmp_path: Path, resolver: Resolver) -> None:
    room = room_of(tmp_path, resolver, StubAnalyzer())
    with room.receiving() as place:
        (place / "file").write_bytes(b"x")
        assert place.stat().st_mode & 0o077 == 0
    assert not place.exists()
