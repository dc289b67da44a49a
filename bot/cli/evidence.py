"""Evidence pictures as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import ConfigError

if TYPE_CHECKING:
    from analysis.engine import EmbeddedAnalyzer
    from analysis.model import Analysis


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture that was written, and what it shows in words."""

    file: Path
    alt: str


def draw(analysis: Analysis, path: Path, engine: EmbeddedAnalyzer, folder: Path) -> list[Drawn]:
    """Write the evidence of one medium, ``path``, into a folder; each file's name begins with its digest.

    Raises:
        ConfigError: the folder cannot be written to.
        MediumRefused, EngineFailed: the file cannot be read again.
    """
    from analysis.evidence.explain import explain

    drawn = []
    for picture in explain(path, analysis.sha256, analysis.scores, engine):
        file = folder / f"{analysis.sha256[:12]}-{picture.name}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_bytes(picture.png)
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise ConfigError(
                f"--evidence: {file} cannot be written ({reason}); name another folder"
            ) from error
        drawn.append(Drawn(file, picture.alt))
    return drawn
