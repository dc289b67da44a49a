"""The child dies alone, is limited and shut in; its parent goes on and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from analysis.decoding.decoder import Decoder
from analysis.errors import DecoderDied, EngineFailed, MediumRefused, Refusal
from analysis.limits import Limits
from tests.analysis.media import clip, encoded, scene

_CAP_DAC_READ_SEARCH = 1 << 2


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good"
    path.write_bytes(encoded(Image.fromarray(scene()), "PNG"))
    return path


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture that takes about a second and half a gigabyte."""
    path = tmp_path_factory.mktemp("heavy") / "heavy"
    Image.new("RGB", (9000, 9000), (9, 8, 7)).save(path, "PNG", compress_level=1)
    return path


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An animation that takes some seconds."""
    path = tmp_path_factory.mktemp("slow") / "slow"
    frames = [Image.new("RGB", (5000, 5000), (i, i, i)) for i in range(12)]
    frames[0].save(path, "PNG", save_all=True, append_images=frames[1:], compress_level=1, duration=100)
    return path


def child_of(decoder: Decoder) -> psutil.Process:
    decoder.start()
    return max(psutil.Process().children(), key=lambda process: process.create_time())


def _still_works(decoder: Decoder, good: Path) -> None:
    frames = decoder.decode(good).frames
    assert frames is not None
    assert np.array_equal(frames[0], scene())


def test_wall_clock_limit(slow: Path, good: Path) -> None:
    decoder = Decoder(Limits(decode_seconds=0.5))
    decoder.start()
    with pytest.raises(DecoderDied, match=r"longer than the limit of 0\.5 s") as caught:
        decoder.decode(slow)
    assert caught.value.reason is Refusal.TIMED_OUT
    _still_works(decoder, good)
    decoder.close()


def test_processor_time_limit(slow: Path, good: Path) -> None:
    decoder = Decoder(Limits(decode_cpu_seconds=1))
    with pytest.raises(DecoderDied) as caught:
        decoder.decode(slow)
    assert caught.value.reason is Refusal.TIMED_OUT
    _still_works(decoder, good)
    decoder.close()


def test_memory_limit(heavy: Path, good: Path) -> None:
    decoder = Decoder(Limits(decode_memory_bytes=1 << 30))
    with pytest.raises(DecoderDied) as caught:
        decoder.decode(heavy)
    assert caught.value.reason is Refusal.DECODER_DIED
    _still_works(decoder, good)
    decoder.close()


def test_the_file_limit_of_the_results(heavy: Path, good: Path) -> None:
    decoder = Decoder(Limits(max_view_bytes=1 << 20))
    with pytest.raises(MediumRefused) as caught:
        decoder.decode(heavy)
    assert caught.value.reason is Refusal.TOO_MANY_PIXELS
    _still_works(decoder, good)
    decoder.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_in_the_middle(how: signal.Signals, slow: Path, good: Path) -> None:
    decoder = Decoder(Limits())
    child = child_of(decoder)
    threading.Timer(0.3, child.send_signal, [how]).start()
    with pytest.raises(DecoderDied, match=f"signal {how.value}") as caught:
        decoder.decode(slow)
    assert caught.value.reason is Refusal.DECODER_DIED
    _still_works(decoder, good)
    decoder.close()


def test_a_child_that_died_between_two_media_is_replaced(decoder: Decoder, good: Path) -> None:
    child = child_of(decoder)
    child.kill()
    child.wait()
    _still_works(decoder, good)


def test_a_child_is_replaced_after_its_share(good: Path) -> None:
    decoder = Decoder(Limits(requests_per_child=2))
    children = set()
    for _ in range(5):
        _still_works(decoder, good)
        children |= {process.pid for process in psutil.Process().children()}
    decoder.close()
    assert len(children) >= 3


def test_abort_from_another_thread(slow: Path, good: Path) -> None:
    decoder = Decoder(Limits())
    decoder.start()
    threading.Timer(0.3, decoder.abort).start()
    with pytest.raises(EngineFailed, match="closed"):
        decoder.decode(slow)
    with pytest.raises(EngineFailed, match="closed"):
        decoder.decode(good)
    decoder.close()
    decoder.close()


def test_the_child_is_shut_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "x")
    mine = Decoder(Limits(decode_memory_bytes=3 << 30))
    child = child_of(mine)
    process = Path(f"/proc/{child.pid}")
    assert "A_SECRET" not in child.environ()
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
    assert status["NoNewPrivs"] == "1"
    for held in ("CapInh", "CapPrm", "CapEff"):
        assert int(status[held], 16) & ~_CAP_DAC_READ_SEARCH == 0, held
    limits = (process / "limits").read_text().splitlines()
    values = {line[:25].strip(): line[25:].split()[0] for line in limits}
    assert values["Max address space"] == str(3 << 30)
    assert values["Max open files"] == "64"
    assert values["Max file size"] == str(1 << 30)
    assert values["Max core file size"] == "0"
    assert "torch" not in (process / "maps").read_text()
    mine.close()


def test_the_child_has_no_network(decoder: Decoder) -> None:
    child = child_of(decoder)
    if not decoder.network_isolated:
        pytest.skip("this kernel lets no unprivileged process leave the network")
    devices = Path(f"/proc/{child.pid}/net/dev").read_text().splitlines()[2:]
    assert [line.split(":")[0].strip() for line in devices] == ["lo"]


def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    code = """if True:
        import os, signal
        from analysis.decoding.decoder import Decoder
        from analysis.limits import Limits
        decoder = Decoder(Limits())
        decoder.start()
        print(decoder._process.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    child = int(done.stdout)
    for _ in range(50):
        if not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    pytest.fail("the child outlived its parent")


def test_odd_paths(decoder: Decoder, tmp_path: Path) -> None:
    with pytest.raises(EngineFailed, match="No such file"):
        decoder.decode(tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(MediumRefused) as caught:
            decoder.decode(path)
        assert caught.value.reason is Refusal.NOT_MEDIA


def test_a_file_that_changes_while_it_is_read_has_no_verdict(slow: Path, tmp_path: Path) -> None:
    decoder = Decoder(Limits())
    decoder.start()
    path = tmp_path / "growing"
    path.write_bytes(slow.read_bytes())

    def grow() -> None:
        with path.open("ab") as file:
            file.write(b"more")  # behind the picture's end, where no decoder looks

    threading.Timer(0.3, grow).start()
    with pytest.raises(EngineFailed, match="changed while it was read"):
        decoder.decode(path)
    decoder.close()


def test_empty_and_too_large(decoder: Decoder, tmp_path: Path, good: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(MediumRefused) as caught:
        decoder.decode(tmp_path / "empty")
    assert caught.value.reason is Refusal.EMPTY
    small = Decoder(Limits(max_bytes=100))
    with pytest.raises(MediumRefused) as caught:
        small.decode(good)
    small.close()
    assert caught.value.reason is Refusal.TOO_LARGE


def test_nothing_is_left_behind(
    decoder: Decoder, tmp_path: Path, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    broken = tmp_path / "broken"
    broken.write_bytes(good.read_bytes()[:50])
    media = [good, broken, clip(tmp_path / "clip.mp4", sound="aac")]
    descriptors, memory = [], []
    for turn in range(60):
        for path in media:
            try:
                decoder.decode(path)
            except MediumRefused:
                assert path is broken
        if turn in {20, 59}:
            descriptors.append(len(list(Path("/proc/self/fd").iterdir())))
            memory.append(psutil.Process().memory_info().rss)
    assert descriptors[0] == descriptors[1]
    assert list(temporary.iterdir()) == []
    assert memory[1] - memory[0] < 8 << 20
