"""How the commands show a band: one sign, one colour, plain words."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.model import Band


@dataclass(frozen=True, slots=True)
class Look:
    """``words`` complete the sentence "photo.jpg: ..."; the sign says the same to those who see no colour."""

    sign: str
    colour: str
    words: str


LOOKS = {
    Band.TRUSTED: Look(
        "✔", "green", "trusted origin: its signed content credentials declare a camera capture"
    ),
    Band.LOW: Look("●", "green", "little evidence of generation or manipulation"),
    Band.UNCERTAIN: Look("?", "yellow", "uncertain: the evidence does not decide"),
    Band.HIGH: Look("▲", "red", "substantial evidence of generation or manipulation"),
    Band.UNKNOWN: Look("–", "dim", "unknown: nothing here can judge this medium"),
}
