"""What operators have reviewed leaves as it is, and can be learned from and measured with."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analysis.evaluation.readers import read
from bot.exporting import as_csv, as_jsonl, as_zip, into_folder
from bot.resolver.media_store import MediaStore
from state.exports import ReviewedMedium, Wanted
from state.store import Store
from tests.bot.world import png
from tests.state.conftest import clock, open_store  # noqa: F401 - fixtures

WHEN = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


@pytest.fixture
def files(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


def medium(files: MediaStore, seed: int, label: str, note: str = "") -> ReviewedMedium:
    """A reviewed picture whose file is here."""
    with files.temporary() as path:
        path.write_bytes(png(seed))
        stored = files.adopt(path)
    return ReviewedMedium(
        *(stored.sha256, "image/png", stored.size, True, "image", label, note, "ann", WHEN),
        *("inbox", WHEN, 1, "uncertain", 0.4, "calibrated", {"veritag_image": 0.25}),
    )


def test_tables_hold_everything_but_persons(files: MediaStore) -> None:
    media = [medium(files, 1, "real", "seen in print"), medium(files, 2, "satire")]
    lines = list(as_jsonl(media))
    assert [json.loads(line)["label"] for line in lines] == ["real", "satire"]
    assert json.loads(lines[0])["reviewed_at"] == "2026-05-04T03:02:01+00:00"
    rows = list(csv.DictReader(io.StringIO("".join(as_csv(media)))))
    assert rows[0]["note"] == "seen in print"
    assert json.loads(rows[0]["scores"]) == {"veritag_image": 0.25}
    assert not {"handle", "text", "url"} & set(rows[0])


@pytest.mark.parametrize("note", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_note_is_no_formula(files: MediaStore, note: str) -> None:
    rows = list(csv.DictReader(io.StringIO("".join(as_csv([medium(files, 1, "real", note)])), newline="")))
    assert rows[0]["note"] == f"'{note}"


def test_a_folder_is_read_by_evaluation(files: MediaStore, tmp_path: Path) -> None:
    media = [
        medium(files, 1, "real"),
        medium(files, 2, "fake"),
        medium(files, 3, "manipulated"),
        medium(files, 4, "cannot_tell"),
        replace(medium(files, 5, "fake"), sha256="0" * 64),
    ]
    assert into_folder(media, files, tmp_path / "out") == 3
    found = read(tmp_path / "out")
    assert sorted((item.label, item.source) for item in found.items) == [
        (0, "inbox"),
        (1, "inbox"),
        (1, "inbox"),
    ]
    assert all(item.path.read_bytes().startswith(b"\x89PNG") for item in found.items)


def test_a_zip_holds_the_same_and_is_made_piece_by_piece(files: MediaStore, tmp_path: Path) -> None:
    media = [medium(files, seed, "real") for seed in range(20)]
    pieces = list(as_zip(media, files))
    assert max(map(len, pieces)) < 10_000
    (tmp_path / "a.zip").write_bytes(b"".join(pieces))
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 21
        archive.extractall(tmp_path / "out")
    assert len(read(tmp_path / "out").items) == 20


def test_the_newest_review_counts_and_filters_hold(open_store: Callable[[], Store]) -> None:  # noqa: F811
    store = open_store()
    with store.transaction() as db:
        for sha256 in ("a", "b", "c"):
            db.execute(
                "INSERT INTO media (sha256, mime, size, first_seen) VALUES (?, 'image/png', 1, '2026')",
                (sha256,),
            )
    for sha256, label in (("a", "real"), ("a", "fake"), ("b", "real")):
        store.reviews.add(sha256, label, "", "ann")
    assert [(m.sha256, m.label) for m in store.exports.reviewed(Wanted())] == [("a", "fake"), ("b", "real")]
    assert [m.sha256 for m in store.exports.reviewed(Wanted(label="real"))] == ["b"]
    assert list(store.exports.reviewed(Wanted(before=store.now()))) == []
    assert list(store.exports.reviewed(Wanted(platform="inbox"))) == []
    assert store.exports.counts() == {"fake": 1, "real": 1}
