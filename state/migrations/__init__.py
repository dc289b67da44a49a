"""Schema migrations: numbered SQL files in this folder, applied in order and once, all in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources

from sqlite_utils import Database, Migrations

from state import derived
from state.errors import SchemaTooNew
from state.sql import statements


def _apply_script(script: str) -> Callable[[Database], None]:
    def apply(db: Database) -> None:
        for statement in statements(script):
            db.execute(statement)

    return apply


def all_migrations() -> Migrations:
    """The migration set, one migration per SQL file, in the order of their names."""
    migrations = Migrations("veritag")
    files = [f for f in resources.files("state.migrations").iterdir() if f.name.endswith(".sql")]
    for file in sorted(files, key=lambda f: f.name):
        migrations(name=file.name.removesuffix(".sql"))(_apply_script(file.read_text("utf-8")))
    return migrations


def migrate(db: Database) -> None:
    """Bring the schema up to date, and what is derived from the rows with it.

    Raises:
        SchemaTooNew: the file holds migrations that this version does not know.
    """
    migrations = all_migrations()
    known = {m.name for m in migrations.pending(Database(memory=True))}
    unknown = {m.name for m in migrations.applied(db)} - known
    if unknown:
        raise SchemaTooNew(
            f"it was written by a newer version, with {', '.join(sorted(unknown))}; install that version"
        )
    if migrations.pending(db) or not derived.stands(db.conn):
        with _alone(db):
            if migrations.pending(db):
                derived.drop(db.conn)
                migrations.apply(db)
            if not derived.stands(db.conn):
                derived.make(db.conn)


@contextmanager
def _alone(db: Database) -> Iterator[None]:
    """A transaction that other processes wait for: who opens the file meanwhile finds the work done."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.rollback()
        raise
    db.execute("COMMIT")
