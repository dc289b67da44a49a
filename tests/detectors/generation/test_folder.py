"""Whole folders: the same pairs whoever makes them and however often it was killed; files tell nothing."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from detectors.base import Modality
from detectors.errors import GenerationError
from detectors.generation import base, manifest
from detectors.generation.folder import Outcome, generate
from detectors.generation.making import Recipe
from detectors.training import dataset
from tests.detectors.generation.media import files_of, picture, write_pictures, write_sounds

SPLICE = Recipe("splice", 7)


@pytest.fixture
def reals(tmp_path: Path) -> Path:
    folder = tmp_path / "reals"
    write_pictures(folder, 6)
    return folder


def test_order_names_and_number_of_processes_do_not_matter(reals: Path, tmp_path: Path) -> None:
    generate(reals, tmp_path / "one", SPLICE)
    generate(reals, tmp_path / "two", SPLICE, workers=2)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")

    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for number, path in enumerate(sorted(reals.iterdir(), reverse=True)):
        (renamed / f"{number}.jpg").write_bytes(path.read_bytes())
    generate(renamed, tmp_path / "other", SPLICE)
    media = {name: data for name, data in files_of(tmp_path / "one").items() if name != manifest.NAME}
    assert media.items() <= files_of(tmp_path / "other").items()

    generate(reals, tmp_path / "seed", Recipe("splice", 8))
    assert not media.items() & files_of(tmp_path / "seed").items() - {
        item for item in media.items() if item[0].startswith("real/")
    }


def test_the_manifest_holds_all_that_was_made(reals: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = generate(reals, out, Recipe("splice", 7, "any"), count=4)
    assert outcome == Outcome(4, 0, ())
    rows = manifest.read(out / manifest.NAME)
    assert [row.label for row in rows] == ["real", "fake"] * 4
    files = files_of(out)
    assert {row.file for row in rows} | {row.mask for row in rows if row.mask} == {*files} - {manifest.NAME}
    inputs = {path.name for path in reals.iterdir()}
    for real, fake in zip(rows[::2], rows[1::2], strict=True):
        assert real.input == fake.input in inputs
        assert real.laundering == fake.laundering
        assert real.laundering["asked"] == "any"
        assert (real.generator, real.parameters, real.mask) == ("", {}, None)
        assert (fake.generator, fake.seed, fake.modality, fake.source) == ("splice", 7, "image", "")
        assert fake.parameters["donor"] in inputs - {fake.input}
    assert str(tmp_path) not in (out / manifest.NAME).read_text()


def test_unlaundered_pairs_are_encoded_as_the_real_picture_was(tmp_path: Path) -> None:
    reals, out = tmp_path / "reals", tmp_path / "out"
    write_pictures(reals, 2, quality=63)
    Image.fromarray(picture(9)).save(reals / "lossless.png")
    with Image.open(reals / "photo 0.jpg") as image:
        tables = image.quantization
    generate(reals, out, Recipe("copy_move", 0))
    suffixes = []
    for row in manifest.read(out / manifest.NAME):
        with Image.open(out / row.file) as image:
            suffixes.append(Path(row.file).suffix)
            if suffixes[-1] == ".jpg":
                assert image.quantization == tables
            elif row.label == "real":
                assert np.array_equal(np.asarray(image), picture(9))
    assert sorted(suffixes) == [".jpg"] * 4 + [".png"] * 2


def test_masks_are_as_large_as_the_pictures_and_hold_the_change(reals: Path, tmp_path: Path) -> None:
    for launder in (None, "screenshot"):
        out = tmp_path / str(launder)
        generate(reals, out, Recipe("inpaint_diffusion", 1, launder), count=3)
        for row in manifest.read(out / manifest.NAME)[1::2]:
            assert row.mask is not None
            fake, real, mask = (
                np.asarray(Image.open(out / name)).astype(int)
                for name in (row.file, row.file.replace("fake", "real"), row.mask)
            )
            assert mask.shape == fake.shape[:2] == real.shape[:2]
            away = np.abs(fake - real).mean(axis=-1)
            assert 0 < (mask > 0).mean() < 0.5
            assert away[mask > 200].mean() > 3 * away[mask == 0].mean()


def test_sources_are_kept_apart_and_fakes_are_not_worked_on(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    write_pictures(data / "one" / "real", 2)
    write_pictures(data / "two" / "real", 2, first=2)
    write_pictures(data / "two" / "fake", 2, first=4)
    generate(data, out, SPLICE)
    rows = manifest.read(out / manifest.NAME)
    assert {(row.source, Path(row.file).parent.as_posix()) for row in rows} == {
        (source, f"{source}/{label}") for source in ("one", "two") for label in ("real", "fake")
    }
    assert all("/real/" in row.input for row in rows)
    items = dataset.scan(out, min_side=100)
    assert {(item.source, item.label) for item in items} == {("one", 0), ("one", 1), ("two", 0), ("two", 1)}


def test_a_run_goes_on_where_it_was_and_mends_what_was_lost(reals: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    generate(reals, whole, SPLICE)
    generate(reals, out, SPLICE, count=2)
    assert generate(reals, out, SPLICE) == Outcome(4, 2, ())
    assert files_of(out) == files_of(whole)
    assert generate(reals, out, SPLICE) == Outcome(0, 6, ())

    lines = (out / manifest.NAME).read_text().splitlines(keepends=True)
    (out / manifest.NAME).write_text("".join(lines[:-1]) + lines[-1][:40])  # torn
    first = manifest.read(out / manifest.NAME)[1]
    (out / first.file).write_bytes(b"half")
    assert generate(reals, out, SPLICE) == Outcome(2, 4, ())
    assert files_of(out) == files_of(whole)


def test_another_run_does_not_mix_with_the_first(reals: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    generate(reals, out, SPLICE, count=2)
    before = files_of(out)
    for recipe in (Recipe("splice", 8), Recipe("copy_move", 7), Recipe("splice", 7, "any")):
        with pytest.raises(GenerationError, match=r"another run \(.*seed 7, laundering aligned\)"):
            generate(reals, out, recipe)
    write_pictures(tmp_path / "elsewhere", 1, first=50)
    with pytest.raises(GenerationError, match="not among the media now"):
        generate(tmp_path / "elsewhere", out, SPLICE)
    with (out / manifest.NAME).open("a") as file:
        file.write('{"a": 1}\n{"b": 2}\n')
    with pytest.raises(GenerationError, match="line 5, is no line of a manifest"):
        generate(reals, out, SPLICE)
    assert {*files_of(out).items()} - {*before.items()} == {
        (manifest.NAME, (out / manifest.NAME).read_bytes())
    }


def test_what_cannot_be_used_is_passed_over_and_named(reals: Path, tmp_path: Path) -> None:
    unreadable = ["broken.jpg", "empty.webp", "text.png"]
    (reals / "broken.jpg").write_bytes((reals / "photo 0.jpg").read_bytes()[:900])
    (reals / "text.png").write_text("not a picture")
    (reals / "empty.webp").touch()
    Image.new("RGB", (20, 20)).save(reals / "tiny.png")
    (reals / "notes.txt").write_text("of no concern")
    outcome = generate(reals, tmp_path / "out", SPLICE, workers=2)
    assert outcome.made == 6
    assert [line.input for line in outcome.passed_over] == [*unreadable, "tiny.png"]
    written = (tmp_path / "out" / manifest.PASSED_OVER).read_text().splitlines()
    assert [json.loads(line)["reason"] for line in written] == [line.reason for line in outcome.passed_over]
    for line in outcome.passed_over[:3]:
        assert f"{line.input} is not a readable picture" in line.reason


def test_a_splice_of_a_single_picture_has_no_donor(tmp_path: Path) -> None:
    write_pictures(tmp_path / "reals", 1)
    [line] = generate(tmp_path / "reals", tmp_path / "out", SPLICE).passed_over
    assert line.reason == "there is no second picture to take something from"


def test_folders_that_cannot_be_worked_on(reals: Path, tmp_path: Path) -> None:
    for target in (reals, reals / "made", tmp_path):
        with pytest.raises(GenerationError, match="lie in each other"):
            generate(reals, target, SPLICE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(GenerationError, match="holds no real image files"):
        generate(tmp_path / "empty", tmp_path / "out", SPLICE)
    with pytest.raises(GenerationError, match="no laundering 'phone_call' for image"):
        generate(reals, tmp_path / "out", Recipe("splice", 0, "phone_call"))


def backwards(real: base.Sound, rng: np.random.Generator) -> tuple[base.Sound, base.Description]:
    return real[::-1].copy(), {"method": "backwards"}


@pytest.mark.parametrize(("launder", "suffix"), [(None, ".wav"), ("like_whatsapp", ".ogg")])
def test_sounds_go_the_same_way(
    launder: str | None, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = base.GeneratorEntry(f"{__name__}:backwards", Modality.AUDIO, "")
    monkeypatch.setitem(base._REGISTRY, "backwards", entry)
    write_sounds(tmp_path / "reals", 2)
    (tmp_path / "reals" / "broken.mp3").write_bytes(b"ID3 nothing")
    out = tmp_path / "out"
    outcome = generate(tmp_path / "reals", out, Recipe("backwards", 0, launder))
    assert outcome.made == 2
    assert "broken.mp3 is not a readable sound file" in outcome.passed_over[0].reason
    rows = manifest.read(out / manifest.NAME)
    assert {Path(row.file).suffix for row in rows} == {suffix}
    assert {row.modality for row in rows} == {"audio"}
    assert rows[1].parameters == {"method": "backwards"}


def file_features(data: bytes) -> list[float]:
    """Size and quality: what a file says before anybody looks at the picture."""
    with Image.open(io.BytesIO(data)) as image:
        tables = getattr(image, "quantization", {})
        quality = sum(sum(table) for table in tables.values())
        return [len(data), 8 * len(data) / (image.width * image.height), image.width, image.height, quality]


def probe(features: list[list[float]]) -> float:
    """Out-of-fold AUC of a linear probe; pairs (real, fake) stay together."""
    labels, pairs = np.arange(len(features)) % 2, np.arange(len(features)) // 2
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    scores = cross_val_predict(
        model, np.array(features), labels, groups=pairs, cv=GroupKFold(5), method="decision_function"
    )
    return float(roc_auc_score(labels, scores))


def test_files_tell_nothing_once_pairs_are_laundered_alike(tmp_path: Path) -> None:
    reals, out = tmp_path / "reals", tmp_path / "out"
    for quality in (60, 75, 90, 98):
        write_pictures(reals, 11, quality=quality, first=quality * 100)
    generate(reals, out, Recipe("splice", 0, "any"))
    rows = manifest.read(out / manifest.NAME)
    assert len(rows) == 88
    assert 0.35 < probe([file_features((out / row.file).read_bytes()) for row in rows]) < 0.65

    naive = []  # the same fakes kept as PNG beside the real JPEG files: what the probe finds in such a set
    for row in rows[1::2]:
        with Image.open(out / row.file) as image:
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
        naive += [file_features((reals / row.input).read_bytes()), file_features(buffer.getvalue())]
    assert probe(naive) > 0.95
