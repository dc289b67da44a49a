"""Views are made once, share the decoder's memory, and say why they cannot be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import detectors
from analysis.decoding.decoder import Decoded
from analysis.errors import ConfigurationError
from analysis.model import Kind, Probe
from analysis.views import PRODUCERS, Made, Producer, Views, require
from detectors.base import View
from detectors.errors import NotApplicable
from detectors.record import WeightsRecord


def medium(kind: Kind, *, frames: bool = False, sound: bool = False, has_audio: bool = False) -> Decoded:
    return Decoded(
        "0" * 64,
        Probe(kind, "x/y", 1, has_audio=has_audio),
        np.zeros((2, 4, 4, 3), np.uint8) if frames else None,
        np.zeros(100, np.float32) if sound else None,
        {},
    )


def test_frames_and_waveform_are_tensors_on_the_same_memory() -> None:
    decoded = medium(Kind.VIDEO, frames=True, sound=True, has_audio=True)
    views = Views(decoded, PRODUCERS)
    frames, wave = views.get(View.FRAMES), views.get(View.WAVEFORM)
    assert decoded.frames is not None
    assert decoded.waveform is not None
    assert frames.data_ptr() == decoded.frames.ctypes.data
    assert wave.data_ptr() == decoded.waveform.ctypes.data


@pytest.mark.parametrize(
    ("decoded", "view", "reason"),
    [
        (medium(Kind.AUDIO, sound=True), View.FRAMES, "judges pictures; there are none"),
        (medium(Kind.IMAGE, frames=True), View.WAVEFORM, "judges sound; there is none"),
        (medium(Kind.VIDEO, frames=True, has_audio=True), View.WAVEFORM, "its sound could not be read"),
    ],
)
def test_a_view_that_is_not_there_says_why_to_everyone(decoded: Decoded, view: View, reason: str) -> None:
    views = Views(decoded, PRODUCERS)
    for _ in range(2):
        with pytest.raises(NotApplicable, match=reason):
            views.get(view)


def test_a_view_is_made_once_also_out_of_another() -> None:
    calls: list[View] = []

    def brightest(views: Views) -> str:
        calls.append(View.FACES)
        return str(int(views.get(View.FRAMES).max()))

    producers: Mapping[View, Producer] = {**PRODUCERS, View.FACES: Producer(brightest, frames=True)}
    views = Views(medium(Kind.IMAGE, frames=True), producers)
    assert [views.get(View.FACES), views.get(View.FACES)] == ["0", "0"]
    assert calls == [View.FACES]


def test_a_view_has_a_form_per_record_and_each_is_made_once() -> None:
    @dataclass(frozen=True)
    class Times:
        factor: float
        calls: ClassVar[list[float]] = []

        def __call__(self, views: Views) -> Made:
            self.calls.append(self.factor)
            return Made(self.factor * views.get(View.FRAMES).shape[0], {"factor": self.factor})

    def tailor(record: WeightsRecord) -> Times:
        return Times(float(record.preprocessing["face_margin"]))

    producers = {**PRODUCERS, View.FACES: Producer(Times(1), frames=True, tailor=tailor)}
    views = Views(medium(Kind.IMAGE, frames=True), producers)
    gend, pe, genconvit = (detectors.record(name) for name in ("gend", "gend_pe", "genconvit"))
    assert [views.get(View.FACES, record) for record in (gend, pe, genconvit, None)] == [2.6, 2.6, 2, 2]
    assert views.made(View.FACES, gend).evidence == {"factor": 1.3}
    assert Times.calls == [1.3, 1.0]


def test_a_view_that_nobody_makes_is_refused_at_start() -> None:
    with pytest.raises(ConfigurationError, match="detector whisperer needs the view transcript"):
        require([("looker", View.FRAMES), ("whisperer", View.TRANSCRIPT)], PRODUCERS)
