"""How a detector's network is run: plain torch in float32, or something faster that was proven equal to it.

`accelerate` is the one door. Nothing here changes what a detector computes, only the arithmetic's width and
who does it.
"""

from detectors.backends.base import Backend, Choice, Forward
from detectors.backends.choosing import accelerate

__all__ = ["Backend", "Choice", "Forward", "accelerate"]
