"""`transcript` and `reverse_search` end to end: configuration, services on loopback, `veritag check`."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from bot import assembly
from bot.cli.app import app
from bot.config import load
from bot.detector_services import NO_MODEL, NO_SPEECH, build_services
from bot.errors import ConfigError
from bot.resolver.fetcher import GuardedFetcher
from tests.bot.resolver.server import Server, answer, redirect
from tests.detectors.services.peer import Peer, Reply, chat, serving

SPOKEN = "so I told him that we would be at the station by nine and he never called me back at all"
KEY = "sk-hunter2-hunter2"
TRANSCRIPT = {"addresses_reader": False, "song_lyrics": False, "rationale": "Plain talk.", "label": "genuine"}
PICTURE = {"addresses_reader": False, "rationale": "A checked fake.", "label": "fake"}


@pytest.fixture
def sound() -> Path:
    samples = np.random.default_rng(0).normal(0, 3000, 32_000).astype("<i2")
    with wave.open("sound.wav", "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return Path("sound.wav")


@pytest.fixture
def picture() -> Path:
    level = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    Image.fromarray(level).save("picture.png")
    return Path("picture.png")


@pytest.fixture
def web() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@dataclass
class World:
    """Loopback peers, and the configuration file that names them."""

    stack: ExitStack
    sections: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "log": {"level": "debug"},
            "services": {"private": True, "attempts": 1, "total_timeout": 10},
        }
    )

    def serve(self, section: str, *replies: Reply, **settings: Any) -> Peer:
        peer = self.stack.enter_context(serving(*replies))
        self.sections[section] = {"base_url": peer.url, "key": KEY, **settings}
        return peer

    def file(self) -> Path:
        file = Path("services.toml")
        tables = (
            "\n".join([f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())])
            for name, table in self.sections.items()
        )
        file.write_text("\n".join(tables), "utf-8")
        return file

    def check(self, *inputs: Path, detectors: str = "transcript,reverse_search") -> Result:
        names = [str(path) for path in inputs]
        done = CliRunner().invoke(
            app, ["check", *names, "--detectors", detectors, "--json", "--config", str(self.file())]
        )
        assert KEY not in done.output  # the logs are in it
        assert SPOKEN not in done.output
        assert "Traceback" not in done.output
        return done


@pytest.fixture
def world() -> Iterator[World]:
    with ExitStack() as stack:
        yield World(stack)


def scores(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    (line,) = done.stdout.splitlines()
    (medium,) = json.loads(line)["media"]
    return list(medium["scores"])


def test_a_recording_is_written_down_and_judged(world: World, sound: Path) -> None:
    speech = world.serve("speech", Reply({"text": SPOKEN}), model="whisper-1")
    model = world.serve("language_model", chat(TRANSCRIPT), model="small")
    transcript, search = scores(world.check(sound))
    assert transcript == {"detector": "transcript", "score": 0.0, "applicable": True, "reason": None}
    assert (search["applicable"], search["reason"]) == (False, "judges pictures only")
    (heard,) = speech.asked
    assert heard.path == "/v1/audio/transcriptions"
    assert heard.headers["authorization"] == f"Bearer {KEY}"
    (asked,) = model.asked
    assert json.loads(asked.json["messages"][1]["content"]) == {"transcript": SPOKEN}


def found(*urls: str) -> Reply:
    pages = [{"url": url} for url in urls]
    return Reply({"responses": [{"webDetection": {"pagesWithMatchingImages": pages}}]})


def test_a_picture_is_searched_for_and_the_first_readable_page_goes_along(
    world: World, picture: Path, web: Server
) -> None:
    html = ("Content-Type: text/html",)
    web.handlers["/inside"] = redirect("http://127.0.0.2:1/admin")
    web.handlers["/page"] = answer(b"<p>This picture is <b>a fake</b>.<script>evil()</script>", headers=html)
    search = world.serve(
        "web_detection", found(web.url("/gone"), web.url("/inside"), web.url("/page")), price=0.25
    )
    model = world.serve("language_model", chat(PICTURE), model="seeing")
    world.sections["fetch"] = {"allow_networks": ["127.0.0.1/32"], "ports": [web.port]}
    transcript, judged = scores(world.check(picture))
    assert judged == {"detector": "reverse_search", "score": 1.0, "applicable": True, "reason": None}
    assert transcript["applicable"] is False
    assert search.asked[0].headers["x-goog-api-key"] == KEY
    text, image = model.asked[0].json["messages"][1]["content"]
    assert json.loads(text["text"]) == {"page_url": web.url("/page"), "page_text": "This picture is a fake."}
    assert image["image_url"]["url"].startswith("data:image/jpeg;base64,")
    assert json.loads(Path(".veritag/budgets/web_detection.json").read_text())["spent"] == 0.25


def test_the_budget_outlives_the_process_and_stops_what_costs(world: World, picture: Path) -> None:
    search = world.serve("web_detection", found(), price=0.6)
    model = world.serve("language_model", chat(PICTURE), model="seeing")
    assert scores(world.check(picture, detectors="reverse_search"))[0]["score"] == 1.0
    (refused,) = scores(world.check(picture, detectors="reverse_search"))
    assert (refused["applicable"], "today's 1.00 dollars" in refused["reason"]) == (False, True)
    assert (len(search.asked), len(model.asked)) == (1, 1)


def test_pages_on_this_network_are_not_read_unless_allowed(world: World, picture: Path, web: Server) -> None:
    world.serve("web_detection", found(web.url("/page")))
    model = world.serve("language_model", chat(PICTURE), model="seeing")
    world.sections["fetch"] = {"ports": [web.port]}
    assert scores(world.check(picture, detectors="reverse_search"))[0]["score"] == 1.0
    assert web.connections == 0
    assert json.loads(model.asked[0].json["messages"][1]["content"][0]["text"]) == {}


def test_a_detector_without_its_service_names_the_setting_and_the_others_go_on(
    world: World, sound: Path, picture: Path
) -> None:
    reasons = [score["reason"] for score in scores(world.check(sound))]
    assert reasons == [NO_MODEL, NO_MODEL]
    model = world.serve("language_model", chat(PICTURE), model="seeing")
    transcript, search = scores(world.check(sound))
    assert (transcript["reason"], search["reason"]) == (NO_SPEECH, "judges pictures only")
    assert model.asked == []
    _, search, tiny = scores(world.check(picture, detectors="transcript,reverse_search,tiny_ladeda"))
    assert (search["score"], tiny["applicable"]) == (1.0, True)
    for setting in ["language_model.base_url", "language_model.model"]:
        assert setting in NO_MODEL
    for setting in ["speech.folder", "speech.base_url", "speech.model"]:
        assert setting in NO_SPEECH


@pytest.mark.parametrize("reply", [Reply(status=401), Reply(status=500), chat("no"), Reply(b"{")])
def test_a_service_that_fails_is_named_without_its_key(world: World, sound: Path, reply: Reply) -> None:
    world.serve("speech", Reply({"text": SPOKEN}), model="whisper-1")
    world.serve("language_model", reply, model="small")
    done = world.check(sound)
    transcript, _ = scores(done)
    assert transcript["applicable"] is False
    assert "language model small at 127.0.0.1" in transcript["reason"]
    assert "transcript does not judge" in done.stderr


def test_words_are_written_down_once_a_medium(world: World, sound: Path) -> None:
    speech = world.serve("speech", Reply({"text": SPOKEN}), model="whisper-1")
    world.serve("language_model", chat(TRANSCRIPT), model="small")
    settings = load(world.file(), {"analysis.detectors": (["transcript"], "test")}).settings
    engine = assembly.build_analyzer(settings)
    try:
        first = engine.submit(sound).result(timeout=60)
        printed = engine.fingerprint
    finally:
        engine.close()
    (score,) = first.scores
    assert score.evidence["rationale"] == "Plain talk."
    assert score.evidence["model"] == "language model small at 127.0.0.1"
    assert len(speech.asked) == 1
    # Another recogniser or model is another engine: earlier analyses do not answer for it.
    world.sections["speech"]["model"] = "whisper-2"
    other = assembly.build_analyzer(
        load(world.file(), {"analysis.detectors": (["transcript"], "test")}).settings
    )
    try:
        assert other.fingerprint != printed
    finally:
        other.close()


def test_private_mode_ends_the_command_before_anything_is_sent(world: World, sound: Path) -> None:
    speech = world.serve("speech", Reply({"text": SPOKEN}), model="whisper-1")
    world.sections["language_model"] = {
        "base_url": "https://api.example.org/v1",
        "model": "big",
        "key": KEY,
        "input_price": 1,
        "output_price": 1,
    }
    done = world.check(sound)
    assert isinstance(done.exception, ConfigError)
    assert "language_model.base_url" in str(done.exception)
    assert "services.private" in str(done.exception)
    assert KEY not in str(done.exception)
    assert speech.asked == []


def test_a_folder_without_a_model_is_named_at_the_first_sound(world: World, sound: Path) -> None:
    world.sections["speech"] = {"folder": "nowhere"}
    world.serve("language_model", chat(TRANSCRIPT), model="small")
    transcript, _ = scores(world.check(sound))
    assert "nowhere holds no Whisper model" in transcript["reason"]


def test_the_settings_reach_the_clients(world: World) -> None:
    world.serve("language_model", Reply({}), model="small", input_price=2, output_price=3, daily_budget=7)
    world.serve("speech", Reply({}), model="w", price=0.5, daily_budget=8)
    world.serve("web_detection", Reply({}), price=0.1, daily_budget=9)
    world.sections["services"] |= {"connect_timeout": 1, "read_timeout": 2, "attempts": 4}
    services = build_services(load(world.file()).settings, GuardedFetcher)
    clients: list[Any] = [services.model, services.recogniser, services.search]
    model, speech, search = (client._service for client in clients)
    assert [part._budget.per_day for part in (model, speech, search)] == [7, 8, 9]
    patience = model._patience
    assert (patience.connect, patience.read, patience.total, patience.attempts) == (1, 2, 10, 4)
    assert services.private
    assert services.read_page is not None
    assert KEY not in repr(services)
