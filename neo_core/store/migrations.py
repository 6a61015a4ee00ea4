"""Databases of older schemas are brought to this one: all of it, or nothing. (SPEC REC-10)"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

from neo_core.errors import StoreError
from neo_core.store.locks import lock_file, try_lock
from neo_core.store.schema import TABLES, VERSION
from neo_core.store.sentences import name_of, transaction

__all__ = ["MIGRATIONS", "TABLES_OF", "migrate"]

FIRST = frozenset({"sessions", "engine_state", "orders", "fills", "ticks", "events", "anomalies"})

TABLES_OF: Mapping[int, frozenset[str]] = {
    1: FIRST,
    2: frozenset(table._meta.table_name for table in TABLES),  # noqa: SLF001 (as peewee documents it)
}
"""What a database of a schema has at least."""

# As text, and not from schema.py: that one will have moved on, and what was shipped must stay as it was.
TO_2 = (
    "ALTER TABLE orders ADD COLUMN filled_drops INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE orders ADD COLUMN vanished_ledger INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE anomalies ADD COLUMN age_seconds REAL",
    "ALTER TABLE anomalies ADD COLUMN token TEXT NOT NULL DEFAULT ''",
    """CREATE TABLE truth_checks (
        id INTEGER NOT NULL PRIMARY KEY, engine TEXT NOT NULL, session INTEGER NOT NULL, tick INTEGER NOT NULL,
        ledger_index INTEGER NOT NULL, at REAL NOT NULL, verdict TEXT NOT NULL, inventory TEXT, wallet TEXT,
        xrp_difference TEXT, rlusd_difference TEXT)""",
    "CREATE INDEX truthchecks_session ON truth_checks (session)",
    """CREATE TABLE leases (
        engine TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, session INTEGER, host TEXT NOT NULL,
        pid INTEGER NOT NULL, taken_at REAL NOT NULL, beaten_at REAL NOT NULL, expires_at REAL NOT NULL,
        locked INTEGER NOT NULL)""",
    """CREATE TABLE commands (
        id INTEGER NOT NULL PRIMARY KEY, engine TEXT NOT NULL, kind TEXT NOT NULL, order_id TEXT NOT NULL,
        filled INTEGER NOT NULL, reason TEXT NOT NULL, asked_at REAL NOT NULL, done_at REAL, session INTEGER,
        tick INTEGER, result TEXT)""",
    "CREATE INDEX commands_engine ON commands (engine)",
)


def _to_2(connection: sqlite3.Connection) -> None:
    for statement in TO_2:
        connection.execute(statement)
    booked = connection.execute(
        "SELECT sum(CASE fills.side WHEN orders.side THEN fills.drops ELSE -fills.drops END), engine, orders.id "
        "FROM fills JOIN orders USING (engine, account) WHERE orders.id = order_id GROUP BY engine, orders.id"
    ).fetchall()
    connection.executemany("UPDATE orders SET filled_drops = ? WHERE engine = ? AND id = ?", booked)


MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _to_2}
"""From a schema to the next one."""


def migrate(connection: sqlite3.Connection, path: Path) -> str:
    """Brings the database to this schema and tells so; it is copied before, beside itself."""
    where, copy = name_of(path), None
    with ExitStack() as kept_out:
        for (engine,) in connection.execute("SELECT DISTINCT engine FROM sessions ORDER BY engine").fetchall():
            _keep_out(kept_out, path, engine)
        try:
            with transaction(connection, where, f"bring it to schema {VERSION}"):
                found = version = int(connection.execute("PRAGMA user_version").fetchone()[0])
                if version == VERSION:
                    return ""  # another process was faster
                copy = _copy(path, version)
                while version < VERSION:
                    MIGRATIONS[version](connection)
                    version += 1
                connection.execute(f"PRAGMA user_version = {VERSION}")
        except Exception as error:
            kept = "" if copy is None else f", and a copy of it is {copy}"
            raise StoreError(
                f"{where}: could not be brought to schema {VERSION}, so nothing in it was changed{kept} ({error})"
            ) from error
    return f"{where} was brought from schema {found} to {VERSION}; as it was before, it is kept as {copy}"


def _keep_out(kept_out: ExitStack, path: Path, engine: str) -> None:
    """An older NEO knows no lease: it holds the lock of its engine for as long as it runs."""
    if not lock_file(path, engine).exists():
        return
    lock = try_lock(path, engine)
    if lock is None:
        raise StoreError(
            f"{name_of(path)}: it has to be brought to schema {VERSION}, but engine {engine!r} is running on it "
            "with an older NEO; stop that session first"
        )
    kept_out.enter_context(closing(lock))


def _copy(path: Path, version: int) -> Path:
    """A copy beside the database, under a name that is free. It has that name only once it is whole."""
    number, target = 1, path.with_name(f"{path.name}.schema{version}-backup")
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.schema{version}-backup-{number}")
    partial = target.with_name(f"{target.name}.part")
    try:
        for left in (partial, *(partial.with_name(f"{partial.name}-{end}") for end in ("journal", "wal", "shm"))):
            left.unlink(missing_ok=True)
        # By a connection of its own: from one in the middle of a transaction SQLite would wait forever to copy.
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)
        partial.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"it could not be copied to {target} first; make room there and make the folder writable ({error})"
        ) from error
    return target
