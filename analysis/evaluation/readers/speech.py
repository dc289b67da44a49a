"""ASVspoof protocols (www.asvspoof.org): one line per utterance, sound as flac/NAME.flac somewhere below.

2019 LA, ASVspoof2019.LA.cm.{train.trn,dev.trl,eval.trl}.txt:  LA_0039 LA_E_2834763 - A11 spoof
2021 LA, keys/LA/CM/trial_metadata.txt:  LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval
2021 DF, keys/DF/CM/trial_metadata.txt:  LA_0043 DF_E_2000026 mp3m4a asvspoof A09 spoof notrim eval ...
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from analysis.errors import ConfigurationError
from analysis.evaluation.items import Item, is_media
from analysis.evaluation.readers.base import LABELS, Found, files, read_lines, relative

_NAME_2019 = re.compile(r"ASVspoof2019\.(?P<set>LA|PA)\.cm\.(?P<split>train|dev|eval)\.tr[ln]\.txt")
_NAME_2021 = "trial_metadata.txt"
_KEYS = ("bonafide", "spoof")
_PHASES = ("progress", "eval", "hidden")


@dataclass(frozen=True, slots=True)
class _Trial:
    speaker: str
    name: str
    attack: str
    label: int
    phase: str


def _protocols(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    return [
        path
        for path in sorted(folder.rglob("*.txt"))
        if _NAME_2019.fullmatch(path.name) or (path.name == _NAME_2021 and path.parent.name == "CM")
    ]


def is_asvspoof(folder: Path) -> bool:
    """Say whether there is a protocol below the folder."""
    return folder.is_dir() and bool(_protocols(folder))


def read_asvspoof(folder: Path, split: str | None) -> Found:
    """A protocol is a source, an attack a generator, a speaker a group; the default split is `eval`."""
    found = Found()
    sounds = {path.stem: path for path in files(folder) if is_media(path)}
    for protocol in _protocols(folder):
        named = _NAME_2019.fullmatch(protocol.name)
        for line in read_lines(protocol):
            trial = _trial(protocol, line, named["split"] if named else "")
            if (split or "eval") not in ("all", trial.phase):
                continue
            source = f"asvspoof2019 {named['set']}" if named else f"asvspoof2021 {trial.name[:2]}"
            path = sounds.get(trial.name)
            if path is None:
                found.skip(trial.name, "listed, but not there")
                continue
            generator = trial.attack if trial.label else ""
            name = relative(path, folder)
            found.add(Item(path, name, trial.label, source, generator, trial.speaker, trial.phase))
    return found


def _trial(protocol: Path, line: str, phase: str) -> _Trial:
    words = line.split()
    # A real trial of 2021 says "bonafide bonafide": its attack and its key. The last one is the key.
    keys = [place for place, word in enumerate(words) if word in _KEYS]
    if len(words) < 5 or not keys or keys[-1] < 3:
        raise ConfigurationError(f"{protocol.name}: cannot read the line {line!r}")
    key = keys[-1]
    after = [word for word in words[key + 1 :] if word in _PHASES]
    return _Trial(words[0], words[1], words[key - 1], LABELS[words[key]], after[0] if after else phase)
