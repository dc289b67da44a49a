"""What is kept beside the weights: converted networks, and which runner each machine took."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.backends.base import Choice

if TYPE_CHECKING:
    from detectors.record import WeightsRecord

log = logging.getLogger(__name__)
_LIBRARIES = ("torch", "openvino")


@dataclass(frozen=True, slots=True)
class Entry:
    """One network's place; ``folder`` is None where nothing is kept.

    ``network`` names the weights, the code and the libraries, ``proof`` also the processor and the wish.
    """

    folder: Path | None
    name: str
    network: str
    proof: str

    def known(self) -> str | None:
        """The runner that was taken before."""
        file = self._proof_file()
        if file is None or not file.is_file():
            return None
        try:
            runner = json.loads(file.read_text("utf-8"))["runner"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return runner if isinstance(runner, str) else None

    def remember(self, runner: str) -> None:
        """Keep which runner was taken."""
        file = self._proof_file()
        if file is not None:
            self._write(file, lambda path: path.write_text(json.dumps({"runner": runner}) + "\n", "utf-8"))

    def model(self, width: str) -> Path | None:
        """The network as converted for a width of arithmetic, if it is kept."""
        file = self._model_file(width)
        return file if file is not None and file.is_file() else None

    def keep(self, width: str, write: Callable[[Path], object]) -> None:
        """Keep a converted network, and drop those of other weights, code or libraries."""
        file = self._model_file(width)
        # The description comes last into its place: it is what makes a kept network count as there.
        if file is not None and self._write(file, write):
            for old in file.parent.glob(f"{self.name}-*"):
                if not old.name.startswith(f"{self.name}-{self.network}"):
                    old.unlink(missing_ok=True)

    def keep_only(self, width: str) -> None:
        """Drop the network's other widths."""
        file = self._model_file(width)
        if file is not None:
            for old in file.parent.glob(f"{self.name}-{self.network}-*"):
                if old.suffix in (".xml", ".bin") and old.stem != file.stem:
                    with suppress(OSError):  # some systems do not let go of what is in use
                        old.unlink()

    def _write(self, file: Path, write: Callable[[Path], object]) -> bool:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh = file.with_name(f"{file.stem}.new{file.suffix}")
            write(fresh)
            if file.suffix == ".xml":
                fresh.with_suffix(".bin").replace(file.with_suffix(".bin"))
            fresh.replace(file)
        except (OSError, RuntimeError) as error:
            log.warning("the converted network cannot be kept in %s (%s)", file.parent, error)
            return False
        return True

    def _model_file(self, width: str) -> Path | None:
        return self.folder and self.folder / f"{self.name}-{self.network}-{width}.xml"

    def _proof_file(self) -> Path | None:
        return self.folder and self.folder / f"{self.name}-{self.network}-{self.proof}.json"


def entry(record: WeightsRecord, choice: Choice, device: str, shape: tuple[int, ...]) -> Entry:
    """A network's place. Weights that nobody knows the hash of are not kept."""
    from detectors import weights

    hashes = [weights.pins(weights.location(part)).stored or part.file.sha256 for part in record.files()]
    network = _hash([record.name, hashes, shape, _code(), [_version(name) for name in _LIBRARIES]])
    proof = _hash([device, _processor(), choice.backend, choice.exact, choice.threads])
    folder = choice.folder if all(hashes) else None
    return Entry(folder, record.name, network, proof)


@cache
def _code() -> str:
    """A hash of this package: a network that is written otherwise is converted anew."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


@cache
def _processor() -> str:
    """The processor's name and its instructions."""
    file = Path("/proc/cpuinfo")
    if not file.is_file():
        return ""
    told = file.read_text("utf-8").splitlines()
    return "\n".join(sorted({line for line in told if line.startswith(("model name", "flags"))}))


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _hash(described: object) -> str:
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]
