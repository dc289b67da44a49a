"""What follows from the rows: views, and tables that triggers keep. Made anew whenever the schema changes.

Unlike a migration, a script here may be edited: a file that has another version of it gets this one, and the
tables are filled again from the rows. While migrations run, no trigger or view of this folder stands, so that
they may rebuild any table. Every view and trigger has a name that begins with `derived_`.
"""

from __future__ import annotations

import hashlib
import sqlite3
from importlib import resources

from state.sql import statements

_NAME = "queue"


def script() -> str:
    """The SQL of everything that is derived."""
    return resources.files("state.derived").joinpath(f"{_NAME}.sql").read_text("utf-8")


def stands(connection: sqlite3.Connection) -> bool:
    """Whether this file has this version of it."""
    try:
        row = connection.execute("SELECT digest FROM derived WHERE name = ?", (_NAME,)).fetchone()
    except sqlite3.OperationalError:  # the table is not there yet
        return False
    return row is not None and row[0] == _digest()


def drop(connection: sqlite3.Connection) -> None:
    """Take away every derived view and trigger. Call it inside a transaction."""
    found = connection.execute(
        "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'trigger') AND name GLOB 'derived_*'"
    ).fetchall()
    for kind, name in found:
        connection.execute(f"DROP {kind} {name}")
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'derived'").fetchone():
        connection.execute("DELETE FROM derived")


def make(connection: sqlite3.Connection) -> None:
    """Make every view and trigger, and fill the tables from the rows. Call it inside a transaction."""
    drop(connection)
    for statement in statements(script()):
        connection.execute(statement)
    connection.execute("INSERT INTO derived (name, digest) VALUES (?, ?)", (_NAME, _digest()))


def _digest() -> str:
    return hashlib.sha256(script().encode()).hexdigest()
