"""From folders of media to the views that detectors are trained on, by the engine's own decoding.

Detectors know no media files: what decodes them is `analysis`, in its child process and with its limits. So
a detector is trained on exactly the views that it will judge. Each view is kept under the digest of its
medium; a pass that was stopped goes on, and a medium that has no such view is noted and not tried again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import BotError, ConfigError
from detectors.base import View

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from analysis.limits import Limits
    from detectors.record import WeightsRecord

log = logging.getLogger(__name__)
CLASSES = frozenset({"real", "fake"})
_WITHOUT = ".none"  # says why a medium has no view
# What lies beside media and is none.
_NOT_MEDIA = frozenset({".csv", ".json", ".jsonl", ".md", ".tsv", ".txt"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A folder of views and what became of the media."""

    folder: Path
    made: int
    passed_over: int


def media_below(folder: Path) -> list[Path]:
    """List the files below a folder that lie in ``real`` or ``fake``, in a fixed order."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.parent.name in CLASSES
        and path.is_file()
        and not path.name.startswith(".")
        and path.suffix.lower() not in _NOT_MEDIA
    ]


def holds_views(folder: Path) -> bool:
    """Say whether a folder holds views already."""
    return any(path.parent.name in CLASSES for path in folder.rglob("*.npy"))


def prepare(
    folder: Path,
    record: WeightsRecord,
    view: View,
    cache: Path,
    limits: Limits,
    *,
    device: str = "cpu",
    shown: Callable[[list[Path]], Iterable[Path]] = lambda media: media,
) -> Prepared:
    """Make one detector's view of every medium below a folder.

    Args:
        folder: ``SOURCE/{real,fake}/<media>``, or ``{real,fake}/<media>``.
        record: of the detector, which decides the form of the view.
        cache: where views are kept; the folder that is returned lies in it.
        limits: as for the engine; a training reads long clips to the same extent.
        device: where faces are looked for.
        shown: goes through the media and shows how far it is.

    Raises:
        ConfigError: no medium there.
        BotError: none of them has such a view.
        WeightsError: what finds faces has no weights on this machine.
    """
    media = media_below(folder)
    if not media:
        raise ConfigError(f"{folder} has no media in folders called real and fake")
    target = cache / "views" / _name(folder, record, view, limits)
    with _making(record, view, limits, device) as make:
        kept = [_keep(path, folder, target, make) for path in shown(media)]
    found = {path for path in kept if path is not None}
    if not found:
        raise BotError(f"no medium of {folder} has {view.value.replace('_', ' ')}; what is above says why")
    _remove_others(target, found)
    return Prepared(target, len(found), kept.count(None))


def _name(folder: Path, record: WeightsRecord, view: View, limits: Limits) -> str:
    """One folder for each folder of media and form of a view."""
    from analysis.engine import ENGINE_VERSION, WHAT_IS_SEEN

    form = sorted(record.preprocessing.items()) if view is not View.WAVEFORM else []
    seen = [str(getattr(limits, name)) for name in WHAT_IS_SEEN]
    said = repr((str(folder.resolve()), view.value, form, seen, ENGINE_VERSION))
    return f"{view.value}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


@contextmanager
def _making(
    record: WeightsRecord, view: View, limits: Limits, device: str
) -> Iterator[Callable[[Path], NDArray[np.generic]]]:
    """Give what makes the view of one file; one child decodes all of them."""
    from analysis.decoding.decoder import Decoder
    from analysis.producers import producers_on
    from analysis.views import Views

    producers = producers_on(device, limits)
    producer = producers[view]
    producer.make_for(record)  # what finds faces is loaded, or missing, now
    decoder = Decoder(limits)

    def make(path: Path) -> NDArray[np.generic]:
        medium = decoder.decode(path, frames=producer.frames, sound=producer.sound, row=producer.row)
        made: NDArray[np.generic] = Views(medium, producers).get(view, record).numpy()
        return made

    try:
        yield make
    finally:
        decoder.close()


def _keep(path: Path, folder: Path, target: Path, make: Callable[[Path], NDArray[np.generic]]) -> Path | None:
    """Return the file with a medium's view, made if need be; None where it has no such view."""
    import numpy as np

    from analysis.errors import MediumRefused
    from detectors.errors import NotApplicable

    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    source = path.parent.parent.name if path.parent.parent != folder else folder.resolve().name
    kept = target / source / path.parent.name / f"{digest}.npy"
    without = kept.with_suffix(_WITHOUT)
    if kept.is_file():
        return kept
    if without.is_file():
        return None
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        view = make(path)
    except (MediumRefused, NotApplicable) as reason:
        log.warning("%s is passed over: %s", path, reason)
        without.write_text(f"{reason}\n", "utf-8")
        return None
    being_written = kept.with_suffix(".new")
    with being_written.open("wb") as file:
        np.save(file, view)
    being_written.replace(kept)
    return kept


def _remove_others(target: Path, wanted: set[Path]) -> None:
    """Views of media that are no longer in the folder are not trained on."""
    for path in target.rglob("*.npy"):
        if path not in wanted:
            path.unlink()
