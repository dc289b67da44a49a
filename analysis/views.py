"""Views of a medium: each decoded form is made once, whichever detectors ask for it.

Views are pluggable: a `Producer` says which tracks must be decoded for its view and how to make it, also out
of other views (faces out of frames, a transcript out of the waveform).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.errors import ConfigurationError
from analysis.model import Kind
from detectors.base import View
from detectors.errors import NotApplicable

if TYPE_CHECKING:
    from torch import Tensor

    from analysis.decoding.decoder import Decoded


@dataclass(frozen=True, slots=True)
class Producer:
    """How one view is made. ``make`` may raise `NotApplicable`: this medium has no such view."""

    make: Callable[[Views], Any]
    frames: bool = False
    sound: bool = False


class Views:
    """The views of one medium; one thread at a time."""

    def __init__(self, medium: Decoded, producers: Mapping[View, Producer]) -> None:
        self.medium = medium
        self._producers = producers
        self._made: dict[View, Any] = {}

    def get(self, view: View) -> Any:
        """The view, in the form that `detectors.base` lists.

        Raises:
            NotApplicable: this medium has no such view; the same again for everyone who asks.
        """
        if view not in self._made:
            try:
                self._made[view] = self._producers[view].make(self)
            except NotApplicable as reason:
                self._made[view] = reason
        made = self._made[view]
        if isinstance(made, NotApplicable):
            raise NotApplicable(str(made))
        return made


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
