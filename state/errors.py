"""Everything that can go wrong in this room, drawn once.

StateError
├── AlreadyThere   a row of that name is there already
├── LeaseLost      the job that is being finished is no longer ours: its lease ran out
├── NotFound       there is no such row
├── SchemaTooNew   the file was written by a newer version of this software
└── StoreClosed    the process is ending and takes up nothing new
"""

from __future__ import annotations


class StateError(Exception):
    """Base of this room's errors. `str()` is one line that names the cause and the mend."""


class AlreadyThere(StateError):
    """A row of that name is there already."""


class LeaseLost(StateError):
    """The job that is being finished is no longer ours; whoever holds it now will finish it."""


class NotFound(StateError):
    """There is no such row."""


class SchemaTooNew(StateError):
    """The file was written by a newer version of this software."""


class StoreClosed(StateError):
    """The process is ending and takes up nothing new."""
