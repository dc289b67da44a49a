"""Galleries: everything is made of the samples, the worst mistakes are shown, and each says what it is."""

from __future__ import annotations

import wave
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.ensemble.evidence import Basis, Evidence
from analysis.errors import ConfigurationError, MediumRefused, Refusal
from analysis.evaluation import readers
from analysis.gallery import Gallery, is_current, make_galleries
from analysis.gallery.choosing import Judgement, Measure, strips, worst
from analysis.gallery.material import AS_IT_IS, DELIVERIES, SCREEN, Candidate, Material
from analysis.gallery.model import is_whole
from analysis.limits import Limits
from analysis.model import Analysis, Band, Kind, Probe, Score, Verdict
from detectors.base import Modality
from detectors.generation import base
from detectors.generation.base import SAMPLE_RATE
from detectors.generation.laundering import presets
from detectors.record import Calibration, WeightsRecord
from tests.analysis.fakes import record
from tests.detectors.generation.media import picture, sound, write_pictures


def _samples(folder: Path, *rows: str) -> Path:
    """Real pictures, a fake one, and a sound that nobody spoke; labelled are those of ``rows``."""
    write_pictures(folder, 2)
    Image.fromarray(picture(9)).save(folder / "made.png")
    with wave.open(str(folder / "said.wav"), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((sound(1) * 32767).astype(np.int16).tobytes())
    (folder / "manifest.csv").write_text("path,label\n" + "\n".join(rows) + "\n")
    return folder


def _material(samples: Path, folder: Path, seed: int = 0) -> list[Candidate]:
    folder.mkdir()
    return list(Material(readers.read(samples, None, None).items, folder, seed).candidates())


def test_everything_is_made_of_the_samples(tmp_path: Path) -> None:
    labels = ("photo 0.jpg,real", "made.png,fake", "said.wav,fake")
    samples = _samples(tmp_path / "samples", *labels)
    found = _material(samples, tmp_path / "one")
    ways = len(presets(Modality.IMAGE))
    of_fake = [one for one in found if one.medium == "made.png"]
    assert len(of_fake) == 1 + ways + len(DELIVERIES[Modality.IMAGE]) + 1
    assert all(one.fake and not one.made_by for one in of_fake)
    strip = [one.delivered for one in of_fake if one.in_strip]
    assert strip[0] == AS_IT_IS
    assert strip[-1] == SCREEN

    made = {one.made_by for one in found if one.medium == "photo 0.jpg" and one.fake}
    assert made == {"copy_move", "inpaint_diffusion", "inpaint_patches", "reconstruction"}, (
        "no second picture, no face"
    )
    copies = [one for one in found if one.medium == "photo 0.jpg" and one.made_by == "copy_move"]
    assert len(copies) == 1 + ways
    assert copies[0].done == "copy_move (an object appears twice)"
    assert copies[1].done == f"{copies[0].done}, laundered: {presets(Modality.IMAGE)[0]}"

    sounds = [one for one in found if one.medium == "said.wav"]
    assert {one.made_by for one in sounds if one.made_by} >= {"speech_griffin_lim", "speech_fixed_phase"}
    assert all(one.fake for one in sounds)


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    samples = _samples(tmp_path / "samples", "made.png,fake")
    one, again, other = (
        [path.path.read_bytes() for path in _material(samples, tmp_path / name, seed)]
        for name, seed in (("one", 0), ("again", 0), ("other", 1))
    )
    assert one == again
    assert one != other


def _judged(
    strength: float, *, fake: bool, group: str = "", made_by: str = "", strip: bool = False
) -> Judgement:
    group = group or f"{strength}"
    candidate = Candidate(Path("x.png"), f"{group}.png", group, fake, made_by, AS_IT_IS, strip)
    score = float(1 / (1 + np.exp(-strength)))
    return Judgement(candidate, Kind.IMAGE, Evidence("sample", score, strength, Basis.CALIBRATED))


def test_the_worst_mistakes_are_chosen_and_not_all_of_one_subject() -> None:
    reals = [_judged(strength, fake=False, group="cat") for strength in (0.5, 2.0, -1.0)]
    reals += [_judged(0.7, fake=False, group="dog"), _judged(-3, fake=False, group="cow")]
    fakes = [_judged(-strength, fake=True, group="cat", made_by="splice") for strength in (1, 2, 3)]
    fakes += [_judged(-0.1, fake=True, group="dog", made_by="splice"), _judged(4, fake=True)]
    measure = Measure.of([*reals, *fakes], narrow=False)
    assert [one.evidence.llr for one in worst(reals, measure, fake=False)] == [2.0, 0.7]
    assert [one.evidence.llr for one in worst(fakes, measure, fake=True)] == [-3, -2]


def test_of_one_sided_evidence_a_fake_without_any_is_a_miss() -> None:
    silent, found = _judged(0.0, fake=True), _judged(1.0, fake=True)
    measure = Measure.of([silent, found], narrow=True)
    assert worst([silent, found], measure, fake=True) == [silent]
    assert not Measure.of([silent, found], narrow=False).wrong(silent)


def test_a_detector_without_evidence_is_taken_by_its_score() -> None:
    scored = Judgement(
        _judged(0, fake=False).candidate, Kind.IMAGE, Evidence("s", 0.9, -0.001, Basis.CALIBRATED)
    )
    measure = Measure.of([scored], narrow=False)
    assert measure.by_score
    assert worst([scored], measure, fake=False) == [scored]


def test_the_strip_is_of_what_changes_most() -> None:
    steady = [_judged(value, fake=False, group="cat", strip=True) for value in (1.0, 1.1)]
    moved = [_judged(value, fake=False, group="dog", strip=True) for value in (-1.0, 1.0)]
    alone = [_judged(9, fake=True, group="fish", strip=True)]
    assert strips([*steady, *moved, *alone], Measure.of([*steady, *moved], narrow=False)) == [moved]


class Scripted:
    """An engine whose one detector says the same of everything, and refuses WebP."""

    limits = Limits()

    def __init__(self, says: Callable[[Path], float]) -> None:
        self.says = says

    def submit(self, path: Path) -> Future[Analysis]:
        future: Future[Analysis] = Future()
        if path.suffix == ".webp":
            future.set_exception(MediumRefused(Refusal.CORRUPT, "no WebP today"))
            return future
        kind = Kind.AUDIO if path.suffix in {".wav", ".mp3", ".ogg", ".opus", ".m4a"} else Kind.IMAGE
        scores = (Score("sample", self.says(path), True),)
        verdict = Verdict(Band.UNCERTAIN, 0.5, "calibrated", ())
        probe = Probe(kind=kind, mime="image/png", size=1)
        future.set_result(Analysis("0" * 64, probe, scores, verdict, {}, "0"))
        return future


def _calibrated() -> WeightsRecord:
    fitted = Calibration(
        method="platt",
        parameters={"slope": 1.0, "intercept": 0.0},
        bound=4.0,
        data=(),
        date="2026-01-02",
        protocol="none",
    )
    return record("sample", Modality.IMAGE).model_copy(update={"calibration": {Modality.IMAGE: fitted}})


def test_a_gallery_is_written_and_knows_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "names", lambda: ("copy_move",))
    samples = _samples(tmp_path / "samples", "photo 0.jpg,real", "photo 1.jpg,real", "made.png,fake")
    known, folder = _calibrated(), tmp_path / "gallery"
    folder.mkdir()
    (folder / "sample-99.webp").write_bytes(b"of an earlier gallery")
    written = make_galleries(samples, folder, [known], Scripted(lambda _path: 0.75))
    assert sorted(written) == sorted(folder.iterdir())
    gallery = Gallery.model_validate_json((folder / "sample.json").read_text("utf-8"))
    assert gallery.real.judged == gallery.real.wrong > 0
    assert gallery.fake.wrong == 0
    assert sum(of.judged for of in gallery.makers.values()) == gallery.fake.judged
    assert gallery.makers.keys() == {"", "copy_move"}
    assert gallery.misses == ()
    assert {one.medium for one in gallery.false_alarms} == {"photo 0.jpg", "photo 1.jpg"}
    assert all(one.probability == 0.75 and "weak signs" in one.words for one in gallery.false_alarms)
    assert [strip[0].fake for strip in gallery.strips] == [False, True]
    assert is_whole(gallery, folder)
    with Image.open(folder / gallery.false_alarms[0].picture) as drawn:
        assert max(drawn.size) <= 192 + 16
    assert is_current(gallery, known)
    moved = known.calibration[Modality.IMAGE].model_copy(update={"bound": 3.0})
    assert not is_current(gallery, known.model_copy(update={"calibration": {Modality.IMAGE: moved}}))
    (folder / gallery.false_alarms[0].picture).write_bytes(b"another")
    assert not is_whole(gallery, folder)


def test_without_labelled_media_there_is_no_gallery(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    with pytest.raises(ConfigurationError):
        make_galleries(tmp_path / "samples", tmp_path / "out", [], Scripted(lambda _path: 0.5))
