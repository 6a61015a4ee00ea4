"""Finding, checking and opening the database, and saying in one sentence what is wrong with it."""

from __future__ import annotations

import time
from pathlib import Path

from peewee import OperationalError, SqliteDatabase

from neo_core.errors import StoreError
from neo_core.store.migrations import TABLES_OF, migrate
from neo_core.store.schema import VERSION, create
from neo_core.store.sentences import BUSY_SECONDS, name_of, one_sentence, transaction

__all__ = ["open_database"]

RETRY_SECONDS = 0.01
CHECKED_BYTES = 16 * 2**20
"""A file up to this size is checked whole before a session starts on it: less than a tenth of a second."""


def open_database(url: str, durable: bool, must_exist: bool) -> tuple[SqliteDatabase, Path | None, str]:
    """The connected database with its tables in place; its file, or none in memory; and what there is to tell."""
    path = _path(url)
    if path is not None:
        _prepare(path, must_exist)
    where, told = name_of(path), ""
    database = SqliteDatabase(":memory:" if path is None else str(path), timeout=BUSY_SECONDS, autoconnect=False)
    try:
        with one_sentence(where, "open it"):
            database.connect()
            version = _check(database, where, path, must_exist)
            # Not before the check: this one is written into the file, which may be somebody else's.
            _into_wal(database)
            database.pragma("synchronous", "full" if durable else "normal")
            connection = database.connection()  # type: ignore[no-untyped-call]  # untyped in the stubs
            if version == 0:
                with transaction(connection, where, "make its tables"):
                    create(database)
                    database.pragma("user_version", VERSION)
            elif version < VERSION and path is not None:
                told = migrate(connection, path)
    except BaseException:
        database.close()
        raise
    return database, path, told


def _into_wal(database: SqliteDatabase) -> None:
    """Two processes that do this to a new file at the same time: SQLite refuses one, and does not let it wait."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            database.pragma("journal_mode", "wal")
        except OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return


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


def _check(database: SqliteDatabase, where: str, path: Path | None, must_exist: bool) -> int:
    """Its schema, 0 for an empty one. Anything but a database of this NEO, or of an older one, is refused."""
    with database.atomic("DEFERRED"):  # both of one moment: another process may be making the tables
        version, found = int(database.pragma("user_version")), set(database.get_tables())
    if version > VERSION:
        raise StoreError(
            f"{where}: expected schema {VERSION}, got {version}: it was written by a newer NEO; "
            "use that one, or choose another database"
        )
    expected = TABLES_OF.get(version)
    if expected is not None and expected <= found:
        if path is not None and not must_exist and path.stat().st_size <= CHECKED_BYTES:
            _check_pages(database, where)
        return version
    if found or version:
        names = ", ".join(sorted(found)[:5]) or "none"
        raise StoreError(
            f"{where}: expected a database of NEO, got one of something else (its tables: {names}); choose another"
        )
    if must_exist:
        raise StoreError(f"{where} is empty: run `neo run` first, or name another with --database")
    return 0


def _check_pages(database: SqliteDatabase, where: str) -> None:
    verdict = database.pragma("quick_check(1)")
    if verdict != "ok":
        raise StoreError(
            f"{where}: it is damaged ({verdict}); restore it from a copy, or move it away and start with a new one"
        )
