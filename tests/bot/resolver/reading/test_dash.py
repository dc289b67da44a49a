from __future__ import annotations

import pytest

from bot.errors import ResolveFailure
from bot.resolver.reading.dash import best_of_manifest
from tests.bot.resolver.conftest import failure

NAMESPACE = 'xmlns="urn:mpeg:dash:schema:mpd:2011"'
VIDEO = (
    '<Representation id="1" mimeType="video/mp4" width="640" height="360" bandwidth="900000">'
    "<BaseURL>v.mp4</BaseURL></Representation>"
)


def manifest(inner: str, head: str = "", attributes: str = "") -> bytes:
    period = f"<Period><AdaptationSet>{inner}</AdaptationSet></Period>"
    return f"{head}<MPD {NAMESPACE} {attributes}>{period}</MPD>".encode()


def test_addresses_are_relative_to_the_levels_above() -> None:
    levels = (
        f'<MPD {NAMESPACE} mediaPresentationDuration="P1DT1H1M1.5S"><BaseURL>https://cdn.example/a/</BaseURL>'
        f"<Period><BaseURL>b/</BaseURL><AdaptationSet><BaseURL>c/</BaseURL>{VIDEO}</AdaptationSet></Period></MPD>"
    )
    found = best_of_manifest(levels.encode(), "https://h.example/x/m.mpd", "Lamps", 10**15)
    assert (found.url, found.duration) == ("https://cdn.example/a/b/c/v.mp4", 90_061.5)
    assert best_of_manifest(manifest(VIDEO), "https://h.example/x/m.mpd?s=1", "Lamps", 9).url == (
        "https://h.example/x/v.mp4"
    )


def test_a_video_without_sound_has_none() -> None:
    assert best_of_manifest(manifest(VIDEO), "https://h.example/m.mpd", "Lamps", 9).audio is None


def test_what_does_not_fit_is_passed_over() -> None:
    larger = VIDEO.replace("640", "1280").replace("900000", "9000000").replace("v.mp4", "large.mp4")
    ten_seconds = manifest(VIDEO + larger, attributes='mediaPresentationDuration="PT10S"')
    assert best_of_manifest(ten_seconds, "https://h.example/m", "Lamps", 2_000_000).url.endswith("/v.mp4")
    error = failure(lambda: best_of_manifest(ten_seconds, "https://h.example/m", "Lamps", 1000))
    assert error.reason is ResolveFailure.TOO_LARGE


BILLION = '<!DOCTYPE m [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<html>", b"\xff\xfe\x00", b"{}", b"<MPD>" * 50_000, manifest(""),
        manifest(VIDEO.replace("video/mp4", "text/vtt")), manifest(VIDEO.replace("v.mp4", "")),
        manifest(VIDEO.replace("v.mp4", "file:///etc/passwd")),
        manifest(VIDEO, '<!DOCTYPE MPD SYSTEM "file:///etc/passwd">'), manifest(VIDEO, BILLION),
        manifest(VIDEO, BILLION).decode().encode("utf-16"),
        manifest(VIDEO, '<?xml version="1.0" encoding="x"?>'),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_a_changed_site(content: bytes) -> None:
    error = failure(lambda: best_of_manifest(content, "https://h.example/m", "Lamps", 10**9))
    assert error.reason is ResolveFailure.SITE_CHANGED


@pytest.mark.parametrize("number", ["-1", "x", "", "9" * 400, "1e9", "٣"])
def test_numbers_that_are_none_are_left_out(number: str) -> None:
    odd = manifest(VIDEO.replace("640", number).replace("900000", number))
    assert best_of_manifest(odd, "https://h.example/m", "Lamps", 10**9).url == "https://h.example/v.mp4"
