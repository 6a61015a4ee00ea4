"""Transactions, and what can go wrong with a database, each in one sentence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from peewee import PeeweeException

from neo_core.errors import StoreError

__all__ = ["BUSY_SECONDS", "name_of", "one_sentence", "transaction"]

BUSY_SECONDS = 5

TROUBLE = (PeeweeException, sqlite3.Error, msgspec.MsgspecError, OverflowError, ValueError)

ADVICE = (
    ("disk is full", "the disk is full; free some space, then go on with `neo run --resume`"),
    ("locked", f"another process has kept it locked for {BUSY_SECONDS} seconds; end that one, or wait for it"),
    ("readonly", "it may not be written; make the file and its folder writable, or choose another database"),
    ("unable to open", "it cannot be opened; check that its folder exists and that you may read and write there"),
    ("not a database", "it is damaged, or no SQLite database; restore it from a copy, or choose another one"),
    ("malformed", "it is damaged; restore it from a copy, or move it away and start with a new one"),
    ("disk i/o", "the disk refused to write or read; check its space, limits and health"),
    ("unique constraint", "it holds a row already that must be there only once, so nothing of this was written"),
    ("closed", "it has been closed, and nothing more can be read or written"),
)


@contextmanager
def one_sentence(where: str, doing: str) -> Iterator[None]:
    try:
        yield
    except TROUBLE as error:
        raise _told(error, where, doing) from error


@contextmanager
def transaction(connection: sqlite3.Connection, where: str, doing: str) -> Iterator[None]:
    try:
        # Waits for its turn at once: one that began by reading would be refused when it comes to write.
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            # After some failures, a full disk for one, SQLite has rolled back by itself.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except TROUBLE as error:
        raise _told(error, where, doing) from error


def _told(error: Exception, where: str, doing: str) -> StoreError:
    said = str(error)
    advice = next((text for sign, text in ADVICE if sign in said.lower()), "see what it said")
    return StoreError(f"{where}: could not {doing}: {advice} ({said})")


def name_of(path: Path | None) -> str:
    return "the database in memory" if path is None else f"database {path}"
