"""Every file of the zoo gives frames or sound, or a named refusal, and leaves nothing behind."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from analysis.decoding.decoder import Decoder
from analysis.errors import MediumRefused, Refusal
from analysis.limits import Limits

SHARED = Path(os.environ.get("VERITAG_SHARED") or Path(__file__).parents[2] / ".." / "shared")
REFUSED = {
    "c2pa/py_dashinit.mp4": Refusal.CORRUPT,
    "formats/heif_corrupted_corrupted.heic": Refusal.CORRUPT,
    "formats/heif_corrupted_empty.heic": Refusal.EMPTY,
    "generated/empty.jpg": Refusal.EMPTY,
    "generated/text_named.jpg": Refusal.NOT_MEDIA,
    "generated/truncated.mp4": Refusal.CORRUPT,
    "smallest/AudioVideoInterleave.avi": Refusal.CORRUPT,
    "smallest/Mpeg4.mp4": Refusal.UNSUPPORTED,
    "smallest/bpg.bpg": Refusal.UNSUPPORTED,
    "smallest/gif.gif": Refusal.CORRUPT,
    "smallest/mp3.mp3": Refusal.CORRUPT,
    "smallest/wav.wav": Refusal.CORRUPT,
    "smallest/webp.webp": Refusal.CORRUPT,
}


@pytest.mark.skipif(not (SHARED / "data" / "zoo").is_dir(), reason=f"there is no zoo in {SHARED}")
def test_the_whole_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo = SHARED / "data" / "zoo"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    refused = {}
    decoder = Decoder(Limits())
    for path in sorted(file for file in zoo.rglob("*") if file.is_file()):
        try:
            medium = decoder.decode(path)
        except MediumRefused as error:
            refused[str(path.relative_to(zoo))] = error.reason
        else:
            assert medium.frames is not None or medium.waveform is not None, path
    decoder.close()
    assert refused == REFUSED
    assert list(tmp_path.iterdir()) == []
