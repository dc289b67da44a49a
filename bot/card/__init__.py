"""The verdict card: a picture that goes with a reply and says the verdict at a glance.

`fonts` what its words can be written with; `layout` where lines end; `draw` the picture; `words` what it
says, made from a reply's row; `cards` keeps what was drawn.
"""

from bot.card.cards import Cards
from bot.card.draw import Thumbnail

__all__ = ["Cards", "Thumbnail"]
