"""Every layout, on a miniature in its published form."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from analysis.errors import ConfigurationError
from analysis.evaluation.items import Collection
from analysis.evaluation.readers import LAYOUTS, read


def touch(folder: Path, *names: str) -> Path:
    """Files that nobody opens: readers go by names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def listed(found: Collection) -> set[tuple[str, int, str, str]]:
    return {(item.name, item.label, item.source, item.generator) for item in found.items}


def names(found: Collection, label: int) -> list[str]:
    return [item.name for item in found.items if item.label == label]


def test_pairs_of_folders_and_numbered_ones(tmp_path: Path) -> None:
    touch(tmp_path / "set", "real/a.jpg", "fake/b.PNG", "fake/deep/ai_DALLE_3_17.jpg", "notes/c.jpg")
    touch(tmp_path / "set", "real/.hidden.jpg", "real/list.txt")
    found = read(tmp_path / "set")
    assert found.layout == "real_fake"
    assert listed(found) == {
        ("real/a.jpg", 0, "set", ""),
        ("fake/b.PNG", 1, "set", "set"),
        ("fake/deep/ai_DALLE_3_17.jpg", 1, "set", "DALLE_3"),
    }
    assert found.passed_over == (("real/list.txt", "not a medium by its name"),)
    touch(tmp_path / "numbered", "0_real/a.jpg", "1_fake/b.jpg")
    assert listed(read(tmp_path / "numbered")) == {
        ("0_real/a.jpg", 0, "numbered", ""),
        ("1_fake/b.jpg", 1, "numbered", "numbered"),
    }


def test_folders_of_sources(tmp_path: Path) -> None:
    touch(tmp_path, "phones/real/a.jpg", "sixgen/real/b.jpg", "sixgen/fake/ai_SDXL_1.jpg")
    assert listed(read(tmp_path)) == {
        ("phones/real/a.jpg", 0, "phones", ""),
        ("sixgen/real/b.jpg", 0, "sixgen", ""),
        ("sixgen/fake/ai_SDXL_1.jpg", 1, "sixgen", "SDXL"),
    }


def test_folders_of_splits(tmp_path: Path) -> None:
    touch(tmp_path, "train/real/a.jpg", "test/real/b.jpg", "test/fake/c.jpg")
    assert len(read(tmp_path).items) == 3
    assert [item.name for item in read(tmp_path, split="test").items] == [
        "test/fake/c.jpg",
        "test/real/b.jpg",
    ]


def test_wildrf(tmp_path: Path) -> None:
    touch(tmp_path, "train/0_real/a.jpg", "train/1_fake/b.jpg", "val/0_real/c.jpg")
    touch(tmp_path, "test/facebook/0_real/d.jpg", "test/reddit/1_fake/e.jpg", "test/twitter/1_fake/f.jpg")
    found = read(tmp_path)
    assert found.layout == "wildrf"
    assert listed(found) == {
        ("test/facebook/0_real/d.jpg", 0, "facebook", ""),
        ("test/reddit/1_fake/e.jpg", 1, "reddit", "unknown"),
        ("test/twitter/1_fake/f.jpg", 1, "twitter", "unknown"),
    }
    assert {item.source for item in read(tmp_path, split="train").items} == {"reddit"}
    assert len(read(tmp_path, split="all").items) == 6


def test_forensynths(tmp_path: Path) -> None:
    touch(tmp_path, "progan/cat/0_real/a.png", "progan/dog/1_fake/b.png", "biggan/0_real/c.png")
    touch(tmp_path, "biggan/1_fake/d.png")
    found = read(tmp_path)
    assert found.layout == "forensynths"
    assert listed(found) == {
        ("progan/cat/0_real/a.png", 0, "progan", ""),
        ("progan/dog/1_fake/b.png", 1, "progan", "progan"),
        ("biggan/0_real/c.png", 0, "biggan", ""),
        ("biggan/1_fake/d.png", 1, "biggan", "biggan"),
    }
    touch(tmp_path / "splits", "train/progan/cat/0_real/a.png", "test/progan/cat/0_real/b.png")
    found = read(tmp_path / "splits")
    assert [(item.name, item.source) for item in found.items] == [("test/progan/cat/0_real/b.png", "progan")]


@pytest.mark.parametrize("parent", ["", "BigGAN/"])
def test_genimage(tmp_path: Path, parent: str) -> None:
    places = ("train/ai/a.png", "val/ai/b.png", "val/nature/c.JPEG")
    touch(tmp_path, *(f"{parent}imagenet_ai_0419_biggan/{place}" for place in places))
    touch(tmp_path, "Midjourney/imagenet_midjourney/val/ai/d.png")
    found = read(tmp_path)
    assert found.layout == "genimage"
    assert {(item.source, item.label, item.generator) for item in found.items} == {
        ("biggan", 1, "biggan"),
        ("biggan", 0, ""),
        ("midjourney", 1, "midjourney"),
    }
    assert len(found.items) == 3
    assert len(read(tmp_path, split="all").items) == 4


def faceforensics(folder: Path) -> Path:
    touch(folder, *(f"original_sequences/youtube/c23/videos/{clip}.mp4" for clip in ("033", "097", "500")))
    touch(folder, "manipulated_sequences/Deepfakes/c23/videos/033_097.mp4")
    touch(folder, "manipulated_sequences/FaceSwap/c40/videos/500_501.mp4")
    touch(folder, "manipulated_sequences/Deepfakes/masks/videos/033_097.mp4")
    return touch(folder, "original_sequences/actors/c23/videos/01__walking.mp4")


def test_faceforensics(tmp_path: Path) -> None:
    faceforensics(tmp_path)
    everything = read(tmp_path)
    assert everything.layout == "ff++"
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "test.json").write_text('[["033", "097"]]')
    found = read(tmp_path)
    assert {(item.path.stem, item.label, item.source, item.generator) for item in found.items} == {
        ("033", 0, "ff++ c23", ""),
        ("097", 0, "ff++ c23", ""),
        ("033_097", 1, "ff++ c23", "Deepfakes"),
        ("01__walking", 0, "dfd c23", ""),
    }
    groups = {item.path.stem: item.group for item in found.items}
    assert groups["033"] == groups["033_097"] != groups["097"]
    assert len(read(tmp_path, split="all").items) == len(everything.items) == 6
    with pytest.raises(ConfigurationError, match=r"val\.json; take --split all"):
        read(tmp_path, split="val")


def test_celeb_df_says_1_for_real(tmp_path: Path) -> None:
    touch(tmp_path, "Celeb-real/id0_0000.mp4", "Celeb-real/id1_0001.mp4", "YouTube-real/00170.mp4")
    touch(tmp_path, "Celeb-synthesis/id1_id0_0001.mp4", "Celeb-synthesis/id0_id1_0000.mp4")
    listing = tmp_path / "List_of_testing_videos.txt"
    listing.write_text(
        "1 Celeb-real/id0_0000.mp4\n1 YouTube-real/00170.mp4\n0 Celeb-synthesis/id0_id1_0000.mp4\n"
        "0 Celeb-synthesis/id9_id1_0000.mp4\n"
    )
    found = read(tmp_path)
    assert found.layout == "celeb_df"
    assert names(found, 0) == ["Celeb-real/id0_0000.mp4", "YouTube-real/00170.mp4"]
    assert names(found, 1) == ["Celeb-synthesis/id0_id1_0000.mp4"]
    assert found.passed_over == (("celeb-synthesis/id9_id1_0000.mp4", "listed, but not there"),)
    assert {item.group for item in found.items} == {"id0", ""}
    assert names(read(tmp_path, split="train"), 0) == ["Celeb-real/id1_0001.mp4"]
    assert len(read(tmp_path, split="all").items) == 5
    listing.write_text("0 Celeb-real/id0_0000.mp4\n")
    with pytest.raises(ConfigurationError, match="1 is real there"):
        read(tmp_path)


def test_dfdc(tmp_path: Path) -> None:
    part = touch(tmp_path, "dfdc_train_part_0/a.mp4", "dfdc_train_part_0/b.mp4") / "dfdc_train_part_0"
    entries = {
        "a.mp4": {"label": "FAKE", "split": "train", "original": "b.mp4"},
        "b.mp4": {"label": "REAL", "split": "train"},
        "c.mp4": {"label": "REAL", "split": "train"},
        "../d.mp4": {"label": "?", "split": "train"},
    }
    (part / "metadata.json").write_text(json.dumps(entries))
    for folder in (tmp_path, part):
        found = read(folder)
        assert found.layout == "dfdc"
        assert {(item.path.name, item.label, item.source, item.group) for item in found.items} == {
            ("a.mp4", 1, "dfdc_train_part_0", "b.mp4"),
            ("b.mp4", 0, "dfdc_train_part_0", "b.mp4"),
        }
        assert {reason for _, reason in found.passed_over} == {"listed, but not there", "label '?'"}
    with pytest.raises(ConfigurationError, match="no labelled media in split 'test'"):
        read(tmp_path, split="test")


def test_asvspoof_2019(tmp_path: Path) -> None:
    touch(tmp_path, "LA/ASVspoof2019_LA_eval/flac/LA_E_1.flac", "LA/ASVspoof2019_LA_eval/flac/LA_E_2.flac")
    touch(tmp_path, "LA/ASVspoof2019_LA_train/flac/LA_T_1.flac")
    keys = tmp_path / "LA" / "ASVspoof2019_LA_cm_protocols"
    keys.mkdir()
    lines = "LA_0039 LA_E_1 - A11 spoof\nLA_0040 LA_E_2 - - bonafide\nLA_0040 LA_E_3 - - bonafide\n"
    (keys / "ASVspoof2019.LA.cm.eval.trl.txt").write_text(lines)
    (keys / "ASVspoof2019.LA.cm.train.trn.txt").write_text("LA_0079 LA_T_1 - - bonafide\n")
    found = read(tmp_path)
    assert found.layout == "asvspoof"
    assert {(item.path.stem, item.label, item.generator, item.group) for item in found.items} == {
        ("LA_E_1", 1, "A11", "LA_0039"),
        ("LA_E_2", 0, "", "LA_0040"),
    }
    assert found.passed_over == (("LA_E_3", "listed, but not there"),)
    assert [item.path.stem for item in read(tmp_path, split="train").items] == ["LA_T_1"]


def test_asvspoof_2021(tmp_path: Path) -> None:
    touch(tmp_path, *(f"ASVspoof2021_LA_eval/flac/LA_E_{n}.flac" for n in range(3)), "DF/flac/DF_E_1.flac")
    for name, lines in {
        "LA": "LA_0009 LA_E_0 alaw ita_tx A07 spoof notrim eval\n"
        "LA_0010 LA_E_1 alaw ita_tx bonafide bonafide notrim eval\n"
        "LA_0010 LA_E_2 none loc_tx bonafide bonafide trim hidden\n",
        "DF": "LA_0043 DF_E_1 mp3m4a asvspoof A09 spoof notrim eval traditional_vocoder - - - -\n",
    }.items():
        place = tmp_path / "keys" / name / "CM"
        place.mkdir(parents=True)
        (place / "trial_metadata.txt").write_text(lines)
    found = read(tmp_path)
    assert {(item.path.stem, item.label, item.source, item.generator) for item in found.items} == {
        ("LA_E_0", 1, "asvspoof2021 LA", "A07"),
        ("LA_E_1", 0, "asvspoof2021 LA", ""),
        ("DF_E_1", 1, "asvspoof2021 DF", "A09"),
    }
    (tmp_path / "keys" / "LA" / "CM" / "trial_metadata.txt").write_text("LA_0009 LA_E_0\n")
    with pytest.raises(ConfigurationError, match="cannot read the line"):
        read(tmp_path)


def test_deepfake_eval_2024(tmp_path: Path) -> None:
    touch(tmp_path, "image-data/a.jpg", "image-data/b.webp", "image-data/c.jpg", "video-data/v.mp4")
    head = "Filename,Ground Truth,Finetuning Set\n"
    (tmp_path / "image-metadata-publish.csv").write_text(
        head + "a.jpg,Real,Test\nb.webp,Fake,Test\nc.jpg,Fake,Train\nd.jpg,Unknown,Test\n"
    )
    (tmp_path / "image-metadata-publish-with-links.csv").write_text(head + "a.jpg,Fake,Test\n")
    (tmp_path / "video-metadata-publish.csv").write_text(
        "Filename,Video Ground Truth,Audio Ground Truth,Finetuning Set\nv.mp4,Fake,Real,Test\n"
    )
    found = read(tmp_path)
    assert found.layout == "deepfake_eval_2024"
    assert {(item.name, item.label, item.source) for item in found.items} == {
        ("image-data/a.jpg", 0, "deepfake-eval-2024 image"),
        ("image-data/b.webp", 1, "deepfake-eval-2024 image"),
        ("video-data/v.mp4", 1, "deepfake-eval-2024 video"),
    }
    assert found.passed_over == (("d.jpg", "ground truth 'Unknown'"),)
    assert len(read(tmp_path, split="all").items) == 4


def jsonl(rows: Iterable[object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_manifests(tmp_path: Path) -> None:
    touch(tmp_path, "real/a.jpg", "fake/b.jpg", "mine/c.wav")
    rows = [
        {"file": "real/a.jpg", "label": "real", "source": "", "generator": "", "input_sha256": "77"},
        {"file": "fake/b.jpg", "label": "fake", "source": "s", "generator": "splice", "input_sha256": "77"},
        {"file": "mine/c.wav", "label": 1, "group": "tom"},
        {"file": "gone.jpg", "label": 0},
        {"file": "../out.jpg", "label": 0},
        {"file": "real/a.jpg"},
    ]
    (tmp_path / "manifest.jsonl").write_text(jsonl(rows))
    found = read(tmp_path)
    assert found.layout == "manifest"
    assert {(item.name, item.label, item.source, item.generator, item.group) for item in found.items} == {
        ("real/a.jpg", 0, tmp_path.name, "", "77"),
        ("fake/b.jpg", 1, "s", "splice", "77"),
        ("mine/c.wav", 1, tmp_path.name, tmp_path.name, "tom"),
    }
    assert [reason.split(" (")[0] for _, reason in found.passed_over] == [
        "listed, but not there",
        "outside the manifest's folder",
        "no path or no label",
    ]
    table = tmp_path / "mine" / "labels.csv"
    table.write_text("\ufefffilename,label,split\nc.wav,1,test\n", encoding="utf-8")
    assert [item.name for item in read(table).items] == ["c.wav"]
    (tmp_path / "manifest.jsonl").write_text('{"file": "real/a.jpg", "label": 0}\n{"file": ')
    with pytest.raises(ConfigurationError, match=r"manifest\.jsonl cannot be read"):
        read(tmp_path)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        read(tmp_path / "nothing")
    with pytest.raises(ConfigurationError, match="no known layout"):
        read(touch(tmp_path / "odd", "a.jpg"))
    with pytest.raises(ConfigurationError, match="there is no layout 'mine'; known: manifest"):
        read(tmp_path, "mine")
    (tmp_path / "empty" / "real").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="no labelled media in the layout real_fake"):
        read(tmp_path / "empty")
    (tmp_path / "metadata.json").write_text("{broken")
    with pytest.raises(ConfigurationError, match=r"metadata\.json cannot be read"):
        read(tmp_path)


def test_no_layout_is_mistaken_for_another(tmp_path: Path) -> None:
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS) == 10
    touch(tmp_path, "real/a.jpg", "fake/b.jpg")
    assert [layout.name for layout in LAYOUTS if layout.fits(tmp_path)] == ["real_fake"]
