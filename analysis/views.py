"""Views of a medium: each decoded form is made once, whichever detectors ask for it.

Views are pluggable: a `Producer` says which tracks must be decoded for its view and how to make it, also out
of other views (faces out of frames, a transcript out of the waveform). A view that detectors want in several
forms (face crops with more or less around them) is made once per form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from analysis.errors import ConfigurationError
from analysis.model import Kind
from detectors.base import View
from detectors.errors import NotApplicable

if TYPE_CHECKING:
    from torch import Tensor

    from analysis.decoding.decoder import Decoded
    from detectors.record import WeightsRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Made:
    """A view with what people may want to see of how it was made, in JSON-serialisable values."""

    view: Any
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Producer:
    """How one view is made. ``make`` returns it, or a `Made`.

    It may raise `NotApplicable`: this medium has no such view. ``frames``, ``sound`` and ``row`` are the
    tracks that must be decoded for it. ``tailor``, where a view has several forms, returns the ``make`` of
    the form that a detector with the given record needs, equal for the same form; it loads what that takes
    and may raise `WeightsError`: that detector cannot judge on this machine.
    """

    make: Callable[[Views], Any]
    frames: bool = False
    sound: bool = False
    row: bool = False
    tailor: Callable[[WeightsRecord], Callable[[Views], Any]] | None = None

    def make_for(self, record: WeightsRecord | None) -> Callable[[Views], Any]:
        """How the view is made for a detector."""
        return self.make if self.tailor is None or record is None else self.tailor(record)


class Views:
    """The views of one medium; one thread at a time."""

    def __init__(self, medium: Decoded, producers: Mapping[View, Producer]) -> None:
        self.medium = medium
        self._producers = producers
        self._made: dict[Callable[[Views], Any], Any] = {}

    def get(self, view: View, record: WeightsRecord | None = None) -> Any:
        """The view, in the form that `detectors.base` lists, for the detector with this record.

        Raises:
            NotApplicable: this medium has no such view; the same again for everyone who asks.
        """
        return self.made(view, record).view

    def made(self, view: View, record: WeightsRecord | None = None) -> Made:
        """As `get`, with the evidence."""
        made = self.once(self._producers[view].make_for(record))
        return made if isinstance(made, Made) else Made(made)

    def once(self, make: Callable[[Views], T]) -> T:
        """What ``make`` returns for this medium; an equal one is not called again.

        Raises:
            NotApplicable: as ``make`` does, the same again for everyone who asks.
        """
        if make not in self._made:
            try:
                self._made[make] = make(self)
            except NotApplicable as reason:
                self._made[make] = reason
        made = self._made[make]
        if isinstance(made, NotApplicable):
            raise NotApplicable(str(made))
        result: T = made
        return result


def frames(views: Views) -> Tensor:
    """All decoded frames, without a copy."""
    import torch

    if views.medium.frames is None:
        raise NotApplicable("judges pictures; there are none")
    return torch.from_numpy(views.medium.frames)


def waveform(views: Views) -> Tensor:
    """The decoded sound, without a copy."""
    import torch

    if views.medium.waveform is None:
        silent = views.medium.probe.kind is not Kind.IMAGE and views.medium.probe.has_audio
        raise NotApplicable("its sound could not be read" if silent else "judges sound; there is none")
    return torch.from_numpy(views.medium.waveform)


def row(views: Views) -> Tensor:
    """The first frames of a video without a gap between them, without a copy."""
    import torch

    if views.medium.row is None:
        raise NotApplicable("judges moving pictures; there are none")
    return torch.from_numpy(views.medium.row)


PRODUCERS: Mapping[View, Producer] = {
    View.FRAMES: Producer(frames, frames=True),
    View.WAVEFORM: Producer(waveform, sound=True),
}


def require(wanted: Iterable[tuple[str, View]], producers: Mapping[View, Producer]) -> None:
    """Check at start-up that every detector's view can be made; takes (detector's name, view) pairs.

    Raises:
        ConfigurationError: names the detector and its view.
    """
    for name, view in wanted:
        if view not in producers:
            raise ConfigurationError(
                f"detector {name} needs the view {view}, which this engine cannot make; take it off the list"
            )
