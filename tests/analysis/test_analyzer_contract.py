"""What every analyzer keeps to: the embedded engine and the stub alike."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from analysis.engine import EmbeddedAnalyzer
from analysis.errors import EngineFailed, MediumRefused, Refusal
from analysis.model import Analyzer, Band, Kind, Reason, Verdict
from analysis.stub import StubAnalyzer
from tests.analysis.fakes import Brightness, MeanPolicy
from tests.analysis.media import encoded, scene, sound, tone


def embedded() -> Analyzer:
    return EmbeddedAnalyzer([Brightness()], MeanPolicy(), torch_threads=1)


@pytest.fixture(params=[embedded, StubAnalyzer], ids=["embedded", "stub"])
def analyzer(request: pytest.FixtureRequest) -> Iterator[Analyzer]:
    analyzer: Analyzer = request.param()
    yield analyzer
    analyzer.close()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.mp4"  # the name lies
    path.write_bytes(encoded(Image.fromarray(scene()), "PNG"))
    return path


def test_an_analysis_is_whole(analyzer: Analyzer, picture: Path) -> None:
    analysis = analyzer.submit(picture).result(timeout=30)
    assert analysis.sha256 == hashlib.sha256(picture.read_bytes()).hexdigest()
    assert (analysis.probe.kind, analysis.probe.mime) == (Kind.IMAGE, "image/png")
    assert analysis.probe.size == picture.stat().st_size
    assert analysis.scores
    assert all(score.applicable == (score.score is not None) for score in analysis.scores)
    assert analysis.verdict.probability is None or 0.01 <= analysis.verdict.probability <= 0.99
    assert analysis.timing["total"] >= 0
    assert analysis.fingerprint == analyzer.fingerprint


def test_the_same_medium_gets_the_same_verdict(analyzer: Analyzer, picture: Path) -> None:
    with ThreadPoolExecutor(4) as callers:
        futures = list(callers.map(lambda _: analyzer.submit(picture), range(12)))
    assert len({repr(future.result(timeout=30).verdict) for future in futures}) == 1


def test_sound_is_sound(analyzer: Analyzer, tmp_path: Path) -> None:
    path = sound(tmp_path / "a.jpg", "pcm_s16le", tone(0.1, 16000), 16000, muxer="wav")
    assert analyzer.submit(path).result(timeout=30).probe.kind is Kind.AUDIO


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Refusal.EMPTY),
        (b"I am a text named .jpg", Refusal.NOT_MEDIA),
        (b"#EXTM3U\nfile:///etc/passwd", Refusal.NAMES_OTHER_FILES),
        (b"8BPS\0\1", Refusal.UNSUPPORTED),
    ],
)
def test_refusals_come_through_the_future(
    content: bytes, reason: Refusal, analyzer: Analyzer, tmp_path: Path
) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)
    with pytest.raises(MediumRefused) as caught:
        analyzer.submit(path).result(timeout=30)
    assert caught.value.reason is reason
    assert "\n" not in str(caught.value)


def test_odd_paths(analyzer: Analyzer, tmp_path: Path) -> None:
    with pytest.raises(EngineFailed):
        analyzer.submit(tmp_path / "missing").result(timeout=30)
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(MediumRefused) as caught:
            analyzer.submit(path).result(timeout=30)
        assert caught.value.reason is Refusal.NOT_MEDIA


def test_close_twice_and_then_no_more(analyzer: Analyzer, picture: Path) -> None:
    analyzer.close()
    analyzer.close()
    with pytest.raises(EngineFailed):
        analyzer.submit(picture)


def test_the_stub_gives_the_verdicts_that_it_is_given(picture: Path) -> None:
    verdict = Verdict(Band.TRUSTED, None, "stub", (Reason("given", "as the test says"),))
    sha256 = hashlib.sha256(picture.read_bytes()).hexdigest()
    stub = StubAnalyzer({sha256: verdict})
    assert stub.submit(picture).result(timeout=0).verdict == verdict
    assert stub.fingerprint != StubAnalyzer().fingerprint


@pytest.mark.parametrize("module", ["analysis.stub", "analysis.sniff", "analysis.limits", "analysis.views"])
def test_light_modules_import_no_heavy_ones(module: str) -> None:
    code = f"import sys, {module}; sys.exit(bool({{'torch', 'numpy', 'av', 'PIL'}} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode
        == 0
    )


def test_neither_the_engine_nor_its_child_imports_torch_before_it_is_needed() -> None:
    code = "import sys, analysis.engine, analysis.decoding.work; sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode
        == 0
    )
