"""The gallery of a detector's mistakes on media that may be shown: samples, and what is made of them.

No measurement: a few media of one's own say where to look, not how often it errs. For model cards.
"""

from analysis.gallery.model import Gallery, is_current
from analysis.gallery.run import make_galleries

__all__ = ["Gallery", "is_current", "make_galleries"]
