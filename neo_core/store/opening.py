"""Finding, checking and opening the database, and saying in one sentence what is wrong with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from peewee import PeeweeException, SqliteDatabase

from neo_core.errors import StoreError
from neo_core.store.schema import TABLES, VERSION, create

__all__ = ["hold", "name_of", "one_sentence", "open_database", "transaction"]

BUSY_SECONDS = 5
CHECKED_BYTES = 16 * 2**20
"""A file up to this size is checked whole before a session starts on it: less than a tenth of a second."""

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
    except (PeeweeException, sqlite3.Error, msgspec.MsgspecError, OverflowError, ValueError) as error:
        said = str(error)
        advice = next((text for sign, text in ADVICE if sign in said.lower()), "see what it said")
        raise StoreError(f"{where}: could not {doing}: {advice} ({said})") from error


@contextmanager
def transaction(connection: sqlite3.Connection, where: str, doing: str) -> Iterator[None]:
    with one_sentence(where, doing):
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


def hold(path: Path | None, engine: str) -> sqlite3.Connection | None:
    """Keeps other processes from running this engine on this database until it is closed, or its process dies.

    A lock on a file of its own, taken through SQLite because that is the same on every system.
    """
    if path is None:
        return None
    connection = sqlite3.connect(path.with_name(f"{path.name}.{engine}.lock"), timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(
            f"engine {engine!r} is running on {name_of(path)} already ({error}): stop that session first, "
            "or give this one another --engine or --database"
        ) from error
    return connection


def open_database(url: str, durable: bool, must_exist: bool) -> tuple[SqliteDatabase, Path | None]:
    """The connected database with its tables in place, and its file; no file, if it is in memory."""
    path = _path(url)
    if path is not None:
        _prepare(path, must_exist)
    where = name_of(path)
    database = SqliteDatabase(":memory:" if path is None else str(path), timeout=BUSY_SECONDS, autoconnect=False)
    try:
        with one_sentence(where, "open it"):
            database.connect()
            made = _check(database, where, path, must_exist)
            # Not before the check: this one is written into the file, which may be somebody else's.
            database.pragma("journal_mode", "wal")
            database.pragma("synchronous", "full" if durable else "normal")
            if not made:
                connection = database.connection()  # type: ignore[no-untyped-call]  # untyped in the stubs
                with transaction(connection, where, "make its tables"):
                    create(database)
                    database.pragma("user_version", VERSION)
    except BaseException:
        database.close()
        raise
    return database, path


def name_of(path: Path | None) -> str:
    return "the database in memory" if path is None else f"database {path}"


def _path(url: str) -> Path | None:
    if url == "sqlite://":
        return None
    name = url.removeprefix("sqlite:///")
    if name == url or name == "":
        # Whatever follows the scheme may hold a password.
        raise StoreError(
            "database: expected sqlite:/// and the path of a file, like sqlite:///neo.db, "
            f"got a URL that begins with {url.partition(':')[0]!r}; only SQLite can be used"
        )
    return Path(name)


def _prepare(path: Path, must_exist: bool) -> None:
    try:
        if path.is_dir():
            raise StoreError(f"database {path}: expected a file, got a folder; name a file in it")
        if must_exist:
            if not path.exists():
                raise StoreError(f"no database at {path}: run `neo run` first, or name another with --database")
            return
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"database {path}: its folder cannot be made or read ({error}); choose another place for it"
        ) from error


def _check(database: SqliteDatabase, where: str, path: Path | None, must_exist: bool) -> bool:
    """Whether its tables are there already. Anything but a database of this NEO, or an empty one, is refused."""
    version = int(database.pragma("user_version"))
    if version > VERSION:
        raise StoreError(
            f"{where}: expected schema {VERSION}, got {version}: it was written by a newer NEO; "
            "use that one, or choose another database"
        )
    found = set(database.get_tables())
    expected = {table._meta.table_name for table in TABLES}  # noqa: SLF001 (as peewee documents it)
    if version == VERSION and expected <= found:
        if path is not None and not must_exist and path.stat().st_size <= CHECKED_BYTES:
            _check_pages(database, where)
        return True
    if found or version:
        names = ", ".join(sorted(found)[:5]) or "none"
        raise StoreError(
            f"{where}: expected a database of NEO, got one of something else (its tables: {names}); choose another"
        )
    if must_exist:
        raise StoreError(f"{where} is empty: run `neo run` first, or name another with --database")
    return False


def _check_pages(database: SqliteDatabase, where: str) -> None:
    verdict = database.pragma("quick_check(1)")
    if verdict != "ok":
        raise StoreError(
            f"{where}: it is damaged ({verdict}); restore it from a copy, or move it away and start with a new one"
        )
