"""Where the reading of mentions has come to: X lists newest first, page by page, so this takes some words.

- ``floor``: everything up to this id was read. It never moves back, whatever is deleted.
- ``top``: the newest id of the pass that is under way; the next floor.
- ``token``: X's name for the page that comes next in this pass.
- ``below``: ids from here up were already taken from that page.

Ids of X grow with time: they are compared as integers here and nowhere else.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError


class Cursor(BaseModel):
    """One place. `str()` is its opaque token."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    floor: int = 0
    top: int = 0
    token: str | None = None
    below: int | None = None

    def __str__(self) -> str:
        return self.model_dump_json(exclude_defaults=True)

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """The place that a token names; None where it is none."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return None

    @property
    def since_id(self) -> str | None:
        """What X is asked for: only what is newer."""
        return str(self.floor) if self.floor else None

    def takes(self, post_id: str) -> bool:
        """Whether a post of the page is still to be taken."""
        number = int(post_id)
        return number > self.floor and (self.below is None or number < self.below)

    def behind(self, taken: list[str], *, left: bool, next_token: str | None) -> Cursor:
        """The place behind some posts of the page: in it if some are ``left``, else behind it."""
        top = max([self.top, self.floor, *map(int, taken)])
        if left:
            return Cursor(floor=self.floor, top=top, token=self.token, below=min(map(int, taken)))
        if next_token is not None:
            return Cursor(floor=self.floor, top=top, token=next_token)
        return Cursor(floor=top)

    def again(self) -> Cursor:
        """The same pass from its first page: some posts will come twice, none is missed."""
        return Cursor(floor=self.floor, top=self.top)
