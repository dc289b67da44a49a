"""`veritag serve` over real loopback ports, with an engine that judges by brightness."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from pydantic import SecretStr

from analysis.engine import EmbeddedAnalyzer
from bot.config.load import load
from bot.config.serve import Serve
from bot.errors import ConfigError
from bot.resolver import FetchLimits, MediaStore, Resolver
from bot.resolver.fetcher import GuardedFetcher
from bot.serve.app import create_app
from bot.serve.desk import Desk
from bot.serve.gate import Rate
from bot.web.server import WebServer
from tests.analysis.fakes import Brightness, MeanPolicy
from tests.bot.resolver.server import Server, answer

KEY = "0123456789abcdef"
# What a detector of the registry is called: the health check shows its record.
NAME = "tiny_ladeda"


def picture(brightness: int = 200) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (brightness,) * 3).save(stream, "PNG")
    return stream.getvalue()


def upload(content: bytes | None = None, name: str = "a.png") -> dict[str, Any]:
    return {"files": {"file": (name, picture() if content is None else content)}}


@contextmanager
def served(
    tmp_path: Path, detectors: Sequence[Brightness] | None = None, **settings: Any
) -> Iterator[httpx.Client]:
    chosen = Serve(**settings)
    members = list(detectors or [Brightness(NAME)])
    engine = EmbeddedAnalyzer(members, MeanPolicy(), torch_threads=1)
    fetcher = GuardedFetcher(
        FetchLimits(ports=frozenset(range(1, 65536))), allow_networks=["127.0.0.0/8"], user_agent="t"
    )
    resolver = Resolver(fetcher, MediaStore(tmp_path / "fetched"))
    desk = Desk(
        engine,
        lambda: resolver,
        [member.record.name for member in members],
        workers=chosen.workers,
        queue=chosen.queue,
        keep_seconds=chosen.keep_jobs,
    )
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    try:
        with (
            WebServer(
                create_app(engine, desk, chosen, uploads, resolver), port=0, connections=None
            ) as server,
            httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=20, trust_env=False) as client,
        ):
            engine.warm_up()
            yield client
            assert list(uploads.iterdir()) == []
    finally:
        desk.close()
        resolver.close()
        engine.close()


def test_an_upload_is_judged(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        response = client.post("/predict", **upload())
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["input"] == "a.png"
    assert body["df_probability"] == pytest.approx(200 / 255, abs=0.01)
    assert "error" not in body
    (medium,) = body["media"]
    assert medium["kind"] == "image"
    assert medium["scores"][0]["detector"] == NAME
    assert {"probe", "decode", "ensemble", "total"} <= medium["timing"].keys()
    assert body["start_time"] <= body["end_time"]


def test_a_url_is_fetched_judged_and_its_file_removed(tmp_path: Path, server: Server) -> None:
    server.handlers["/a.png"] = answer(picture(250))
    with served(tmp_path) as client:
        body = client.post("/predict", json={"file_path": server.url("/a.png")}).json()
        assert body["df_probability"] == pytest.approx(250 / 255, abs=0.01)
        again = client.post("/predict", json={"file_path": server.url("/a.png")}).json()
        assert again["media"][0]["sha256"] == body["media"][0]["sha256"]
        assert [path for path in (tmp_path / "fetched").rglob("*") if len(path.name) == 64] == []


def test_a_url_is_resolved_for_the_same_callers(tmp_path: Path, server: Server) -> None:
    server.handlers["/a.png"] = answer(picture(250))
    asked = {"url": server.url("/a.png")}
    with served(tmp_path, keys=["0123456789abcdef"]) as client:
        refused = client.post("/resolve", json=asked)
        found = client.post("/resolve", json=asked, headers={"X-API-Key": "0123456789abcdef"})
    assert (refused.status_code, refused.json()["error"]["reason"]) == (401, "unauthorised")
    assert found.json()["media"][0]["mime"] == "image/png"
    with served(tmp_path / "open") as client:
        assert client.post("/resolve", json=asked).status_code == 200
        rebound = client.post("/resolve", json=asked, headers={"Host": "rebound.example"})
    assert (rebound.status_code, "error" in rebound.json()) == (403, True)


def test_one_detector_alone(tmp_path: Path) -> None:
    members = [Brightness(NAME), Brightness("npr")]
    with served(tmp_path, members) as client:
        body = client.post("/predict/npr", **upload(picture(20))).json()
        assert (body["detector"], body["prediction"]) == ("npr", "REAL")
        assert body["df_probability"] == pytest.approx(20 / 255, abs=0.01)
        assert members[0].threads == set()
        bright = client.post("/predict/npr", **upload(picture(200))).json()
        assert bright["prediction"] == "FAKE"
        missing = client.post("/predict/nope", **upload())
    assert missing.status_code == 404
    assert missing.json()["error"]["reason"] == "unknown_detector"


def test_a_detector_that_does_not_apply_says_why(tmp_path: Path) -> None:
    from detectors.base import Modality

    with served(tmp_path, [Brightness(NAME, (Modality.VIDEO,))]) as client:
        body = client.post(f"/predict/{NAME}", **upload()).json()
    assert (body["df_probability"], body["prediction"]) == (None, "NOT_APPLICABLE")
    assert body["reason"] == "judges videos only"


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "not_understood"),
        ({"json": {"file_path": "/etc/passwd"}}, 400, "not_understood"),
        ({"json": {"file_path": "file:///etc/passwd"}}, 400, "not_understood"),
        ({"json": [1]}, 400, "not_understood"),
        ({"files": {"other": ("a.png", b"x")}}, 400, "no_file"),
        ({"json": {"file_path": "http://10.0.0.1/x.png"}}, 422, "blocked_address"),
        (upload(b"all work and no play"), 422, "not_media"),
        (upload(b""), 422, "empty"),
        (upload(picture()[:60]), 422, "corrupt"),
    ],
)
def test_what_cannot_be_judged_is_named(
    tmp_path: Path, request_: dict[str, Any], status: int, reason: str
) -> None:
    with served(tmp_path) as client:
        response = client.post("/predict", **request_)
    error = response.json()["error"]
    assert (response.status_code, error["reason"]) == (status, reason), error
    assert error["message"]
    assert "\n" not in error["message"]


def test_a_failing_engine_is_500(tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("boom")

    with served(tmp_path, [Brightness(NAME, raises=fail)]) as client:
        response = client.post("/predict", **upload())
    assert response.status_code == 500
    assert response.json()["error"]["reason"] == "engine_failed"


def test_a_job_is_polled_to_its_end(tmp_path: Path) -> None:
    go = threading.Event()
    with served(tmp_path, [Brightness(NAME, raises=lambda: go.wait(10))]) as client:
        begun = client.post("/jobs", **upload())
        assert begun.status_code == 202
        url = begun.json()["url"]
        deadline = time.monotonic() + 10
        while client.get(url).json()["progress"] < 0.5:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        halfway = client.get(url).json()
        assert halfway["state"] == "analysing"
        assert halfway["stage"] == "views"
        assert halfway["result"] is None
        go.set()
        while client.get(url).json()["state"] != "done":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        done = client.get(url).json()
        assert done["progress"] == 1.0
        assert done["result"]["media"][0]["kind"] == "image"
        assert client.get("/jobs/nope").status_code == 404


def test_a_job_of_one_detector_that_fails_says_why(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        job = client.post("/jobs", params={"detector": NAME}, **upload(b"text")).json()
        deadline = time.monotonic() + 10
        while (found := client.get(job["url"]).json())["state"] != "failed":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert found["error"]["reason"] == "not_media"
        assert client.post("/jobs", params={"detector": "nope"}, **upload()).status_code == 404


def test_old_jobs_are_forgotten(tmp_path: Path) -> None:
    with served(tmp_path, keep_jobs=1) as client:
        url = client.post("/jobs", **upload()).json()["url"]
        deadline = time.monotonic() + 10
        while client.get(url).status_code != 404:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_full_queue_says_when_to_come_back_and_cancelling_makes_room(tmp_path: Path) -> None:
    go = threading.Event()
    with served(tmp_path, [Brightness(NAME, raises=lambda: go.wait(10))], workers=1, queue=1) as client:
        first = client.post("/jobs", **upload()).json()
        second = client.post("/jobs", **upload(picture(1))).json()
        refused = client.post("/predict", **upload(picture(2)))
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["reason"] == "busy"
        assert client.delete(second["url"]).status_code == 200
        go.set()
        deadline = time.monotonic() + 10
        states: set[str] = set()
        while states != {"done", "cancelled"}:
            assert time.monotonic() < deadline
            states = {client.get(job["url"]).json()["state"] for job in (first, second)}
            time.sleep(0.05)
        assert client.post("/predict", **upload(picture(2))).status_code == 200


def test_what_takes_too_long_is_504(tmp_path: Path) -> None:
    go = threading.Event()
    with served(tmp_path, [Brightness(NAME, raises=lambda: go.wait(10))], timeout=0.3) as client:
        response = client.post("/predict", **upload())
        go.set()
        assert (response.status_code, response.json()["error"]["reason"]) == (504, "timed_out")
        time.sleep(0.3)


def test_keys_are_asked_for_everywhere_but_at_the_health_check(tmp_path: Path) -> None:
    with served(tmp_path, keys=[SecretStr(KEY)]) as client:
        for method, path in (
            ("POST", "/predict"),
            ("POST", "/jobs"),
            ("GET", "/metrics"),
            ("GET", "/jobs/x"),
        ):
            response = client.request(method, path)
            assert response.status_code == 401, path
            assert response.headers["www-authenticate"] == "Bearer"
        assert client.post("/predict", headers={"x-api-key": KEY}, **upload()).status_code == 200
        assert client.get("/metrics", headers={"authorization": f"Bearer {KEY}"}).status_code == 200
        assert client.get("/metrics", headers={"authorization": f"Bearer {KEY}x"}).status_code == 401
        assert client.get("/healthcheck").json() == {
            "healthy": "yes", "model_version": None, "detectors": None, "waiting": None, "reason": None,
        }  # fmt: skip


def test_a_caller_is_rationed(tmp_path: Path) -> None:
    with served(tmp_path, requests_per_minute=2) as client:
        statuses = [client.post("/predict", **upload()).status_code for _ in range(3)]
        refused = client.post("/predict", **upload())
    assert statuses == [200, 200, 429]
    assert 1 <= int(refused.headers["retry-after"]) <= 30


def test_tokens_come_back_with_time() -> None:
    now = [0.0]
    rate = Rate(60, lambda: now[0])
    assert [rate.wait("a") for _ in range(60)] == [0.0] * 60
    assert rate.wait("a") == pytest.approx(1.0)
    assert rate.wait("b") == 0.0
    now[0] = 1.5
    assert rate.wait("a") == 0.0


@pytest.mark.parametrize("stated", [True, False])
def test_a_large_body_is_refused(tmp_path: Path, stated: bool) -> None:
    body = b"x" * 5000
    with served(tmp_path, max_upload=4096) as client:
        content = body if stated else iter([body[:2500], body[2500:]])
        response = client.post("/predict", content=content, headers={"content-type": "application/json"})
        assert (response.status_code, response.json()["error"]["reason"]) == (413, "too_large")
        assert client.post("/predict", **upload()).status_code == 200


def test_health_names_what_is_loaded(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        body = client.get("/healthcheck").json()
    assert body["healthy"] == "yes"
    assert body["model_version"]
    assert body["detectors"][NAME]["state"] == "ready"
    assert body["detectors"][NAME]["title"]


def test_unhealthy_until_the_detectors_are_loaded(tmp_path: Path) -> None:
    engine = EmbeddedAnalyzer([Brightness(NAME)], MeanPolicy(), torch_threads=1)
    desk = Desk(engine, lambda: pytest.fail("nothing is resolved"), [NAME])
    with (
        WebServer(create_app(engine, desk, Serve(), tmp_path), port=0) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=20, trust_env=False) as client,
    ):
        before = client.get("/healthcheck")
        engine.warm_up()
        after = client.get("/healthcheck")
    desk.close()
    engine.close()
    assert (before.status_code, before.json()["healthy"]) == (503, "no")
    assert before.json()["reason"] == "the detectors are being loaded"
    assert (after.status_code, after.json()["healthy"]) == (200, "yes")


def test_metrics_count_by_route_template(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        client.post("/predict", **upload())
        client.post("/predict", **upload(b"text"))
        client.get("/jobs/some-secret-id")
        client.get("/nowhere")
        text = client.get("/metrics").text
    assert 'veritag_requests_total{route="/predict",status="200"} 1.0' in text
    assert 'veritag_requests_total{route="/predict",status="422"} 1.0' in text
    assert 'veritag_requests_total{route="other",status="404"} 1.0' in text
    assert "some-secret-id" not in text
    assert 'veritag_faults_total{reason="not_media"} 1.0' in text
    assert 'veritag_stage_seconds_count{stage="decode"} 1.0' in text
    assert "veritag_loaded 1.0" in text


def test_openapi_names_routes_bodies_and_failures(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        paths = client.get("/openapi.json").json()["paths"]
    assert paths.keys() >= {
        "/predict",
        "/predict/{detector}",
        "/jobs",
        "/jobs/{job}",
        "/healthcheck",
        "/metrics",
    }
    predict = paths["/predict"]["post"]
    assert predict["requestBody"]["content"].keys() == {"application/json", "multipart/form-data"}
    assert {"200", "401", "413", "422", "429", "503", "504"} <= predict["responses"].keys()


def test_off_loopback_needs_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERITAG_SERVE__HOST", "0.0.0.0")
    with pytest.raises(ConfigError, match=r"needs keys; set serve\.keys"):
        load()
    monkeypatch.setenv("VERITAG_SERVE__KEYS", f'["{KEY}"]')
    assert load().settings.serve.keys == [SecretStr(KEY)]


@pytest.mark.e2e
@pytest.mark.timeout(120)
def test_the_command_serves_and_ends_at_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = {**os.environ, "VERITAG_DATA_DIR": str(tmp_path / "data"), "OMP_NUM_THREADS": "1"}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot.cli", "serve", "--port", "0"],
            stderr=stream,
            env=environment,
            cwd=Path(__file__).parents[3],
        )
    try:
        deadline = time.monotonic() + 90
        while "ready" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        address = next(word for word in log.read_text().split() if word.startswith("http://127.0.0.1:"))
        media = Path(__file__).parents[3] / "samples" / "inbox" / "media" / "two-cups.jpg"
        body = httpx.post(
            f"{address}/predict", files={"file": media.open("rb")}, timeout=60, trust_env=False
        ).json()
        assert body["media"][0]["verdict"]["band"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
