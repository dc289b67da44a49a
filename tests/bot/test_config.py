"""Configuration: where values come from, what bad ones say, and that secrets stay secret."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import Settings, load, show
from bot.config.fields import leaves, sections, value_of
from bot.errors import ConfigError

SECRET = "hunter2-hunter2-hunter2"
HERE = "http://127.0.0.1:8000/v1"
THERE = "https://api.example.org/v1"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment and a working folder that configure nothing."""
    import os

    for variable in [name for name in os.environ if name.upper().startswith("VERITAG_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "veritag.toml") -> Path:
    file = Path(name)
    file.write_text(text, "utf-8")
    return file


def refusal(*, file: str | None = None) -> str:
    if file is not None:
        write(file)
    with pytest.raises(ConfigError) as caught:
        load()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_defaults_without_file_and_environment() -> None:
    configuration = load()
    assert configuration.settings == Settings()
    assert configuration.file is None
    assert {configuration.origin(name) for name in leaves()} == {"default"}


def test_each_layer_lies_over_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[watch]\ninterval = 30\npage_pause = 2\n[web]\nport = 1000\n[log]\nlevel = "WARNING"\n')
    monkeypatch.setenv("VERITAG_WATCH__INTERVAL", "20")
    monkeypatch.setenv("VERITAG_WEB__PORT", "2000")
    configuration = load(options={"web.port": (3000, "--port")})
    settings = configuration.settings
    assert (settings.watch.interval, settings.watch.page_pause) == (20.0, 2.0)
    assert (settings.web.port, settings.log.level) == (3000, "warning")
    assert configuration.origin("watch.page_pause") == "veritag.toml"
    assert configuration.origin("watch.interval") == "VERITAG_WATCH__INTERVAL"
    assert configuration.origin("web.port") == "--port"
    assert configuration.origin("log.format") == "default"


def test_which_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    write("[web]\nport = 1\n")
    assert load().settings.web.port == 1
    monkeypatch.setenv("VERITAG_CONFIG", str(write("[web]\nport = 2\n", "named.toml")))
    assert load().settings.web.port == 2
    assert load(write("[web]\nport = 3\n", "given.toml")).settings.web.port == 3


@pytest.mark.parametrize("text", ["a,b", " a , b ,", '["a", "b"]', "b,a,b"])
def test_lists_from_the_environment(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("VERITAG_MANNERS__BLOCKED", text)
    assert set(load().settings.manners.blocked) == {"a", "b"}
    assert len(load().settings.manners.blocked) == 2


def test_every_setting_can_be_set_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = {"inbox.folder": "/inbox", "web.token": SECRET, "speech.folder": "/model"}
    samples |= {"mastodon.url": HERE}
    samples["manners.quiet_hours"] = "22:00-07:00"
    samples |= {"web.public_url": "https://bot.example", "oidc.issuer": HERE}
    samples["public.contact"] = "a@bot.example"
    samples |= {"bluesky.jetstream_url": "wss://jetstream.example/subscribe"}
    for section in ["language_model", "speech", "web_detection"]:
        samples |= {f"{section}.base_url": HERE, f"{section}.model": "m", f"{section}.key": SECRET}
    samples |= dict.fromkeys(
        ["language_model.input_price", "language_model.output_price", "speech.price"], "0.5"
    )
    for name, leaf in leaves().items():
        value = samples.get(name, leaf.default)
        monkeypatch.setenv(leaf.env, json.dumps(value) if leaf.is_list else str(value))
    configuration = load()
    # An empty list is `[]`, not an empty variable: all of them count as set.
    assert {name: configuration.origin(name) for name in leaves()} == {
        name: leaf.env for name, leaf in leaves().items()
    }


@pytest.mark.parametrize(
    "hours", ["22-", "22:00", "7:00-22:00", "22:00-22:00", "25:00-07:00", "a-b", "22:00Z-07:00"]
)
def test_hours_that_are_none_are_named(monkeypatch: pytest.MonkeyPatch, hours: str) -> None:
    monkeypatch.setenv("VERITAG_MANNERS__QUIET_HOURS", hours)
    with pytest.raises(
        ConfigError, match=r'manners\.quiet_hours .*names no hours of a day; write them as "22:00-07:00"'
    ):
        load()


@pytest.mark.parametrize("zone", ["Mars/Base", "../etc/passwd", "Europe"])
def test_a_time_zone_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("VERITAG_MANNERS__TIME_ZONE", zone)
    with pytest.raises(ConfigError, match=r"manners\.time_zone .*is no time zone; use .*Europe/Madrid"):
        load()


def test_empty_variables_count_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERITAG_WEB__TOKEN", "")
    monkeypatch.setenv("VERITAG_CONFIG", "")
    assert load().settings.web.token is None


def test_names_that_a_container_platform_sets_are_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ["VERITAG_SERVICE_HOST", "VERITAG_PORT", "VERITAG_PORT_8080_TCP_ADDR"]:
        monkeypatch.setenv(name, "tcp://10.0.0.1:8080")
    assert load().settings == Settings()


def test_handles_lose_their_at_and_paths_their_tilde() -> None:
    write('data_dir = "~/bot"\n[manners]\nblocked = ["@troll"]\n')
    settings = load().settings
    assert settings.manners.blocked == ["troll"]
    assert settings.data_dir == Path.home() / "bot"


@pytest.mark.parametrize(
    ("file", "parts"),
    [
        ("[web]\nport = 99999\n", ["web.port = 99999", "veritag.toml", "from 0 to 65 535"]),
        ('[web]\nport = "abc"\n', ['web.port = "abc"', "whole number"]),
        ("[watch]\nintervall = 3\n", ["unknown setting watch.intervall", "did you mean watch.interval?"]),
        ("[wach]\ninterval = 3\n", ["unknown setting wach", "did you mean watch"]),
        ("port = 3\n", ["unknown setting port", "did you mean web.port?"]),
        ("zzz = 3\n", ["unknown setting zzz", "veritag config"]),
        ('"a\\nb" = 3\n', ["unknown setting a\\nb"]),
        ("web = 3\n", ["web (from veritag.toml) is a section", "write [web]", "port"]),
        ("[watch.interval]\na = 1\n", ["watch.interval", "a number of seconds"]),
        ("[watch]\ninterval = nan\n", ["watch.interval", "out of range"]),
        ("[watch]\ninterval = -1\n", ["watch.interval = -1", "out of range"]),
        ('[watch]\nfirst_start = "later"\n', ['"later"', 'one of "now", "all"']),
        ("[reply]\npending_after = 901\n", ["reply.pending_after", "to 900"]),
        ('[reply]\nlanguage = "../x"\n', ["reply.language", 'such as "en"']),
        ("[queue]\nbackoff_max = 1\n", ["queue.backoff_max", "less than queue.backoff_base", "raise it"]),
        ('platforms = "inbox"\n', ['platforms = "inbox"', "a list of texts"]),
        ('platforms = [" "]\n', ["platforms", "empty name"]),
        ('platforms = ["inbox"]\n', ["inbox.folder", "name the folder"]),
        ("[analysis]\ndetectors = []\n", ["analysis.detectors", "too short"]),
        ("[analysis]\nhigh_false_alarms = 1.0\n", ["analysis.high_false_alarms", "below 1"]),
        ("[fetch]\nports = [80, 70000]\n", ["fetch.ports", "from 1 to 65 535"]),
        ('[fetch]\nallow_networks = ["10.0.0.1/8"]\n', ["fetch.allow_networks", "10.0.0.1/8", "10.0.0.0/8"]),
        ('[web]\nhost = "0.0.0.0"\n', ["web.host", "veritag.toml", "web.token", "127.0.0.1"]),
        ("[web]\nport = 1\nport = 2\n", ["veritag.toml", "not valid TOML", "line 3"]),
        (f'[language_model]\nbase_url = "{HERE}"\n', ["language_model.model", "is not set, though base_url"]),
        (
            f'[language_model]\nbase_url = "{THERE}"\nmodel = "m"\n',
            ["language_model.input_price", "no cap on the costs", "0 if nothing"],
        ),
        ("[language_model]\ninput_price = 1\n", ["language_model.output_price", "set both or neither"]),
        ("[language_model]\ninput_price = -1\noutput_price = 1\n", ["language_model.input_price = -1"]),
        ('[language_model]\nmodel = "a b"\n', ["language_model.model", "not well-formed"]),
        (
            '[speech]\nbase_url = "http://api.example.org/v1"\nmodel = "m"\nprice = 1\n',
            ["speech.base_url", "plain http", "use https"],
        ),
        (f'[speech]\nbase_url = "{THERE}"\nmodel = "m"\n', ["speech.price", "no cap on the costs"]),
        ("[web_detection]\nprice = inf\n", ["web_detection.price", "out of range"]),
        ("[services]\nattempts = 0\n", ["services.attempts = 0", "from 1 to 10"]),
        ("[web]\nport = 99999\n[log]\nlevel = 3\n", ["web.port", "(and 1 more)"]),
    ],
)
def test_bad_files_get_one_line_that_names_the_setting_and_the_mend(file: str, parts: list[str]) -> None:
    message = refusal(file=file)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("variable", "value", "parts"),
    [
        ("VERITAG_WEB__PORT", "99999", ["web.port", "from VERITAG_WEB__PORT", "65 535"]),
        ("VERITAG_WEB__PRT", "1", ["VERITAG_WEB__PRT", "did you mean VERITAG_WEB__PORT?"]),
        ("VERITAG_WEB", '{"port": 1}', ["unknown environment variable VERITAG_WEB"]),
        ("VERITAG_INTERVAL", "1", ["did you mean VERITAG_", "__INTERVAL"]),
        ("VERITAG_TEST_MODE", "maybe", ["test_mode", "true or false"]),
        ("VERITAG_ANALYSIS__DETECTORS", '["a"', ["analysis.detectors", "a list of texts"]),
        ("VERITAG_CONFIG", "/nowhere/x.toml", ["/nowhere/x.toml", "cannot be read", "--config"]),
    ],
)
def test_bad_variables_are_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, parts: list[str]
) -> None:
    monkeypatch.setenv(variable, value)
    message = refusal()
    for part in parts:
        assert part in message


def test_a_section_spoilt_in_the_file_is_named_though_the_environment_sets_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VERITAG_WEB__PORT", "1")
    assert "[web]" in refusal(file="web = 3\n")


def test_files_that_are_none(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    for file, part in [(tmp_path, "cannot be read"), (binary, "not UTF-8"), (tmp_path / "a\nb", "a\\nb")]:
        with pytest.raises(ConfigError) as caught:
            load(file)
        assert part in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]"])
def test_loopback_needs_no_token(host: str) -> None:
    write(f'[web]\nhost = "{host}"\n')
    assert load().settings.web.host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "bot.example", "127.0.0.1.example"])
def test_other_hosts_need_one_unless_the_web_is_off(host: str) -> None:
    assert "web.host" in refusal(file=f'[web]\nhost = "{host}"\n')
    write(f'[web]\nhost = "{host}"\nenabled = false\n')
    assert load().settings.web.host == host
    write(f'[web]\nhost = "{host}"\ntoken = "{SECRET}"\n')
    assert load().settings.web.token is not None


def test_secrets_are_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERITAG_WEB__TOKEN", SECRET)
    configuration = load()
    token = configuration.settings.web.token
    assert token is not None
    assert token.get_secret_value() == SECRET
    everything = [
        repr(configuration),
        str(configuration.settings),
        configuration.settings.model_dump_json(),
        show.as_json(configuration),
        repr(show.rows(configuration)),
        show.as_markdown(),
        show.example_toml(),
    ]
    assert not [text for text in everything if "hunter2" in text]
    assert json.loads(show.as_json(configuration))["settings"]["web.token"]["value"] == "********"


@pytest.mark.parametrize(
    "file",
    [
        f'[web]\ntoken = ["{SECRET}"]\n',
        f'[web.token]\nvalue = "{SECRET}"\n',
        '[web]\ntoken = "hunter2"\n',
        f'[web]\ntokn = "{SECRET}"\n',
        f'[wbe]\ntoken = "{SECRET}"\n',
        f'web = "{SECRET}"\n',
        f'[web]\ntoken = "{SECRET}\n',
        f'[language_model]\nkey = "{SECRET}\\u00e9"\n',
        f'[language_model]\nkey = ["{SECRET}"]\n',
        f'[web_detection]\nkey = "{SECRET}"\n[services]\nprivate = true\n',
        f'[speech]\nkey = "{SECRET}\\n"\n',
        f"[web]\ntoken = {SECRET}\n",
    ],
)
def test_secrets_are_in_no_error_message(file: str) -> None:
    assert "hunter2" not in refusal(file=file)


@pytest.mark.parametrize(
    "address",
    [
        *("", "api.example.org", "ftp://127.0.0.1/v1", "http://", "http:///v1", "http://127.0.0.1:x/v1"),
        *("https://u:p@api.example.org/v1", "https://api.example.org/v1?key=k", "https://a.example/v1#x"),
        *(
            "http://127.0.0.1\\\\@a.example/v1",
            "http://127.0.0.1%2f@a.example",
            "http://127.0.0.1 .a.example",
        ),
    ],
)
def test_addresses_that_two_readers_could_understand_in_two_ways_are_none(address: str) -> None:
    assert "language_model.base_url" in refusal(file=f'[language_model]\nbase_url = "{address}"\n')


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9:80", "localhost:8000", "[::1]:8000"])
def test_private_mode_takes_services_on_this_machine(host: str) -> None:
    url = f"http://{host}/v1"
    write(
        f'[services]\nprivate = true\n[language_model]\nbase_url = "{url}"\nmodel = "m"\n'
        f'[speech]\nfolder = "model"\nbase_url = "{THERE}"\n'
    )
    assert load().settings.language_model.base_url == url


@pytest.mark.parametrize(
    ("section", "more"),
    [
        ("language_model", 'model = "m"\ninput_price = 1\noutput_price = 1'),
        ("speech", 'model = "m"\nprice = 1'),
        ("web_detection", 'key = "k"'),
    ],
)
@pytest.mark.parametrize("host", ["api.example.org", "127.0.0.1.example", "10.0.0.1", "localhost.example"])
def test_private_mode_refuses_services_elsewhere(section: str, more: str, host: str) -> None:
    file = f'[{section}]\nbase_url = "https://{host}/v1"\n{more}\n'
    message = refusal(file=f"[services]\nprivate = true\n{file}")
    assert f"{section}.base_url" in message
    assert "switch services.private off" in message
    write(file)
    assert load().settings.services.private is False


def test_every_setting_has_a_description_and_says_what_it_accepts() -> None:
    for leaf in leaves().values():
        assert leaf.about.endswith("."), leaf
        assert leaf.accepts, leaf
    assert all(about.endswith(".") for about in sections().values())


ROOT = Path(__file__).parents[2]


def test_the_documentation_is_up_to_date() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text("utf-8") == show.as_markdown(), (
        "run: veritag config --markdown > docs/configuration.md"
    )


def test_the_example_is_up_to_date_and_holds_the_defaults() -> None:
    text = (ROOT / "veritag.example.toml").read_text("utf-8")
    assert text == show.example_toml(), "run: veritag config --toml > veritag.example.toml"
    assert load(ROOT / "veritag.example.toml").settings == Settings()
    named = {name for name, value in tomllib.loads(text).items() if not isinstance(value, dict)} | {
        f"{section}.{name}"
        for section, table in tomllib.loads(text).items()
        if isinstance(table, dict)
        for name in table
    }
    assert named == {name for name in leaves() if value_of(Settings(), name) is not None}


def refusal_or_none() -> str | None:
    try:
        load()
    except ConfigError as error:
        return str(error)
    return None


@given(st.sampled_from(sorted(leaves())), st.text(st.characters(exclude_characters="\0", codec="utf-8")))
def test_any_text_for_any_setting_is_taken_or_refused_in_one_line(name: str, text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(leaves()[name].env, text)
        message = refusal_or_none()
        assert message is None or (message.isprintable() and name.split(".")[0] in message)
