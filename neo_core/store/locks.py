"""A lock that ends with the process that holds it, however it ends."""

from __future__ import annotations

import sqlite3
from pathlib import Path

__all__ = ["lock_file", "try_lock"]


def lock_file(database: Path, engine: str) -> Path:
    return database.with_name(f"{database.name}.{engine}.lock")


def try_lock(database: Path, engine: str, patience_seconds: float = 0.0) -> sqlite3.Connection | None:
    """The lock of an engine, held until it is closed; None if it cannot be had, for one because another has it.

    On a file of its own, and taken through SQLite because that is the same on every system.
    """
    connection = None
    try:
        connection = sqlite3.connect(lock_file(database, engine), timeout=patience_seconds, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:
        if connection is not None:
            connection.close()
        return None
    return connection
