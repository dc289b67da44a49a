"""Layouts of the collections of manipulated faces.

FaceForensics++  original_sequences/{youtube,actors}/COMPRESSION/videos/033.mp4,
                 manipulated_sequences/METHOD/COMPRESSION/videos/TARGET_SOURCE.mp4,
                 splits/{train,val,test}.json: lists of pairs
                 (github.com/ondyari/FaceForensics)
Celeb-DF         Celeb-real, YouTube-real, Celeb-synthesis; List_of_testing_videos.txt with lines like
                 "1 Celeb-real/id0_0000.mp4", where **1 is real**
                 (github.com/yuezunli/celeb-deepfakeforensics)
DFDC             [PART/]metadata.json: {"a.mp4": {"label": "FAKE", "original": "b.mp4", "split": ...}}
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.errors import ConfigurationError
from analysis.evaluation.items import Item
from analysis.evaluation.readers.base import Found, files, read_json, read_lines, relative

_ORIGINAL, _MANIPULATED = "original_sequences", "manipulated_sequences"
_COMPRESSIONS = ("raw", "c0", "c23", "c40")
_CELEB_FOLDERS = {"celeb-real": 0, "youtube-real": 0, "celeb-synthesis": 1}
_CELEB_LIST = "List_of_testing_videos.txt"


def is_faceforensics(folder: Path) -> bool:
    """Say whether it has the two folders of sequences."""
    return (folder / _ORIGINAL).is_dir() and (folder / _MANIPULATED).is_dir()


def read_faceforensics(folder: Path, split: str | None) -> Found:
    """Each compression is a source, each method a generator; videos of one target are a group.

    Without its split files everything is taken. The sets of actors (DeepFakeDetection) have no split and are
    taken whole.
    """
    found = Found()
    member = _faceforensics_split(folder, split)
    for label, top in enumerate((_ORIGINAL, _MANIPULATED)):
        for path in files(folder / top):
            parts = path.relative_to(folder / top).parts
            if len(parts) < 4 or parts[1] not in _COMPRESSIONS or parts[2] not in ("videos", "images"):
                continue  # masks, models and lists beside the media
            method, compression, clip = parts[0], parts[1], Path(parts[3]).stem
            target = clip.split("_")[0]
            actors = method in ("actors", "DeepFakeDetection")
            if member is not None and not actors and target not in member:
                continue
            source = f"{'dfd' if actors else 'ff++'} {compression}"
            group = f"{'actor ' if actors else ''}{target}"
            generator = method if label else ""
            found.add(Item(path, relative(path, folder), label, source, generator, group, split or ""))
    return found


def _faceforensics_split(folder: Path, split: str | None) -> frozenset[str] | None:
    """The clips of a split; None: all of them."""
    if split == "all":
        return None
    name = split or "test"
    places = [folder / "splits" / f"{name}.json", folder / f"{name}.json"]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        if split is None:
            return None
        raise ConfigurationError(f"there is no {places[0]}; take --split all, or get it from the publisher")
    pairs = read_json(path)
    if not (isinstance(pairs, list) and all(isinstance(pair, list) for pair in pairs)):
        raise ConfigurationError(f"{path} is not a list of pairs")
    return frozenset(str(clip) for pair in pairs for clip in pair)


def is_celeb_df(folder: Path) -> bool:
    """Say whether it has the list of testing videos or the folder of syntheses."""
    return (folder / _CELEB_LIST).is_file() or bool(_celeb_folders(folder).get("celeb-synthesis"))


def _celeb_folders(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {
        path.name.lower(): path
        for path in sorted(folder.iterdir())
        if path.is_dir() and path.name.lower() in _CELEB_FOLDERS
    }


def read_celeb_df(folder: Path, split: str | None) -> Found:
    """Take the listed testing videos (split `test`, the default), all others (`train`), or all.

    The list says 1 for real, the other way round than everywhere else; where it contradicts the folders it
    is refused. Videos of one person are a group.
    """
    listed = _celeb_list(folder)
    wanted = split or ("test" if listed else "all")
    if wanted not in ("all", "train", "test"):
        raise ConfigurationError(f"Celeb-DF has no split {split!r}; known: train, test, all")
    if wanted != "all" and not listed:
        raise ConfigurationError(f"there is no {folder / _CELEB_LIST}; take --split all")
    found, seen = Found(), set()
    for lower, place in _celeb_folders(folder).items():
        label = _CELEB_FOLDERS[lower]
        for path in files(place):
            key = f"{lower}/{path.name}"
            if wanted == "all" or (key in listed) == (wanted == "test"):
                seen.add(key)
                person = path.stem.split("_")[0] if lower != "youtube-real" else ""
                generator = "celeb-synthesis" if label else ""
                found.add(Item(path, relative(path, folder), label, "celeb-df", generator, person, wanted))
    if wanted == "test":
        for key in sorted(listed - seen):
            found.skip(key, "listed, but not there")
    return found


def _celeb_list(folder: Path) -> frozenset[str]:
    path = folder / _CELEB_LIST
    if not path.is_file():
        return frozenset()
    keys = set()
    for line in read_lines(path):
        mark, _, name = line.partition(" ")
        place, _, file = name.strip().rpartition("/")
        label = _CELEB_FOLDERS.get(Path(place).name.lower() if place else "")
        if mark not in ("0", "1") or label is None or not file:
            raise ConfigurationError(f"{path}: cannot read the line {line!r}")
        if int(mark) == label:
            raise ConfigurationError(f"{path}: {line!r} contradicts its folder (1 is real there)")
        keys.add(f"{Path(place).name.lower()}/{file}")
    return frozenset(keys)


def _dfdc_files(folder: Path) -> list[Path]:
    here = folder / "metadata.json"
    return [here] if here.is_file() else sorted(folder.glob("*/metadata.json"))


def _dfdc_entries(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    content = read_json(path)
    if isinstance(content, dict):
        yield from ((name, entry) for name, entry in content.items() if isinstance(entry, dict))


def is_dfdc(folder: Path) -> bool:
    """Say whether there is a metadata.json, here or one folder deep, that labels files."""
    for path in _dfdc_files(folder)[:1]:
        for _, entry in _dfdc_entries(path):
            return str(entry.get("label", "")).upper() in ("FAKE", "REAL")
    return False


def read_dfdc(folder: Path, split: str | None) -> Found:
    """Each part is a source; a fake and the original it was made of are a group."""
    found = Found()
    for path in _dfdc_files(folder):
        source = path.parent.name if path.parent != folder else folder.resolve().name
        for name, entry in _dfdc_entries(path):
            label = {"REAL": 0, "FAKE": 1}.get(str(entry.get("label", "")).upper())
            part = str(entry.get("split", ""))
            if split not in (None, "all", part):
                continue
            file = path.parent / Path(name).name
            if label is None:
                found.skip(relative(file, folder), f"label {entry.get('label')!r}")
                continue
            group = str(entry.get("original") or name)
            generator = "dfdc" if label else ""
            found.add(Item(file, relative(file, folder), label, source, generator, group, part))
    return found
